//! What a mutex with its guards does beyond locking (`tests/locks.rs`): time-outs, turns, parts, `Arc`s.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::{ArcMutexGuard, LockFuture, Mutex, MutexGuard};
use rust_routines::time::Instant;
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

#[test]
fn a_time_out_leaves_the_lock_as_it_was() {
    watched(|| {
        let mutex = Arc::new(Mutex::new(0));
        for workers_of in [0, 1] {
            let attempt = {
                let mutex = mutex.clone();
                move || {
                    let guard = mutex.lock();
                    let (a, b) = (mutex.clone(), mutex.clone());
                    // Elsewhere: who holds it itself would be told that it waits for itself, or not.
                    let by_thread = thread::spawn(move || a.lock_timeout(MOMENT).is_none());
                    assert!(by_thread.join().unwrap());
                    assert!(b.lock_timeout(MOMENT).is_none());
                    assert!(b.lock_until(Instant::now() + MOMENT).is_none());
                    assert!(b.try_lock_for(MOMENT).is_none());
                    assert!(b.try_lock_until(Instant::now()).is_none());
                    drop(guard);
                    assert!(b.lock_timeout(MOMENT).is_some());
                    assert!(b.lock_until(Instant::now()).is_some(), "free, if late");
                }
            };
            match workers_of {
                0 => attempt(),
                n => workers(n).run(attempt),
            }
        }
    });
}

/// Some time out in the line, others get it: nobody is lost.
#[test]
fn who_times_out_in_the_line_is_passed_over() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(0));
            let guard = mutex.lock();
            let waits: Vec<_> = (0..20)
                .map(|i| {
                    let mutex = mutex.clone();
                    blocked(move || match i % 2 {
                        0 => mutex.lock_timeout(MOMENT).is_some(),
                        _ => {
                            *mutex.lock() += 1;
                            true
                        }
                    })
                })
                .collect();
            routine::sleep(2 * MOMENT);
            drop(guard);
            let had: Vec<bool> = waits
                .into_iter()
                .map(|handle| handle.join().unwrap())
                .collect();
            assert_eq!(*mutex.lock(), 10);
            assert!((0..20).all(|i| had[i] == (i % 2 == 1)), "{had:?}");
        });
    });
}

/// C3, with one worker: a routine that locks and unlocks without ever having to park cannot keep the lock
/// from a home-mate that has waited for 1 ms, because then it does have to park.
#[test]
fn who_never_parks_gives_in() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(0_u64));
            let had = Arc::new(AtomicBool::new(false));
            let guard = mutex.lock();
            let waits = {
                let (mutex, had) = (mutex.clone(), had.clone());
                blocked(move || {
                    *mutex.lock() += 1 << 32;
                    had.store(true, Ordering::SeqCst);
                })
            };
            drop(guard);
            let start = std::time::Instant::now();
            while !had.load(Ordering::SeqCst) {
                *mutex.lock() += 1;
                assert!(
                    start.elapsed() < rust_routines_tests::LIMIT,
                    "it is kept from the lock"
                );
            }
            waits.join().unwrap();
            assert!(*mutex.lock() > 1 << 32, "it barged for a while");
        });
    });
}

/// C3: the impatient have it in the order in which they came.
#[test]
fn the_impatient_have_it_in_turn() {
    watched(|| {
        let order = workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(Vec::new()));
            let guard = mutex.lock();
            let waits: Vec<_> = (0..10)
                .map(|i| {
                    let mutex = mutex.clone();
                    blocked(move || {
                        for round in 0..2 {
                            mutex.lock().push((round, i));
                        }
                    })
                })
                .collect();
            routine::sleep(3 * MOMENT);
            drop(guard);
            for handle in waits {
                handle.join().unwrap();
            }
            std::mem::take(&mut *mutex.lock())
        });
        let first: Vec<_> = order
            .iter()
            .filter(|(round, _)| *round == 0)
            .map(|(_, i)| *i)
            .collect();
        assert_eq!(first, (0..10).collect::<Vec<_>>());
        assert_eq!(order.len(), 20);
    });
}

