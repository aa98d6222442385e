//! Several runtimes in one process, and what they do with one another.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

use super::{GENEROUS, assert_cancelled, workers};

fn threads_of(runtime: &Runtime) -> HashSet<ThreadId> {
    let all: Vec<_> = (0..100)
        .map(|_| {
            runtime.spawn(|| {
                routine::yield_now();
                thread::current().id()
            })
        })
        .collect();
    all.into_iter()
        .map(|handle| handle.join().unwrap())
        .collect()
}

#[test]
fn each_has_workers_of_its_own() {
    watched(|| {
        let runtimes = [workers(2), workers(2), workers(2)];
        let threads: Vec<_> = runtimes.iter().map(threads_of).collect();
        for (i, some) in threads.iter().enumerate() {
            assert!((1..=2).contains(&some.len()));
            for other in &threads[i + 1..] {
                assert!(some.is_disjoint(other));
            }
        }
        // A child is of its parent's runtime, not of the global one.
        let own = runtimes[1].run(|| {
            let child = routine::spawn(|| thread::current().id());
            (thread::current().id(), child.join().unwrap())
        });
        assert!(threads[1].contains(&own.0) || threads[1].len() < 2);
        assert!(!threads[0].contains(&own.1) && !threads[2].contains(&own.1));
        let global = rust_routines::run(|| thread::current().id());
        assert!(threads.iter().all(|threads| !threads.contains(&global)));
    });
}

#[test]
fn one_ends_and_the_others_go_on() {
    watched(|| {
        let (first, second) = (workers(2), workers(2));
        let (sender, receiver) = channel::bounded(0);
        let ends = first.spawn(routine::park);
        let goes_on = second.spawn(move || receiver.recv());
        first.shutdown(GENEROUS).unwrap();
        assert_cancelled(ends.join());
        assert!(!goes_on.is_finished());
        sender.send(7).unwrap();
        assert_eq!(goes_on.join().unwrap(), Ok(7));
    });
}

/// Channels and joins reach over runtimes in both directions.
#[test]
fn routines_of_different_runtimes_talk() {
    watched(|| {
        let (first, second) = (workers(2), workers(1));
        let (ask, question) = channel::bounded(0);
        let (answer, answers) = channel::bounded(0);
        let answering = second.spawn(move || {
            while let Ok(n) = question.recv() {
                answer.send(n + 1).unwrap();
            }
        });
        let sum = first.run(move || {
            (0..1000_u64)
                .map(|n| {
                    ask.send(n).unwrap();
                    answers.recv().unwrap()
                })
                .sum::<u64>()
        });
        assert_eq!(sum, (1..=1000).sum());
        assert!(first.run(move || answering.join().is_ok()));
    });
}

/// `run` from a routine of another runtime parks that routine, and its worker goes on.
#[test]
fn run_from_a_routine_of_another_runtime_parks_it() {
    watched(|| {
        let (outer, inner) = (workers(1), workers(1));
        let (go, wait) = channel::bounded(0);
        // A home-mate of the one that waits in `run` lets it go on.
        let helped = outer.run(|| {
            let mate = routine::spawn(move || go.send(7).unwrap());
            let inner_thread = inner.run(|| {
                assert_eq!(wait.recv(), Ok(7));
                thread::current().id()
            });
            mate.join().unwrap();
            inner_thread != thread::current().id()
        });
        assert!(helped);
        // And back again, and into itself.
        let depth = outer.run(|| inner.run(|| outer.run(|| inner.run(|| outer.run(|| 5)))));
        assert_eq!(depth, 5);
    });
}

#[test]
fn a_routine_may_shut_another_runtime_down() {
    watched(|| {
        let (outer, drops) = (workers(1), Drops::new());
        let of_routine = drops.clone();
        let beside = Arc::new(AtomicUsize::new(0));
        let counted = beside.clone();
        outer.run(move || {
            let inner = workers(2);
            let parked: Vec<_> = (0..100)
                .map(|_| {
                    let tracked = of_routine.track();
                    inner.spawn(move || {
                        let _tracked = tracked;
                        routine::park();
                    })
                })
                .collect();
            // It waits as a routine does: its home-mates run meanwhile.
            let mate = routine::spawn(move || {
                for _ in 0..10 {
                    counted.fetch_add(1, Ordering::SeqCst);
                    routine::yield_now();
                }
            });
            inner.shutdown(GENEROUS).unwrap();
            assert_eq!(of_routine.alive(), 0);
            for parked in parked {
                assert_cancelled(parked.join());
            }
            mate.join().unwrap();
            drop(workers(2));
        });
        assert_eq!(beside.load(Ordering::SeqCst), 10);
        assert_eq!(drops.made(), 100);
    });
}

/// The inner one has a destructor that needs the outer one's only worker.
#[test]
fn a_shutdown_from_a_routine_leaves_its_worker_to_others() {
    struct Asks(channel::Sender<()>, channel::Receiver<()>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
        }
    }
    watched(|| {
        let outer = workers(1);
        outer.run(|| {
            let inner = workers(1);
            let (ask, asked) = channel::bounded(0);
            let (answer, answers) = channel::bounded(0);
            let (started, wait) = channel::bounded(0);
            inner.spawn(move || {
                let _asks = Asks(ask, answers);
                started.send(()).unwrap();
                routine::sleep(Duration::from_secs(3600));
            });
            wait.recv().unwrap();
            let mate = routine::spawn(move || {
                asked.recv().unwrap();
                answer.send(()).unwrap();
            });
            inner.shutdown(GENEROUS).unwrap();
            mate.join().unwrap();
        });
    });
}

/// A runtime inside of a routine of another goes with it when that one is shut down.
#[test]
fn a_runtime_that_a_cancelled_routine_owns_is_shut_down_too() {
    watched(|| {
        let (outer, drops) = (workers(2), Drops::new());
        let of_routine = drops.clone();
        let (started, wait) = channel::bounded(0);
        outer.spawn(move || {
            let inner = workers(2);
            for _ in 0..50 {
                let (tracked, started) = (of_routine.track(), started.clone());
                inner.spawn(move || {
                    let _tracked = tracked;
                    started.send(()).unwrap();
                    routine::park();
                });
            }
            routine::park();
        });
        for _ in 0..50 {
            wait.recv().unwrap();
        }
        outer.shutdown(GENEROUS).unwrap();
        assert_eq!((drops.made(), drops.alive()), (50, 0));
    });
}

#[test]
fn many_short_runtimes_at_once() {
    watched(|| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(|| {
                    for n in 0..50_u64 {
                        let runtime = rust_routines_tests::workers(2);
                        let handle = runtime.spawn(move || n + 1);
                        let parked = runtime.spawn(routine::park);
                        assert_eq!(runtime.run(|| n), n);
                        assert_eq!(handle.join().unwrap(), n + 1);
                        drop(runtime);
                        assert_cancelled(parked.join());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// The metrics of one do not count the others' routines.
#[test]
fn metrics_are_of_one_runtime() {
    watched(|| {
        let (first, second) = (workers(1), workers(2));
        let parked: Vec<_> = (0..10).map(|_| first.spawn(routine::park)).collect();
        eventually("all live", || first.metrics().workers[0].live == 10);
        assert_eq!(first.metrics().live(), 10);
        assert_eq!(second.metrics().live(), 0);
        assert_eq!(second.metrics().workers.len(), 2);
        for parked in parked {
            parked.routine().unpark();
            parked.join().unwrap();
        }
        eventually("none lives", || first.metrics().live() == 0);
        assert_eq!(first.metrics().spawned, 10);
        assert_eq!(first.metrics().finished, 10);
    });
}
