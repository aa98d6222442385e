//! `Place::Spread`, by word and by what an accept loop does: to the worker with the fewest live ones.

use std::collections::HashMap;
use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinHandle, Place};
use rust_routines::time::Duration;
use rust_routines_tests::{eventually, watched};

use super::{Meeting, count, workers};

/// Runs an accept-like loop on four workers; the threads that its 200 long-lived routines live on.
///
/// The loop gets a function that spawns one more.
fn homes_of_200(accept: fn(&mut dyn FnMut(Builder))) -> HashMap<ThreadId, usize> {
    watched(move || {
        let runtime = workers(4);
        let (at, homes) = channel::unbounded();
        let accepting = runtime.spawn(move || {
            let mut handles: Vec<JoinHandle<()>> = Vec::new();
            accept(&mut |builder| {
                let at = at.clone();
                let handle = builder.spawn(move || {
                    at.send(thread::current().id()).unwrap();
                    routine::park();
                });
                handles.push(handle.unwrap());
            });
            handles
        });
        let homes: Vec<ThreadId> = (0..200).map(|_| homes.recv().unwrap()).collect();
        let lived = runtime.metrics();
        let lived: Vec<usize> = lived.workers.iter().map(|worker| worker.live).collect();
        for handle in accepting.join().unwrap() {
            handle.routine().unpark();
            handle.join().unwrap();
        }
        let homes = count(homes);
        // Two accounts of the same: what the threads say and what the metrics say.
        let mut by_thread: Vec<usize> = homes.values().copied().collect();
        let mut by_metrics: Vec<usize> = lived.into_iter().filter(|&n| n > 0).collect();
        by_thread.sort_unstable();
        by_metrics.sort_unstable();
        // The accepting routine may still live.
        let differ = by_metrics.iter().sum::<usize>() - by_thread.iter().sum::<usize>();
        assert!(
            differ <= 1,
            "{by_thread:?} by thread, {by_metrics:?} by metrics"
        );
        homes
    })
}

#[track_caller]
fn assert_balanced(homes: &HashMap<ThreadId, usize>) {
    let most = homes.values().max().copied().unwrap_or_default();
    assert!(most <= 80, "more than 40% of 200 at one worker: {homes:?}");
    assert_eq!(homes.values().sum::<usize>(), 200);
}

#[test]
fn a_loop_that_slept_spreads_what_it_spawns() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..200 {
            // An accept loop's wait until a client comes.
            routine::sleep(Duration::from_millis(1));
            spawn(Builder::new());
        }
    }));
}

#[test]
fn a_loop_that_slept_spreads_bursts() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..4 {
            routine::sleep(Duration::from_millis(1));
            (0..50).for_each(|_| spawn(Builder::new()));
        }
    }));
}

#[test]
fn spread_balances_whatever_the_loop_waited_for() {
    assert_balanced(&homes_of_200(|spawn| {
        let (client, clients) = channel::bounded(0);
        // Clients from outside, one per ms.
        let outside = thread::spawn(move || {
            for _ in 0..200 {
                thread::sleep(Duration::from_millis(1));
                client.send(()).unwrap();
            }
        });
        while clients.recv().is_ok() {
            spawn(Builder::new().place(Place::Spread));
        }
        drop(outside);
    }));
}

#[test]
fn spread_balances_bursts() {
    assert_balanced(&homes_of_200(|spawn| {
        for _ in 0..4 {
            (0..50).for_each(|_| spawn(Builder::new().place(Place::Spread)));
            routine::yield_now();
        }
    }));
}

/// From outside of the runtime too.
#[test]
fn spread_from_a_plain_thread_reaches_every_worker() {
    watched(|| {
        let runtime = workers(4);
        let handles: Vec<_> = (0..40)
            .map(|_| {
                let builder = Builder::new().place(Place::Spread);
                let here = || {
                    let here = thread::current().id();
                    routine::park();
                    here
                };
                runtime.spawn_with(builder, here).unwrap()
            })
            .collect();
        eventually("all have started", || {
            let metrics = runtime.metrics();
            metrics
                .workers
                .iter()
                .map(|worker| worker.live)
                .sum::<usize>()
                == 40
        });
        let homes = count(handles.into_iter().map(|handle| {
            handle.routine().unpark();
            handle.join().unwrap()
        }));
        assert_eq!(homes.len(), 4, "{homes:?}");
        assert!(homes.values().all(|&n| n == 10), "{homes:?}");
    });
}

/// What stealing cannot mend: once started they stay. Spread ones are apart from the start.
#[test]
fn two_spread_routines_compute_side_by_side_after_a_park() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let (go, wait) = channel::bounded::<()>(0);
            let both = runtime.run(move || {
                let both = [meeting.clone(), meeting].map(|meeting| {
                    let wait = wait.clone();
                    let compute = move || {
                        assert!(wait.recv().is_err());
                        meeting.meet()
                    };
                    Builder::new().place(Place::Spread).spawn(compute).unwrap()
                });
                routine::yield_now();
                drop(go);
                both.map(|handle| handle.join().unwrap())
            });
            assert_ne!(both[0], both[1]);
        }
    });
}
