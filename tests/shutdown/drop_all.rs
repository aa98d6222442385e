//! Dropping a runtime unwinds what lives in it, wherever it is parked.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinError, Place};
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

use super::{GENEROUS, assert_cancelled, workers};

const HOUR: Duration = Duration::from_secs(3600);

/// 10,000 of them, in every kind of wait, and some that have not started.
#[test]
fn ten_thousand_parked_routines_run_every_destructor() {
    watched(|| {
        let runtime = workers(4);
        let drops = Drops::new();
        let ended_well = Arc::new(AtomicUsize::new(0));
        let parked = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel::bounded::<()>(0);
        let lock = Arc::new(Mutex::new(()));
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let held = lock.lock();
        let mut handles = Vec::new();
        for i in 0..10_000 {
            let (captured, of_routine) = (drops.track(), drops.clone());
            let (ended_well, parked) = (ended_well.clone(), parked.clone());
            let (sender, receiver) = (sender.clone(), receiver.clone());
            let (lock, group) = (lock.clone(), group.clone());
            let body = move || {
                let _captured = captured;
                let _local = of_routine.track();
                parked.fetch_add(1, Ordering::SeqCst);
                match i % 8 {
                    // One side only of a rendezvous: all wait.
                    0 => assert!(receiver.recv().is_err()),
                    1 => routine::sleep(HOUR),
                    2 => routine::park(),
                    3 => drop(lock.lock()),
                    // The child may be cancelled before its parent: then that is told apart.
                    4 => {
                        let child = routine::spawn(routine::park).join();
                        panic::resume_unwind(Box::new(child.is_err()));
                    }
                    5 => group.wait(),
                    6 => assert!(receiver.recv_timeout(HOUR).is_err()),
                    _ => routine::with_stack(64 << 10, || routine::park_timeout(HOUR)),
                }
                // Kept alive by each, or the receivers would find the channel closed.
                drop(sender);
                ended_well.fetch_add(1, Ordering::SeqCst);
            };
            handles.push(runtime.spawn(body));
        }
        eventually("all have started", || {
            parked.load(Ordering::SeqCst) == 10_000
        });
        drop(runtime);
        assert_eq!(drops.alive(), 0);
        assert_eq!(drops.made(), 20_000);
        assert_eq!(ended_well.load(Ordering::SeqCst), 0, "nobody went on");
        for handle in handles {
            assert!(handle.is_finished());
            match handle.join() {
                Err(JoinError::Panicked(was_cancelled)) => {
                    assert_eq!(was_cancelled.downcast_ref(), Some(&true));
                }
                other => assert_cancelled(other),
            }
        }
        drop(held);
        assert!(lock.try_lock().is_some(), "no waiter was left behind");
        group.done();
        group.wait();
        drop(receiver);
        assert!(sender.send(()).is_err(), "no receiver was left behind");
    });
}

/// A routine that has not started drops what it has captured, on its home and without running.
#[test]
fn what_has_not_started_drops_its_closure() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let ran = Arc::new(AtomicBool::new(false));
        let (of_late, late_ran) = (drops.clone(), ran.clone());
        let (handles, late) = channel::unbounded();
        struct SpawnsLate<F: FnMut()>(F);
        impl<F: FnMut()> Drop for SpawnsLate<F> {
            fn drop(&mut self) {
                (self.0)();
            }
        }
        let parent = runtime.spawn(move || {
            // Spawned when the shutdown has begun: they start, if that is the word, cancelled.
            let _spawns = SpawnsLate(|| {
                for i in 0..300 {
                    let (captured, ran) = (of_late.track(), late_ran.clone());
                    let place = match i % 100 {
                        0 => Place::Own,
                        1..=10 => Place::Spread,
                        _ => Place::Near,
                    };
                    let body = move || {
                        let _captured = captured;
                        ran.store(true, Ordering::SeqCst);
                    };
                    handles
                        .send(Builder::new().place(place).spawn(body).unwrap())
                        .unwrap();
                }
            });
            routine::park();
        });
        eventually("it is parked", || {
            runtime.metrics().workers[0].switches >= 1
        });
        runtime.shutdown(GENEROUS).unwrap();
        assert_cancelled(parent.join());
        for _ in 0..300 {
            assert_cancelled(late.recv().unwrap().join());
        }
        assert_eq!((drops.made(), drops.alive()), (300, 0));
        assert!(!ran.load(Ordering::SeqCst));
    });
}

