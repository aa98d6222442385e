//! The first locks: `Mutex` and `WaitGroup`, among routines, plain threads and both.
#![forbid(unsafe_code)]

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines::sync::{Mutex, MutexGuard, WaitGroup};
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::{eventually, watched};

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

#[test]
fn smoke() {
    let mutex = Mutex::new(1);
    *mutex.lock() += 1;
    assert_eq!(*mutex.lock(), 2);
    assert_eq!(mutex.into_inner(), 2);
    let mut mutex = Mutex::from("a".to_string());
    mutex.get_mut().push('b');
    assert_eq!(*mutex.lock(), "ab");
    assert_eq!(*Mutex::<Vec<u8>>::default().lock(), [0; 0]);
    workers(1).run(|| *mutex.lock() = String::new());
}

static COUNT: Mutex<u64> = Mutex::new(0);
static GROUP: WaitGroup = WaitGroup::new();

/// Without any initialisation, from a thread and from a routine.
#[test]
fn statics_need_no_initialiser() {
    watched(|| {
        let runtime = workers(2);
        GROUP.add(20);
        for _ in 0..10 {
            runtime.spawn(|| {
                *COUNT.lock() += 1;
                GROUP.done();
            });
            thread::spawn(|| {
                *COUNT.lock() += 1;
                GROUP.done();
            });
        }
        GROUP.wait();
        assert_eq!(*COUNT.lock(), 20);
    });
}

#[test]
fn try_lock_takes_only_a_free_lock() {
    watched(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.try_lock().unwrap();
        assert!(mutex.try_lock().is_none());
        let runtime = workers(1);
        let other = mutex.clone();
        assert!(runtime.run(|| other.try_lock().is_none()));
        // One that waits does not change that.
        let waits = runtime.spawn(move || *other.lock() += 1);
        eventually("it waits", || {
            runtime.metrics().workers[0].switches >= 2 && mutex.try_lock().is_none()
        });
        drop(guard);
        waits.join().unwrap();
        assert_eq!(*mutex.try_lock().unwrap(), 1);
        // Nobody blocks, so it is allowed where parking is not.
        let _forbidden = routine::forbid_park();
        *mutex.lock() += 1;
        assert!(mutex.try_lock().is_some());
    });
}

/// Two numbers that are equal whenever nobody is inside, and a flag for who is.
#[derive(Default)]
struct Inside {
    numbers: (u64, u64),
}

#[test]
fn one_at_a_time_among_routines_and_threads() {
    const EACH: u64 = 2000;
    watched(|| {
        let runtime = workers(4);
        let mutex = Arc::new(Mutex::new(Inside::default()));
        let busy = Arc::new(AtomicBool::new(false));
        let body = |seed: u64| {
            let (mutex, busy) = (mutex.clone(), busy.clone());
            move || {
                for i in 0..EACH {
                    let mut inside = mutex.lock();
                    assert!(!busy.swap(true, Ordering::Relaxed), "two are inside");
                    assert_eq!(inside.numbers.0, inside.numbers.1);
                    inside.numbers.0 += 1;
                    // A guard may live across a park.
                    if (i + seed).is_multiple_of(32) {
                        routine::yield_now();
                    }
                    inside.numbers.1 += 1;
                    busy.store(false, Ordering::Relaxed);
                    drop(inside);
                }
            }
        };
        let routines: Vec<_> = (0..12).map(|seed| runtime.spawn(body(seed))).collect();
        let threads: Vec<_> = (0..4).map(|seed| thread::spawn(body(seed))).collect();
        for routine in routines {
            routine.join().unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(mutex.lock().numbers, (16 * EACH, 16 * EACH));
    });
}

/// A holder that sleeps, on the only worker: those who wait are parked, and others run.
#[test]
fn waiting_for_a_lock_parks_the_routine_only() {
    watched(|| {
        let runtime = workers(1);
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let (is_held, held) = channel::bounded(0);
        let (go, wait) = channel::bounded::<()>(0);
        let of_holder = mutex.clone();
        let holder = runtime.spawn(move || {
            let mut guard = of_holder.lock();
            is_held.send(()).unwrap();
            assert!(wait.recv().is_err());
            guard.push("holder");
        });
        held.recv().unwrap();
        let waits: Vec<_> = (0..10)
            .map(|_| {
                let mutex = mutex.clone();
                runtime.spawn(move || mutex.lock().push("waiter"))
            })
            .collect();
        // The worker is free for everybody else.
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7);
        assert!(waits.iter().all(|waits| !waits.is_finished()));
        drop(go);
        for waits in waits {
            waits.join().unwrap();
        }
        holder.join().unwrap();
        let log = mutex.lock();
        assert_eq!((log[0], log.len()), ("holder", 11));
    });
}

