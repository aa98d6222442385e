//! `RwLock`: who goes first (C5), time-outs, parts, downgrades.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::{MappedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use rust_routines::time::Instant;
use rust_routines_tests::watched;

use super::{Log, MOMENT, blocked, workers};

#[test]
fn smoke() {
    let mut lock = RwLock::new(1);
    {
        let (a, b) = (lock.read(), lock.read());
        assert_eq!((*a, *b), (1, 1));
        assert!(lock.try_write().is_none());
        assert!(lock.is_locked() && !lock.is_locked_exclusively());
    }
    *lock.write() += 1;
    {
        let _guard = lock.write();
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        assert!(lock.is_locked_exclusively());
        assert_eq!(format!("{lock:?}"), "RwLock { <locked> }");
    }
    assert_eq!(format!("{lock:?}"), "RwLock { value: 2 }");
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 3);
    assert_eq!(*RwLock::<u8>::default().read(), 0);
    assert_eq!(*RwLock::from(5).read(), 5);
    static LOCK: RwLock<Vec<u8>> = RwLock::new(Vec::new());
    LOCK.write().push(1);
    assert_eq!(*LOCK.read(), [1]);
}

/// C5: a writer that waits keeps new readers out.
#[test]
fn a_writer_that_waits_comes_before_new_readers() {
    watched(|| {
        workers(1).run(|| {
            let (lock, log) = (Arc::new(RwLock::new(())), Log::default());
            let first = lock.read();
            let writer = {
                let (lock, log) = (lock.clone(), log.clone());
                blocked(move || {
                    let _guard = lock.write();
                    log.add("writer");
                })
            };
            assert!(lock.try_read().is_none());
            let reader = {
                let (lock, log) = (lock.clone(), log.clone());
                blocked(move || {
                    let _guard = lock.read();
                    log.add("reader");
                })
            };
            assert_eq!(log.take(), [""; 0]);
            drop(first);
            writer.join().unwrap();
            reader.join().unwrap();
            assert_eq!(log.take(), ["writer", "reader"]);
            assert!(lock.try_write().is_some());
        });
    });
}

/// C5: when a writer unlocks, all readers that wait go before the writer that has waited longer.
#[test]
fn readers_come_between_writers() {
    watched(|| {
        workers(1).run(|| {
            let (lock, log) = (Arc::new(RwLock::new(())), Log::default());
            let first = lock.write();
            let mut handles = Vec::new();
            for what in ["write", "read", "write", "read"] {
                let (lock, log) = (lock.clone(), log.clone());
                handles.push(blocked(move || match what {
                    "read" => {
                        let _guard = lock.read();
                        log.add(what);
                        routine::yield_now();
                        log.add("read on");
                    }
                    _ => {
                        let _guard = lock.write();
                        log.add(what);
                    }
                }));
            }
            drop(first);
            for handle in handles {
                handle.join().unwrap();
            }
            let both = ["read", "read", "read on", "read on", "write", "write"];
            assert_eq!(log.take(), both);
        });
    });
}

/// A writer that gives up lets those in that it has kept out, although others still read.
#[test]
fn a_writer_that_times_out_lets_readers_in() {
    watched(|| {
        workers(1).run(|| {
            let lock = Arc::new(RwLock::new(1));
            let first = lock.read();
            let writer = {
                let lock = lock.clone();
                blocked(move || lock.write_timeout(5 * MOMENT).is_none())
            };
            let reader = {
                let lock = lock.clone();
                blocked(move || *lock.read())
            };
            assert!(!reader.is_finished(), "the writer comes first");
            assert_eq!(reader.join().unwrap(), 1);
            assert!(writer.join().unwrap());
            drop(first);
            assert!(lock.try_write().is_some());
        });
    });
}

#[test]
fn time_outs_leave_the_lock_as_it_was() {
    watched(|| {
        let attempt = || {
            let lock = RwLock::new(1);
            let guard = lock.write();
            assert!(lock.read_timeout(MOMENT).is_none());
            assert!(lock.read_until(Instant::now()).is_none());
            assert!(lock.try_read_for(MOMENT).is_none());
            assert!(lock.try_read_until(Instant::now() + MOMENT).is_none());
            assert!(lock.write_timeout(MOMENT).is_none());
            drop(guard);
            let guard = lock.read();
            assert!(lock.write_until(Instant::now() + MOMENT).is_none());
            assert!(lock.try_write_for(MOMENT).is_none());
            assert!(lock.try_write_until(Instant::now() + MOMENT).is_none());
            assert!(
                lock.read_timeout(MOMENT).is_some(),
                "no writer waits any more"
            );
            drop(guard);
            assert!(lock.write_timeout(MOMENT).is_some());
        };
        attempt();
        workers(1).run(attempt);
    });
}