#[test]
fn unwound_means_unwound_at_home() {
    struct SaysWhere(thread::ThreadId, Arc<AtomicUsize>);
    impl Drop for SaysWhere {
        fn drop(&mut self) {
            assert!(routine::is_routine());
            assert_eq!(thread::current().id(), self.0);
            // As on any way out: destructors may park, for home-mates that unwind too.
            routine::yield_now();
            routine::sleep(Duration::from_micros(100));
            assert_eq!(thread::current().id(), self.0);
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    watched(|| {
        let runtime = workers(4);
        let (said, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..200 {
            let (said, started) = (said.clone(), started.clone());
            runtime.spawn(move || {
                let _says = SaysWhere(thread::current().id(), said);
                started.fetch_add(1, Ordering::SeqCst);
                routine::park();
            });
        }
        eventually("all have started", || started.load(Ordering::SeqCst) == 200);
        drop(runtime);
        assert_eq!(said.load(Ordering::SeqCst), 200);
    });
}

/// A cancellation is no panic: no hook runs, and `panicking()` tells of the unwinding as always.
#[test]
fn a_cancelled_routine_prints_nothing_and_can_be_joined() {
    watched(|| {
        let runtime = workers(2);
        let (started, wait) = channel::bounded(0);
        let parked = runtime.spawn(move || {
            started.send(()).unwrap();
            routine::sleep(HOUR);
            7
        });
        wait.recv().unwrap();
        let start = Instant::now();
        runtime.shutdown(GENEROUS).unwrap();
        assert!(
            start.elapsed() < GENEROUS / 2,
            "it did not wait for the hour"
        );
        assert_cancelled(parked.join());
    });
}

/// Sticky: a routine that swallows a cancellation meets it again at its next park.
#[test]
fn a_swallowed_cancellation_comes_back() {
    watched(|| {
        let runtime = workers(1);
        let (started, wait) = channel::bounded(0);
        let swallowing = runtime.spawn(move || {
            started.send(()).unwrap();
            let mut swallowed = 0;
            for _ in 0..5 {
                let thrown = panic::catch_unwind(AssertUnwindSafe(|| routine::sleep(HOUR)));
                swallowed += usize::from(thrown.is_err());
            }
            swallowed
        });
        wait.recv().unwrap();
        runtime.shutdown(GENEROUS).unwrap();
        assert_eq!(swallowing.join().unwrap(), 5);
    });
}

/// A value that was handed over is not lost to a cancellation that comes at the same time.
#[test]
fn a_value_that_was_handed_over_wins() {
    watched(|| {
        for _ in 0..50 {
            let runtime = workers(2);
            let drops = Drops::new();
            let (sender, receiver) = channel::bounded(0);
            let received = Arc::new(AtomicUsize::new(0));
            let counted = received.clone();
            let (started, wait) = channel::bounded(0);
            runtime.spawn(move || {
                started.send(()).unwrap();
                while let Ok(tracked) = receiver.recv() {
                    drop::<rust_routines_tests::drops::Tracked>(tracked);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
            wait.recv().unwrap();
            let of_thread = drops.clone();
            let sending = thread::spawn(move || {
                let mut sent = 0;
                while sender.send(of_thread.track()).is_ok() {
                    sent += 1;
                }
                sent
            });
            eventually("some have been received", || {
                received.load(Ordering::SeqCst) > 10
            });
            drop(runtime);
            let sent = sending.join().unwrap();
            let received = received.load(Ordering::SeqCst);
            assert_eq!(received, sent, "sent and not received");
            assert_eq!(drops.alive(), 0);
        }
    });
}

/// On its thread of its own, which ends too.
#[test]
fn own_routines_are_unwound_on_their_threads() {
    struct SaysWhere(Option<thread::ThreadId>, Arc<AtomicUsize>);
    impl Drop for SaysWhere {
        fn drop(&mut self) {
            // Counted first: one that was woken by its child's end, and not by its own cancellation,
            // is cancelled in the sleep below, for then nothing unwinds yet.
            self.1.fetch_add(1, Ordering::SeqCst);
            routine::sleep(Duration::from_micros(100));
            assert_eq!(Some(thread::current().id()), self.0);
        }
    }
    watched(|| {
        let runtime = workers(1);
        let (said, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for i in 0..30 {
            let (said, started) = (said.clone(), started.clone());
            let body = move || {
                let _says = SaysWhere(Some(thread::current().id()), said);
                started.fetch_add(1, Ordering::SeqCst);
                match i % 3 {
                    0 => routine::park(),
                    1 => routine::sleep(HOUR),
                    _ => drop(routine::spawn(routine::park).join()),
                }
            };
            let own = Builder::new().place(Place::Own);
            runtime.spawn_with(own, body).unwrap();
        }
        eventually("all have started", || started.load(Ordering::SeqCst) == 30);
        runtime.shutdown(GENEROUS).unwrap();
        assert_eq!(said.load(Ordering::SeqCst), 30);
    });
}

/// Those that start again and again end at their next start, and drop what they were to run.
#[test]
fn routines_that_restart_end_too() {
    fn again(drops: Drops, starts: Arc<AtomicUsize>) -> u32 {
        starts.fetch_add(1, Ordering::SeqCst);
        let tracked = drops.track();
        routine::restart(move || {
            drop(tracked);
            again(drops, starts)
        })
    }
    watched(|| {
        for workers_of in [1, 4] {
            let runtime = workers(workers_of);
            let (drops, starts) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
            let handles: Vec<_> = (0..50)
                .map(|_| {
                    let (drops, starts) = (drops.clone(), starts.clone());
                    runtime.spawn(move || again(drops, starts))
                })
                .collect();
            eventually("they go round", || starts.load(Ordering::SeqCst) > 1000);
            runtime.shutdown(GENEROUS).unwrap();
            for handle in handles {
                assert_cancelled(handle.join());
            }
            assert_eq!(drops.alive(), 0);
        }
    });
}

/// A destructor that goes on working: it spawns, joins, sends and receives until it is done.
#[test]
fn destructors_may_work_on() {
    struct Flushes(Arc<AtomicUsize>);
    impl Drop for Flushes {
        fn drop(&mut self) {
            let (sender, receiver) = channel::bounded(1);
            for i in 0..10 {
                // A child would start cancelled: the other side is a thread.
                let sender = sender.clone();
                thread::spawn(move || sender.send(i).unwrap());
            }
            drop(sender);
            let got = std::iter::from_fn(|| receiver.recv().ok()).count();
            self.0.fetch_add(got, Ordering::SeqCst);
        }
    }
    watched(|| {
        let runtime = workers(2);
        let (flushed, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..20 {
            let (flushes, started) = (Flushes(flushed.clone()), started.clone());
            runtime.spawn(move || {
                let _flushes = flushes;
                started.fetch_add(1, Ordering::SeqCst);
                routine::park();
            });
        }
        eventually("all have started", || started.load(Ordering::SeqCst) == 20);
        drop(runtime);
        assert_eq!(flushed.load(Ordering::SeqCst), 200);
    });
}
