//! `set_workers`: more at once, fewer as they drain, storms of both.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rust_routines::routine::{self, Place};
use rust_routines::runtime::{self, WorkerState};
use rust_routines::{channel, sync};
use rust_routines_tests::wait::{eventually, spin_until};
use rust_routines_tests::watched;

use super::{pinned, runtime};

/// As many routines spin at once as there are workers.
fn run_at_once(runtime: &runtime::Runtime, count: usize) {
    let here = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..count)
        .map(|_| {
            let here = here.clone();
            runtime.spawn(move || {
                here.fetch_add(1, Ordering::SeqCst);
                spin_until("all run", || here.load(Ordering::SeqCst) == count);
            })
        })
        .collect();
    for handle in all {
        handle.join().unwrap();
    }
}

#[test]
fn more_start_at_once_and_fewer_end() {
    watched(|| {
        let runtime = pinned(1);
        for workers in [3, 1, 4, 2, 4] {
            runtime.set_workers(workers).unwrap();
            assert_eq!(runtime.metrics().active, workers);
            run_at_once(&runtime, workers);
            eventually("those that are too many end", || {
                runtime.metrics().draining == 0
            });
        }
        let metrics = runtime.metrics();
        assert!(metrics.workers.len() <= 2 * 4, "numbers are used again");
        let active = metrics.workers.iter();
        let active = active.filter(|worker| worker.state == WorkerState::Active);
        assert_eq!(active.count(), 4);
    });
}

#[test]
fn senseless_numbers_are_refused() {
    let runtime = pinned(2);
    for workers in [0, 1025, usize::MAX] {
        let refused = runtime.set_workers(workers).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
    assert_eq!(runtime.metrics().active, 2);
}

/// From a routine, also one at a worker that drains because of it.
#[test]
fn a_routine_may_drain_its_own_worker() {
    watched(|| {
        let runtime = Arc::new(pinned(4));
        let all: Vec<_> = (0..16)
            .map(|_| {
                let of_routine = runtime.clone();
                let body = move || {
                    for workers in [1, 4, 2, 3] {
                        of_routine.set_workers(workers).unwrap();
                        routine::yield_now();
                        routine::spawn(routine::yield_now).join().unwrap();
                    }
                    // Dropped elsewhere: it would wait for itself here.
                    of_routine
                };
                let builder = routine::Builder::new().place(Place::Spread);
                runtime.spawn_with(builder, body).unwrap()
            })
            .collect();
        for handle in all {
            drop(handle.join().unwrap());
        }
        eventually("all but those that were asked for end", || {
            let metrics = runtime.metrics();
            metrics.draining == 0 && metrics.live() == 0
        });
    });
}

/// Workers come and go while routines spawn, spread, block and end: each of them runs once.
#[test]
fn a_storm_of_changes_loses_nothing() {
    watched(|| {
        let runtime = Arc::new(runtime(2));
        let done = Arc::new(AtomicUsize::new(0));
        let setters: Vec<_> = (0..2)
            .map(|seed| {
                let (runtime, done) = (runtime.clone(), done.clone());
                thread::spawn(move || {
                    let mut next = seed;
                    while done.load(Ordering::SeqCst) < 8 {
                        next = (next * 5 + 3) % 8;
                        runtime.set_workers(1 + next).unwrap();
                    }
                })
            })
            .collect();
        let spawners: Vec<_> = (0..8)
            .map(|_| {
                let done = done.clone();
                runtime.spawn(move || {
                    let sum = spawn_all();
                    done.fetch_add(1, Ordering::SeqCst);
                    sum
                })
            })
            .collect();
        for spawner in spawners {
            assert_eq!(spawner.join().unwrap(), 200 * 3);
        }
        for setter in setters {
            setter.join().unwrap();
        }
        let metrics = runtime.metrics();
        eventually("nothing lives", || runtime.metrics().live() == 0);
        assert_eq!(metrics.spawned, 8 + 8 * 200 * 2);
    });
}

/// 200 pairs of routines, near and spread, that meet over a channel and a lock.
fn spawn_all() -> usize {
    let total = Arc::new(sync::Mutex::new(0));
    for _ in 0..200 {
        let (tx, rx) = channel::bounded(0);
        let (of_near, of_spread) = (total.clone(), total.clone());
        let near = routine::spawn(move || {
            tx.send(2).unwrap();
            *of_near.lock() += 1;
        });
        let spread = routine::Builder::new().place(Place::Spread);
        let spread = spread.spawn(move || *of_spread.lock() += rx.recv().unwrap());
        near.join().unwrap();
        spread.unwrap().join().unwrap();
    }
    let total = total.lock();
    *total
}

/// A worker that sleeps when it is told to drain leaves for good, and its number is used again.
#[test]
fn sleepers_that_are_too_many_leave() {
    const ROUNDS: usize = 20;
    watched(|| {
        let runtime = pinned(1);
        for _ in 0..ROUNDS {
            runtime.set_workers(4).unwrap();
            let busy = || {
                runtime
                    .metrics()
                    .workers
                    .iter()
                    .map(|w| w.busy)
                    .sum::<Duration>()
            };
            eventually("all sleep", || busy() == busy());
            runtime.set_workers(1).unwrap();
            eventually("those that are too many end", || {
                runtime.metrics().draining == 0
            });
        }
        // One that is about to leave still has its number.
        let numbers = runtime.metrics().workers.len();
        assert!(numbers < ROUNDS, "{numbers} numbers for four workers");
    });
}
