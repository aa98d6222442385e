//! Destructors: when, in which order, what they may do.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine::{self, AccessError, JoinError};
use rust_routines::{channel, routine_local, run};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::{eventually, process, watched};

use super::workers;

/// Runs a function when it is dropped.
struct AtEnd(Option<Box<dyn FnOnce()>>);

impl AtEnd {
    fn new(f: impl FnOnce() + 'static) -> Option<AtEnd> {
        Some(AtEnd(Some(Box::new(f))))
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

#[test]
fn all_are_dropped_once() {
    routine_local! {
        static FIRST: Option<Tracked> = None;
        static SECOND: Vec<Tracked> = Vec::new();
    }
    watched(|| {
        let drops = Drops::new();
        let runtime = workers(2);
        let routines: Vec<_> = (0..500)
            .map(|i| {
                let drops = drops.clone();
                runtime.spawn(move || {
                    FIRST.set(Some(drops.track()));
                    SECOND.with_mut(|all| all.push(drops.track()));
                    routine::yield_now();
                    SECOND.with_mut(|all| all.push(drops.track()));
                    FIRST.set(Some(drops.track()));
                    assert!(i % 7 != 0, "one in seven panics");
                    drop(FIRST.take());
                })
            })
            .collect();
        let panicked = routines.into_iter().filter_map(|r| r.join().err()).count();
        assert_eq!(panicked, 500_usize.div_ceil(7));
        assert_eq!((drops.made(), drops.dropped()), (2000, 2000));
    });
}

#[test]
fn at_home_before_the_join_and_the_newest_first() {
    static ORDER: Mutex<Vec<(&str, u64, thread::ThreadId)>> = Mutex::new(Vec::new());
    routine_local! {
        static A: Option<AtEnd> = None;
        static B: Option<AtEnd> = None;
        static C: Option<AtEnd> = None;
    }
    fn note(name: &'static str) -> Option<AtEnd> {
        AtEnd::new(move || {
            let me = routine::current().expect("still a routine");
            let entry = (name, me.id().as_u64(), thread::current().id());
            ORDER.lock().unwrap().push(entry);
        })
    }
    run(|| {
        let child = routine::spawn(|| {
            B.set(note("b"));
            C.set(note("c"));
            A.set(note("a"));
            // What is set again keeps its place.
            C.set(note("c"));
            ORDER.lock().unwrap().clear();
            (
                routine::current().unwrap().id().as_u64(),
                thread::current().id(),
            )
        });
        let (id, home) = child.join().unwrap();
        let order = ORDER.lock().unwrap().clone();
        assert_eq!(order, [("a", id, home), ("c", id, home), ("b", id, home)]);
    });
}

#[test]
fn destructors_may_block_and_use_other_keys() {
    routine_local! {
        static OLDER: u32 = 1;
        static ENDS: Option<AtEnd> = None;
        static NEVER_BEFORE: Vec<u32> = vec![7];
    }
    watched(|| {
        for count in [1, 3] {
            let runtime = workers(count);
            let (tx, rx) = channel::bounded(0);
            let child = runtime.spawn(move || {
                OLDER.set(2);
                ENDS.set(AtEnd::new(move || {
                    routine::yield_now();
                    let seen = NEVER_BEFORE.with(|new| new[0]);
                    tx.send((OLDER.get(), seen, ENDS.try_with(|_| ()))).unwrap();
                }));
            });
            assert_eq!(rx.recv(), Ok((2, 7, Err(AccessError))));
            child.join().unwrap();
        }
    });
}

/// Each destroyed once: the one that the other's destructor makes is destroyed too, and is not made again.
#[test]
fn what_destructors_make_is_dropped_and_what_is_gone_stays_gone() {
    static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
    routine_local! {
        static PING: AtEnd = AtEnd(Some(Box::new(|| {
            let pong = PONG.try_with(|_| ());
            LOG.lock().unwrap().push(format!("ping saw {pong:?}"));
        })));
        static PONG: AtEnd = AtEnd(Some(Box::new(|| {
            let ping = PING.try_with(|_| ());
            LOG.lock().unwrap().push(format!("pong saw {ping:?}"));
        })));
    }
    let wanted = ["ping saw Ok(())", "pong saw Err(AccessError)"];
    run(|| PING.with(|_| ()));
    assert_eq!(*LOG.lock().unwrap(), wanted);
    LOG.lock().unwrap().clear();
    thread::spawn(|| PING.with(|_| ())).join().unwrap();
    assert_eq!(*LOG.lock().unwrap(), wanted, "the same on a plain thread");
}

#[test]
fn a_destructor_that_panics_concerns_nobody_else() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    routine_local! {
        static BEFORE: Option<AtEnd> = None;
        static PANICS: Option<AtEnd> = None;
        static AFTER: Option<AtEnd> = None;
    }
    fn count() -> Option<AtEnd> {
        AtEnd::new(|| {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        })
    }
    run(|| {
        let child = routine::spawn(|| {
            BEFORE.set(count());
            PANICS.set(AtEnd::new(|| panic!("in a destructor")));
            AFTER.set(count());
            5
        });
        assert_eq!(child.join().unwrap(), 5);
        assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
        let child = routine::spawn(|| {
            AFTER.set(count());
            // To use a value that is gone is such a panic, too.
            PANICS.set(AtEnd::new(|| PANICS.with(|_| ())));
        });
        child.join().unwrap();
        assert_eq!(DROPPED.load(Ordering::SeqCst), 3);
    });
}

/// A guard that a destructor leaks must not hurt whoever runs at this home next.
#[test]
fn what_a_destructor_leaves_on_the_thread_is_forgotten() {
    routine_local!(static ENDS: Option<AtEnd> = None);
    let runtime = workers(1);
    runtime.run(|| {
        let child = routine::spawn(|| {
            ENDS.set(AtEnd::new(|| std::mem::forget(routine::forbid_park())));
        });
        child.join().unwrap();
        routine::yield_now();
    });
}

/// Destructors of a thread run in `exit` too, below the call that lends a value, perhaps to another thread.
#[test]
fn one_that_is_lent_when_the_process_ends_is_not_dropped() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("exit-in-with")).success();
    assert_eq!(ended.stdout, "other=dropped\n");
}