#[test]
fn a_writer_goes_on_as_a_reader() {
    watched(|| {
        workers(1).run(|| {
            let (lock, log) = (Arc::new(RwLock::new(1)), Log::default());
            let mut guard = lock.write();
            let writer = {
                let (lock, log) = (lock.clone(), log.clone());
                blocked(move || {
                    *lock.write() += 1;
                    log.add("written");
                })
            };
            *guard = 5;
            let guard = RwLockWriteGuard::downgrade(guard);
            routine::yield_now();
            assert_eq!(
                (*guard, log.take().len()),
                (5, 0),
                "no writer comes in between"
            );
            drop(guard);
            writer.join().unwrap();
            assert_eq!(*lock.read(), 6);
            // Without a writer that waits, readers come in.
            let guard = lock.write();
            let reader = {
                let lock = lock.clone();
                blocked(move || *lock.read())
            };
            let _guard = RwLockWriteGuard::downgrade(guard);
            assert_eq!(reader.join().unwrap(), 6);
        });
    });
}

#[test]
fn parts_and_owned_guards_keep_the_lock() {
    watched(|| {
        let lock = Arc::new(RwLock::new((1, 2)));
        let part = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
        assert_eq!((*part, lock.try_write().is_none()), (2, true));
        drop(part);
        let mut part: MappedRwLockWriteGuard<'_, i32> =
            RwLockWriteGuard::map(lock.write(), |pair| &mut pair.0);
        *part = 7;
        assert!(lock.try_read().is_none());
        drop(part);
        let reads = lock.read_arc();
        let thread = thread::spawn(move || reads.0);
        assert_eq!(thread.join().unwrap(), 7);
        let mut writes = lock.write_arc();
        thread::spawn(move || writes.1 = 9).join().unwrap();
        assert_eq!(*lock.read(), (7, 9));
        let reads = lock.try_read_arc().unwrap();
        assert!(lock.try_write_arc().is_none() && lock.try_read_arc().is_some());
        drop(reads);
        let writes = lock.try_write_arc().unwrap();
        assert!(lock.try_read_arc().is_none() && lock.try_write_arc().is_none());
        drop(writes);
        assert!(lock.try_write().is_some());
    });
}

/// Two numbers that readers see equal, among routines and threads.
#[test]
fn readers_and_writers_exclude_each_other() {
    const EACH: usize = 1500;
    watched(|| {
        let runtime = workers(4);
        let lock = Arc::new(RwLock::new((0, 0)));
        let readers = Arc::new(AtomicUsize::new(0));
        let body = |seed: usize| {
            let (lock, readers) = (lock.clone(), readers.clone());
            move || {
                for i in 0..EACH {
                    if (i + seed).is_multiple_of(5) {
                        let mut pair = lock.write();
                        assert_eq!(readers.load(Ordering::SeqCst), 0);
                        pair.0 += 1;
                        if i % 16 == 0 {
                            routine::yield_now();
                        }
                        pair.1 += 1;
                    } else {
                        let pair = lock.read();
                        readers.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(pair.0, pair.1);
                        if i % 16 == 0 {
                            routine::yield_now();
                        }
                        readers.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let routines: Vec<_> = (0..10).map(|seed| runtime.spawn(body(seed))).collect();
        let threads: Vec<_> = (0..3).map(|seed| thread::spawn(body(seed))).collect();
        routines
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        threads
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(*lock.read(), (13 * EACH / 5, 13 * EACH / 5));
    });
}

/// With one worker: a routine that takes it again and again without ever having to park cannot keep it from
/// a home-mate that has waited for 1 ms, because then it does have to park.
#[test]
fn who_never_parks_gives_in() {
    watched(|| {
        for reads in [false, true] {
            workers(1).run(move || {
                let (lock, had) = (Arc::new(RwLock::new(0)), Arc::new(AtomicBool::new(false)));
                let guard = lock.write();
                let (other, has) = (lock.clone(), had.clone());
                let waits = blocked(move || {
                    *other.write() += 1;
                    has.store(true, Ordering::SeqCst);
                });
                drop(guard);
                let start = std::time::Instant::now();
                let mut times = 0;
                while !had.load(Ordering::SeqCst) {
                    match reads {
                        true => drop(lock.read()),
                        false => drop(lock.write()),
                    }
                    times += 1;
                    assert!(
                        start.elapsed() < rust_routines_tests::LIMIT,
                        "it is kept from the lock"
                    );
                }
                waits.join().unwrap();
                assert!(times > 10, "it barged for a while");
                assert_eq!(*lock.read(), 1);
            });
        }
    });
}
