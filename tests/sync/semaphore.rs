//! `Semaphore`: first come, first served, by weight; permits as guards.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::Semaphore;
use rust_routines::time::{Duration, Instant};
use rust_routines_tests::watched;

use super::{Log, MOMENT, blocked, workers};

#[test]
fn smoke() {
    static PERMITS: Semaphore = Semaphore::new(3);
    let one = PERMITS.acquire();
    let mut two = PERMITS.try_acquire_many(2).unwrap();
    assert!(PERMITS.try_acquire().is_none());
    assert!(PERMITS.try_acquire_many(0).is_some());
    assert_eq!((one.num_permits(), two.num_permits()), (1, 2));
    let half = two.split(1).unwrap();
    assert!(two.split(2).is_none());
    assert_eq!(two.num_permits(), 1);
    drop(half);
    assert_eq!(PERMITS.available_permits(), 1);
    two.forget();
    drop(one);
    assert_eq!(PERMITS.available_permits(), 2);
    PERMITS.add_permits(1);
    assert_eq!(format!("{PERMITS:?}"), "Semaphore { available_permits: 3 }");
}

/// One who asks for many is not passed by those who ask for few.
#[test]
fn big_ones_have_their_turn() {
    watched(|| {
        workers(1).run(|| {
            let (permits, log) = (Arc::new(Semaphore::new(3)), Log::default());
            let all = permits.acquire_many(3);
            let mut handles = Vec::new();
            for (what, n) in [("first", 1), ("all", 3), ("last", 1)] {
                let (permits, log) = (permits.clone(), log.clone());
                handles.push(blocked(move || {
                    let _permit = permits.acquire_many(n);
                    log.add(what);
                    routine::yield_now();
                }));
            }
            drop(all);
            assert!(permits.try_acquire().is_none(), "others wait: no barging");
            assert!(permits.acquire_timeout(Duration::ZERO).is_none());
            for handle in handles {
                handle.join().unwrap();
            }
            assert_eq!(log.take(), ["first", "all", "last"]);
            assert_eq!(permits.available_permits(), 3);
        });
    });
}

/// A big one that gives up lets those go on who waited behind it.
#[test]
fn a_time_out_serves_those_behind() {
    watched(|| {
        workers(1).run(|| {
            let permits = Arc::new(Semaphore::new(2));
            let one = permits.acquire();
            let big = {
                let permits = permits.clone();
                blocked(move || permits.acquire_many_timeout(2, 5 * MOMENT).is_none())
            };
            let small = {
                let permits = permits.clone();
                blocked(move || permits.acquire().num_permits())
            };
            assert!(!small.is_finished());
            assert_eq!(small.join().unwrap(), 1);
            assert!(big.join().unwrap());
            drop(one);
            assert_eq!(permits.available_permits(), 2);
        });
    });
}

#[test]
fn time_outs_take_nothing() {
    watched(|| {
        let attempt = || {
            let permits = Semaphore::new(0);
            assert!(permits.acquire_timeout(MOMENT).is_none());
            assert!(permits.acquire_until(Instant::now()).is_none());
            permits.add_permits(1);
            assert!(permits.acquire_many_timeout(2, MOMENT).is_none());
            assert!(
                permits
                    .acquire_many_until(2, Instant::now() + MOMENT)
                    .is_none()
            );
            assert!(permits.acquire_timeout(Duration::ZERO).is_some());
            assert_eq!(permits.available_permits(), 1);
        };
        attempt();
        workers(1).run(attempt);
    });
}

#[test]
fn never_more_are_in_use_than_there_are() {
    const ALL: usize = 4;
    watched(|| {
        let runtime = workers(4);
        let (permits, used) = (Arc::new(Semaphore::new(ALL)), Arc::new(AtomicUsize::new(0)));
        let body = |seed: usize| {
            let (permits, used) = (permits.clone(), used.clone());
            move || {
                for i in 0..500 {
                    let n = (i + seed) % ALL + 1;
                    let permit = permits.acquire_many_owned(n);
                    assert!(used.fetch_add(n, Ordering::SeqCst) + n <= ALL);
                    if i % 8 == 0 {
                        routine::yield_now();
                    }
                    used.fetch_sub(n, Ordering::SeqCst);
                    drop(permit);
                }
            }
        };
        let routines: Vec<_> = (0..12).map(|seed| runtime.spawn(body(seed))).collect();
        let threads: Vec<_> = (0..3).map(|seed| thread::spawn(body(seed))).collect();
        routines
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        threads
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(permits.available_permits(), ALL);
    });
}

#[test]
fn too_many_permits_are_refused() {
    let thrown = |body: &dyn Fn()| panic::catch_unwind(AssertUnwindSafe(body)).is_err();
    let permits = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(thrown(&|| permits.add_permits(1)));
    assert_eq!(permits.available_permits(), Semaphore::MAX_PERMITS);
    assert!(thrown(&|| _ = Semaphore::new(Semaphore::MAX_PERMITS + 1)));
}

/// More than can be counted is more than there are, and not few of them.
#[test]
fn more_than_can_be_counted() {
    watched(|| {
        workers(1).run(|| {
            let permits = Arc::new(Semaphore::new(1));
            for n in [
                usize::MAX,
                1 << 63,
                (1 << 63) + 1,
                Semaphore::MAX_PERMITS + 1,
            ] {
                assert!(permits.try_acquire_many(n).is_none());
                assert!(permits.acquire_many_timeout(n, MOMENT).is_none());
                let other = permits.clone();
                let waits = blocked(move || other.acquire_many_timeout(n, MOMENT).is_none());
                permits.add_permits(1);
                assert!(waits.join().unwrap());
            }
            assert_eq!(permits.available_permits(), 5);
        });
    });
}

#[test]
fn permits_that_own_their_semaphore() {
    let permits = Arc::new(Semaphore::new(3));
    let two = permits.try_acquire_many_owned(2).unwrap();
    let one = permits.try_acquire_owned().unwrap();
    assert!(permits.try_acquire_owned().is_none());
    assert_eq!((two.num_permits(), one.num_permits()), (2, 1));
    thread::spawn(move || drop((one, two))).join().unwrap();
    assert_eq!(permits.available_permits(), 3);
}