#[test]
fn a_cancelled_routine_runs_its_destructors_which_may_block() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    routine_local!(static ENDS: Option<AtEnd> = None);
    watched(|| {
        let runtime = workers(2);
        let (tx, ready) = channel::unbounded();
        let parked: Vec<_> = (0..20)
            .map(|_| {
                let tx = tx.clone();
                runtime.spawn(move || {
                    ENDS.set(AtEnd::new(|| {
                        for _ in 0..3 {
                            routine::yield_now();
                        }
                        ENDED.fetch_add(1, Ordering::SeqCst);
                    }));
                    tx.send(()).unwrap();
                    routine::park();
                })
            })
            .collect();
        for _ in &parked {
            ready.recv().unwrap();
        }
        drop(runtime);
        assert_eq!(ENDED.load(Ordering::SeqCst), 20);
        for routine in parked {
            assert!(matches!(routine.join(), Err(JoinError::Cancelled)));
        }
    });
}

#[test]
fn a_result_that_nobody_joins_is_dropped_after_the_values() {
    static SEEN: Mutex<Option<Result<u32, AccessError>>> = Mutex::new(None);
    routine_local!(static VALUE: u32 = 1);
    struct Output;
    impl Drop for Output {
        fn drop(&mut self) {
            *SEEN.lock().unwrap() = Some(VALUE.try_with(|value| *value));
        }
    }
    watched(|| {
        for uses in [true, false] {
            *SEEN.lock().unwrap() = None;
            let runtime = workers(1);
            runtime.run(move || {
                drop(routine::spawn(move || {
                    if uses {
                        VALUE.set(2);
                    }
                    Output
                }));
            });
            eventually("it has been dropped", || SEEN.lock().unwrap().is_some());
            assert_eq!(*SEEN.lock().unwrap(), Some(Err(AccessError)));
        }
    });
}

#[test]
fn restart_ends_them_at_the_old_home() {
    routine_local! {
        static PLAIN: Option<Tracked> = None;
        #[inherit]
        static TRACE: u32 = 0;
    }
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let seen = drops.clone();
        let child = runtime.spawn(move || -> (usize, bool, u32) {
            PLAIN.set(Some(seen.track()));
            TRACE.set(4);
            routine::restart(move || (seen.dropped(), PLAIN.with(Option::is_none), TRACE.get()))
        });
        assert_eq!(child.join().unwrap(), (1, true, 4));
        assert_eq!((drops.made(), drops.dropped()), (1, 1));
    });
}