#[test]
fn a_part_of_a_value_keeps_the_lock() {
    let mutex = Mutex::new((vec![1, 2], "text".to_string()));
    let list = MutexGuard::map(mutex.lock(), |pair| &mut pair.0);
    let mut last = rust_routines::sync::MappedMutexGuard::map(list, |list| &mut list[1]);
    *last = 7;
    assert!(mutex.try_lock().is_none());
    assert_eq!(format!("{last:?} {last}"), "7 7");
    drop(last);
    let guard = match MutexGuard::try_map(mutex.lock(), |pair| pair.0.get_mut(9)) {
        Ok(_) => panic!("there are two"),
        Err(guard) => guard,
    };
    assert!(mutex.try_lock().is_none(), "the guard came back");
    drop(guard);
    let first = MutexGuard::try_map(mutex.lock(), |pair| pair.0.first_mut());
    assert_eq!(*first.unwrap(), 1);
    assert_eq!(mutex.into_inner(), (vec![1, 7], "text".to_string()));
}

#[test]
fn a_part_that_panics_unlocks() {
    let mutex = Mutex::new(1);
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(MutexGuard::map(mutex.lock(), |_| -> &mut i32 {
            std::panic::resume_unwind(Box::new("no part"))
        }));
    }));
    assert!(thrown.is_err());
    assert!(mutex.try_lock().is_some());
}

#[test]
fn unlocked_for_a_while_others_have_it() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(0));
            let mut guard = mutex.lock();
            let other = {
                let mutex = mutex.clone();
                blocked(move || *mutex.lock() += 1)
            };
            MutexGuard::unlocked(&mut guard, || other.join().unwrap());
            assert_eq!(*guard, 1);
            let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                MutexGuard::unlocked(&mut guard, || std::panic::resume_unwind(Box::new("inside")));
            }));
            assert!(thrown.is_err());
            assert!(mutex.try_lock().is_none(), "locked again");
            assert!(std::ptr::eq(MutexGuard::mutex(&guard), &*mutex));
        });
    });
}

/// Unlocked where it was not locked: the guard that owns the `Arc` is sent.
#[test]
fn an_owned_guard_may_be_sent() {
    watched(|| {
        let mutex = Arc::new(Mutex::new(1));
        let guard = mutex.lock_arc();
        assert!(mutex.try_lock_arc().is_none());
        let runtime = workers(1);
        let other = runtime.spawn(move || {
            let mut guard: ArcMutexGuard<i32> = guard;
            *guard += 1;
        });
        other.join().unwrap();
        assert_eq!(*mutex.lock(), 2);
        let again = mutex.try_lock_arc().unwrap();
        assert!(Arc::ptr_eq(ArcMutexGuard::mutex(&again), &mutex));
    });
}

#[test]
fn what_may_be_sent_and_shared() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Mutex<std::cell::Cell<u8>>>();
    is_send::<ArcMutexGuard<std::cell::Cell<u8>>>();
    is_send::<LockFuture<'_, std::cell::Cell<u8>>>();
    is_sync::<MutexGuard<'_, u8>>();
    is_send::<MutexGuard<'_, u8, rust_routines::sync::Moves>>();
}

#[test]
fn locks_are_small() {
    use rust_routines::sync::{Condvar, Notify, Once, RwLock, Semaphore, WaitGroup};
    assert!(size_of::<Mutex<()>>() <= 40, "{}", size_of::<Mutex<()>>());
    assert!(size_of::<RwLock<()>>() <= 80, "{}", size_of::<RwLock<()>>());
    for size in [
        size_of::<Condvar>(),
        size_of::<Once>(),
        size_of::<Notify>(),
        size_of::<Semaphore>(),
        size_of::<WaitGroup>(),
    ] {
        assert!(size <= 40, "{size}");
    }
}

/// Where parking is forbidden it could not lock again: it refuses before it unlocks.
#[test]
fn unlocked_refuses_under_a_guard_at_once() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Mutex::new(1);
            let mut guard = mutex.lock();
            let mut ran = false;
            let refused = panic::catch_unwind(AssertUnwindSafe(|| {
                let _forbidden = routine::forbid_park();
                MutexGuard::unlocked(&mut guard, || ran = true);
            }));
            assert!(refused.is_err());
            assert!(!ran);
            assert!(mutex.try_lock().is_none(), "it is locked still");
        });
    });
}