/// Nobody is passed over for good: on one worker, each of those that lock in a loop has its turn.
#[test]
fn everybody_has_a_turn() {
    watched(|| {
        for workers_of in [1, 4] {
            let runtime = workers(workers_of);
            let mutex = Arc::new(Mutex::new(()));
            let end = Arc::new(AtomicBool::new(false));
            let turns: Arc<Vec<AtomicUsize>> =
                Arc::new((0..8).map(|_| AtomicUsize::new(0)).collect());
            let loops: Vec<_> = (0..8)
                .map(|i| {
                    let (mutex, end, turns) = (mutex.clone(), end.clone(), turns.clone());
                    runtime.spawn(move || {
                        while !end.load(Ordering::SeqCst) {
                            let guard = mutex.lock();
                            turns[i].fetch_add(1, Ordering::SeqCst);
                            routine::yield_now();
                            drop(guard);
                        }
                    })
                })
                .collect();
            eventually("everybody has had ten turns", || {
                turns.iter().all(|turns| turns.load(Ordering::SeqCst) >= 10)
            });
            end.store(true, Ordering::SeqCst);
            for handle in loops {
                handle.join().unwrap();
            }
        }
    });
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    watched(|| {
        let runtime = workers(1);
        let mutex = Arc::new(Mutex::new(1));
        let of_routine = mutex.clone();
        let failed = runtime.spawn(move || {
            let mut guard = of_routine.lock();
            *guard = 2;
            panic::resume_unwind(Box::new("inside"));
        });
        let failed: Result<(), _> = failed.join();
        assert!(failed.is_err());
        assert_eq!(*mutex.lock(), 2);
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock();
            panic::resume_unwind(Box::new("inside"));
        }));
        assert!(thrown.is_err());
        assert_eq!(*mutex.lock(), 2);
    });
}

/// Cancelled while it waits, and cancelled while it holds.
#[test]
fn a_cancelled_routine_leaves_the_lock_free() {
    watched(|| {
        let runtime = workers(2);
        let (mutex, drops) = (Arc::new(Mutex::new(0)), Drops::new());
        let (is_held, held) = channel::bounded(0);
        let (of_holder, tracked) = (mutex.clone(), drops.track());
        runtime.spawn(move || {
            let _tracked = tracked;
            let mut guard = of_holder.lock();
            *guard += 1;
            is_held.send(()).unwrap();
            routine::park();
            *guard += 1000;
        });
        held.recv().unwrap();
        for _ in 0..100 {
            let (mutex, tracked) = (mutex.clone(), drops.track());
            runtime.spawn(move || {
                let _tracked = tracked;
                // Some get the lock when the holder is gone, and may add.
                *mutex.lock() += 2;
            });
        }
        drop(runtime);
        assert_eq!((drops.made(), drops.alive()), (101, 0));
        let count = *mutex.try_lock().expect("nobody holds it");
        assert!(count < 1000, "the holder did not go on");
        assert_eq!(count % 2, 1);
        // Nor waits anybody: lock and unlock on the fast path and on the slow one.
        let (second, other) = (workers(1), mutex.clone());
        let guard = mutex.lock();
        let waits = second.spawn(move || *other.lock());
        drop(guard);
        assert_eq!(waits.join().unwrap(), count);
    });
}

#[test]
fn a_mutex_shows_its_value_if_it_is_free() {
    let mutex = Mutex::new(5);
    assert_eq!(format!("{mutex:?}"), "Mutex { value: 5 }");
    let guard = mutex.lock();
    assert_eq!(format!("{guard:?} {guard}"), "5 5");
    assert_eq!(format!("{mutex:?}"), "Mutex { <locked> }");
}

#[test]
fn a_mutex_may_hold_what_has_no_size() {
    let mutex: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2, 3]));
    mutex.lock()[1] = 7;
    assert_eq!(*mutex.lock(), [1, 7, 3]);
    fn is_sync<T: Sync>() {}
    is_sync::<Mutex<std::cell::Cell<u8>>>();
    is_sync::<MutexGuard<'_, u8>>();
}

