//! Who stands in for workers that are stuck: somebody if something waits, nobody if not, and not for ever.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use rust_routines::routine::{self, Place};
use rust_routines::runtime::{Builder, OnStall, Runtime};
use rust_routines::{channel, time};
use rust_routines_tests::wait::{eventually, spin_until};
use rust_routines_tests::watched;

use super::runtime;

/// A gate of the operating system, which a routine can only block its worker at.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Gate {
    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.opened.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

fn block(runtime: &Runtime, gate: &Arc<Gate>, count: usize) -> Vec<routine::JoinHandle<()>> {
    let spawn = |_| {
        let gate = gate.clone();
        runtime.spawn(move || gate.wait())
    };
    (0..count).map(spawn).collect()
}

fn join_all(handles: Vec<routine::JoinHandle<()>>) {
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn others_go_on_while_all_workers_are_blocked() {
    watched(|| {
        let runtime = runtime(2);
        let gate = Arc::new(Gate::default());
        let blocked = block(&runtime, &gate, 2);
        eventually("both are blocked", || {
            gate.waiting.load(Ordering::SeqCst) == 2
        });
        for _ in 0..100 {
            runtime
                .spawn(|| time::sleep(time::Duration::from_micros(10)))
                .join()
                .unwrap();
        }
        let metrics = runtime.metrics();
        assert!(metrics.compensating >= 1);
        assert_eq!(metrics.active, 2 + metrics.compensating);
        gate.open();
        join_all(blocked);
        eventually("those that stood in have gone", || {
            let metrics = runtime.metrics();
            (metrics.active, metrics.compensating, metrics.draining) == (2, 0, 0)
        });
    });
}

/// Each stand-in blocks too: up to four times as many workers, and no more.
#[test]
fn there_is_a_cap() {
    watched(|| {
        let runtime = runtime(2);
        let gate = Arc::new(Gate::default());
        let blocked = block(&runtime, &gate, 40);
        eventually("as many as may are blocked", || {
            gate.waiting.load(Ordering::SeqCst) == 8
        });
        eventually("all of them are found", || {
            let stalls = runtime.metrics().stalls;
            stalls.futexes + stalls.unknown >= 8
        });
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 8);
        assert_eq!(runtime.metrics().active, 8);
        gate.open();
        join_all(blocked);
    });
}

/// Computing: one in all, which is not replaced when it computes too.
#[test]
fn one_stands_in_for_all_that_compute() {
    watched(|| {
        let runtime = runtime(2);
        let end = Arc::new(AtomicBool::new(false));
        let spins: Vec<_> = (0..5)
            .map(|_| {
                let end = end.clone();
                runtime.spawn(move || spin_until("the end", || end.load(Ordering::SeqCst)))
            })
            .collect();
        eventually("three of them run", || {
            runtime.metrics().stalls.computing >= 3
        });
        assert_eq!(runtime.metrics().compensating, 1);
        let running = runtime
            .metrics()
            .workers
            .iter()
            .map(|worker| worker.live)
            .sum::<usize>();
        assert_eq!(running, 3);
        end.store(true, Ordering::SeqCst);
        join_all(spins);
    });
}

#[test]
fn nobody_stands_in_if_nothing_waits() {
    watched(|| {
        let runtime = runtime(2);
        let end = Arc::new(AtomicBool::new(false));
        let spins: Vec<_> = (0..2)
            .map(|_| {
                let end = end.clone();
                runtime.spawn(move || spin_until("the end", || end.load(Ordering::SeqCst)))
            })
            .collect();
        eventually("both are stuck", || runtime.metrics().stalls.computing == 2);
        let gate = Arc::new(Gate::default());
        end.store(true, Ordering::SeqCst);
        join_all(spins);
        let blocked = block(&runtime, &gate, 2);
        eventually("both are blocked", || {
            let stalls = runtime.metrics().stalls;
            stalls.futexes + stalls.unknown >= 2
        });
        let metrics = runtime.metrics();
        assert_eq!(
            (metrics.active, metrics.workers.len()),
            (2, 2),
            "nobody was hired"
        );
        gate.open();
        join_all(blocked);
    });
}

/// What was placed with the stuck worker and has not started, its alarms, and children of what blocks.
#[test]
fn what_is_not_its_own_goes_on() {
    watched(|| {
        let runtime = runtime(1);
        let gate = Arc::new(Gate::default());
        let (tx, rx) = channel::bounded(8);
        let of_routine = gate.clone();
        let stuck = runtime.spawn(move || {
            let (near, spread, timer) = (tx.clone(), tx.clone(), tx);
            routine::spawn(move || near.send("near").unwrap());
            let builder = routine::Builder::new().place(Place::Spread);
            let spread = builder.spawn(move || spread.send("spread").unwrap());
            time::after_func(time::Duration::from_millis(5), move || {
                timer.send("timer").unwrap();
            });
            of_routine.wait();
            spread.unwrap().join().unwrap();
        });
        let mut got: Vec<_> = (0..3).map(|_| rx.recv().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, ["near", "spread", "timer"]);
        assert!(!stuck.is_finished());
        gate.open();
        stuck.join().unwrap();
    });
}

#[test]
fn nobody_stands_in_if_only_reports_were_asked_for() {
    watched(|| {
        let builder = Builder::new().workers(1).on_stall(OnStall::Report);
        let runtime = builder.build().unwrap();
        let gate = Arc::new(Gate::default());
        let blocked = block(&runtime, &gate, 1);
        eventually("it is blocked", || gate.waiting.load(Ordering::SeqCst) == 1);
        let waits = runtime.spawn(|| ());
        eventually("it is found", || {
            let stalls = runtime.metrics().stalls;
            stalls.futexes + stalls.unknown == 1
        });
        assert!(!waits.is_finished());
        assert_eq!(runtime.metrics().active, 1);
        gate.open();
        join_all(blocked);
        waits.join().unwrap();
    });
}

/// Stalls come and go: those who stand in stay, instead of coming and going with them.
#[test]
fn those_who_stand_in_do_not_flap() {
    watched(|| {
        let runtime = runtime(1);
        let mut most = 0;
        for _ in 0..10 {
            let gate = Arc::new(Gate::default());
            let blocked = block(&runtime, &gate, 1);
            runtime.spawn(|| ()).join().unwrap();
            most = most.max(runtime.metrics().workers.len());
            gate.open();
            join_all(blocked);
        }
        assert!(most <= 3, "{most} threads for one stall at a time");
    });
}

#[test]
fn a_shutdown_waits_for_the_stuck_and_for_those_who_stand_in() {
    watched(|| {
        for open_first in [false, true] {
            let runtime = runtime(1);
            let gate = Arc::new(Gate::default());
            let blocked = block(&runtime, &gate, 3);
            eventually("somebody stands in", || {
                gate.waiting.load(Ordering::SeqCst) >= 2
            });
            let opener = std::thread::spawn(move || {
                if !open_first {
                    // The shutdown has begun, or will have in a moment: both are fine.
                    std::thread::yield_now();
                }
                gate.open();
            });
            runtime.shutdown(time::Duration::from_secs(20)).unwrap();
            opener.join().unwrap();
            for handle in blocked {
                // One that had not started was cancelled.
                drop(handle.join());
            }
        }
    });
}
