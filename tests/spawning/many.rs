//! Many at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::WaitGroup;
use rust_routines_tests::{eventually, watched};

use super::workers;

/// From 8 plain threads at once, onto 4 workers; half of them are joined.
#[test]
fn a_hundred_thousand_spawns_from_eight_plain_threads() {
    const THREADS: u64 = 8;
    const EACH: u64 = 12_500;
    watched(|| {
        let runtime = Arc::new(workers(4));
        let ran = Arc::new(AtomicU64::new(0));
        let group = Arc::new(WaitGroup::new());
        let threads: Vec<_> = (0..THREADS)
            .map(|t| {
                let (runtime, ran, group) = (runtime.clone(), ran.clone(), group.clone());
                thread::spawn(move || {
                    let mut ids = Vec::new();
                    let mut joined = Vec::new();
                    for i in 0..EACH {
                        let n = t * EACH + i;
                        let (ran, done) = (ran.clone(), group.clone());
                        group.add(1);
                        let handle = runtime.spawn(move || {
                            if n.is_multiple_of(64) {
                                routine::yield_now();
                            }
                            ran.fetch_add(n, Ordering::SeqCst);
                            done.done();
                            n
                        });
                        ids.push(handle.id());
                        if i % 2 == 0 {
                            joined.push((n, handle));
                        }
                    }
                    for (n, handle) in joined {
                        assert_eq!(handle.join().unwrap(), n);
                    }
                    ids
                })
            })
            .collect();
        let mut ids = HashSet::new();
        for thread in threads {
            ids.extend(thread.join().unwrap());
        }
        group.wait();
        let all = THREADS * EACH;
        assert_eq!(ran.load(Ordering::SeqCst), all * (all - 1) / 2, "each once");
        assert_eq!(ids.len() as u64, all, "ids are unique");
        eventually("all have ended", || runtime.metrics().finished == all);
        assert_eq!(runtime.metrics().spawned, all);
    });
}

/// All alive at the same time, from one routine, which waits for them.
#[test]
fn twenty_thousand_live_at_once() {
    const ALL: usize = 20_000;
    watched(|| {
        let runtime = workers(2);
        let ids = runtime.run(|| {
            let group = Arc::new(WaitGroup::new());
            group.add(ALL as isize);
            let handles: Vec<_> = (0..ALL)
                .map(|_| {
                    let group = group.clone();
                    routine::spawn(move || {
                        group.done();
                        // Everybody is here before anybody goes on.
                        group.wait();
                        routine::current().unwrap().id()
                    })
                })
                .collect();
            let ids = handles.iter().map(|handle| handle.id()).collect::<Vec<_>>();
            let seen = handles.into_iter().map(|handle| handle.join().unwrap());
            assert!(seen.eq(ids.iter().copied()), "a routine knows its number");
            ids
        });
        assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), ALL);
        assert!(runtime.metrics().stacks_high_water() >= ALL);
    });
}

/// A routine that yields for ever does not keep others from their turn: on one worker, work from
/// outside, children, timers and wakes all come through.
#[test]
fn nobody_starves_beside_a_routine_that_yields() {
    watched(|| {
        let runtime = workers(1);
        let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let yielding: Vec<_> = (0..3)
            .map(|_| {
                let end = end.clone();
                runtime.spawn(move || {
                    let mut turns = 0_u64;
                    while !end.load(Ordering::SeqCst) {
                        turns += 1;
                        routine::yield_now();
                    }
                    turns
                })
            })
            .collect();
        for i in 0..20_u64 {
            assert_eq!(runtime.spawn(move || i).join().unwrap(), i);
            runtime.run(|| {
                routine::sleep(rust_routines::time::Duration::from_micros(100));
                routine::spawn(|| ()).join().unwrap();
            });
        }
        end.store(true, Ordering::SeqCst);
        for yielding in yielding {
            assert!(yielding.join().unwrap() > 0);
        }
    });
}