#[test]
fn a_wait_group_waits_for_all() {
    watched(|| {
        let runtime = workers(4);
        for waits_on_thread in [false, true] {
            let (group, done) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
            group.add(500);
            for i in 0..500_u64 {
                let (group, done) = (group.clone(), done.clone());
                runtime.spawn(move || {
                    if i % 10 == 0 {
                        routine::sleep(Duration::from_micros(i));
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    group.done();
                });
            }
            // What was done before `done` is visible after `wait`.
            let seen = if waits_on_thread {
                group.wait();
                done.load(Ordering::Relaxed)
            } else {
                runtime.run(|| {
                    group.wait();
                    done.load(Ordering::Relaxed)
                })
            };
            assert_eq!(seen, 500);
        }
    });
}

#[test]
fn a_group_of_none_does_not_wait() {
    let group = WaitGroup::new();
    group.wait();
    group.add(2);
    group.add(-2);
    group.wait();
    let _forbidden = routine::forbid_park();
    group.wait();
}

#[test]
fn all_who_wait_are_woken() {
    watched(|| {
        let runtime = workers(2);
        let group = Arc::new(WaitGroup::new());
        for _ in 0..50 {
            group.add(1);
            let waits: Vec<_> = (0..20)
                .map(|_| {
                    let group = group.clone();
                    runtime.spawn(move || group.wait())
                })
                .collect();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let group = group.clone();
                    thread::spawn(move || group.wait())
                })
                .collect();
            runtime.run(routine::yield_now);
            group.done();
            for waits in waits {
                waits.join().unwrap();
            }
            for thread in threads {
                thread.join().unwrap();
            }
        }
    });
}

/// Used again at once by those it has woken, while others are still on their way out.
#[test]
fn a_group_can_be_used_again() {
    watched(|| {
        let runtime = workers(4);
        let rounds = runtime.run(|| {
            let group = Arc::new(WaitGroup::new());
            let count = Arc::new(AtomicUsize::new(0));
            for round in 1..=200 {
                group.add(5);
                for _ in 0..5 {
                    let (group, count) = (group.clone(), count.clone());
                    routine::spawn(move || {
                        count.fetch_add(1, Ordering::SeqCst);
                        group.done();
                    });
                }
                group.wait();
                assert_eq!(count.load(Ordering::SeqCst), 5 * round);
            }
            200
        });
        assert_eq!(rounds, 200);
    });
}

#[test]
fn a_negative_count_panics_with_gos_words() {
    let text = |body: &dyn Fn()| {
        let thrown = panic::catch_unwind(AssertUnwindSafe(body)).unwrap_err();
        *thrown.downcast_ref::<&str>().unwrap()
    };
    let group = WaitGroup::new();
    assert_eq!(text(&|| group.done()), "sync: negative WaitGroup counter");
    group.add(2);
    assert_eq!(text(&|| group.add(-3)), "sync: negative WaitGroup counter");
    assert!(format!("{group:?}").contains('2'), "the count is as it was");
    group.add(-2);
    group.wait();
}

/// In a routine the panic is the routine's.
#[test]
fn a_negative_count_is_a_panic_of_its_routine() {
    watched(|| {
        let runtime = workers(1);
        let group = Arc::new(WaitGroup::default());
        let of_routine = group.clone();
        let error = runtime.spawn(move || of_routine.done()).join().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the routine panicked: sync: negative WaitGroup counter"
        );
        group.wait();
    });
}

/// On one worker, those who wait for the lock have it in the order they came.
#[test]
fn waiters_are_woken_in_order() {
    watched(|| {
        let runtime = workers(1);
        let order = runtime.run(|| {
            let (mutex, announced) = (
                Arc::new(Mutex::new(Vec::new())),
                Arc::new(AtomicUsize::new(0)),
            );
            let guard = mutex.lock();
            let waits: Vec<_> = (0..20)
                .map(|i| {
                    let (mutex, announce) = (mutex.clone(), announced.clone());
                    let waits = routine::spawn(move || {
                        announce.store(i + 1, Ordering::SeqCst);
                        mutex.lock().push(i);
                    });
                    yield_until("it waits", || announced.load(Ordering::SeqCst) == i + 1);
                    waits
                })
                .collect();
            drop(guard);
            for waits in waits {
                waits.join().unwrap();
            }
            std::mem::take(&mut *mutex.lock())
        });
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    });
}
