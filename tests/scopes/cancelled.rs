//! Scopes whose owner, or whose routines, are cancelled, or whose time has passed.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rust_routines::routine::{self, Builder};
use rust_routines::time::{self, Duration, Elapsed};
use rust_routines::{channel, runtime};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, blocked, on_all, workers};

/// Ends after some more turns, while it unwinds.
struct Lingers<'a>(&'a AtomicUsize);

impl Drop for Lingers<'_> {
    fn drop(&mut self) {
        (0..20).for_each(|_| routine::yield_now());
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// In the body and in the wait at its end.
#[test]
fn the_owner_takes_its_routines_with_it() {
    watched(|| {
        workers(1).run(|| {
            for waits_in_body in [false, true] {
                let drops = Drops::new();
                let (tracked, ended) = (drops.track(), Arc::new(AtomicUsize::new(0)));
                let ends = ended.clone();
                let owner = blocked(move || {
                    let (local, lingering) = (tracked, AtomicUsize::new(0));
                    let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
                        routine::scope(|s| {
                            for _ in 0..10 {
                                s.spawn(|| {
                                    let _local = &local;
                                    let _lingers = Lingers(&lingering);
                                    routine::park();
                                });
                            }
                            if waits_in_body {
                                time::sleep(HOUR);
                            }
                        });
                    }));
                    ends.store(lingering.load(Ordering::SeqCst), Ordering::SeqCst);
                    panic::resume_unwind(unwound.expect_err("it unwinds"));
                });
                (0..3).for_each(|_| routine::yield_now());
                owner.abort().unwrap();
                assert!(owner.join().unwrap_err().is_cancelled());
                assert_eq!(ended.load(Ordering::SeqCst), 10, "it has waited for them");
                assert_eq!(drops.alive(), 0);
            }
        });
    });
}

/// From the root of a tree to its leaves.
#[test]
fn a_tree_of_scopes_ends_from_its_leaves() {
    fn grow(depth: u32, drops: &Drops) {
        let _tracked = drops.track();
        if depth == 0 {
            return time::sleep(HOUR);
        }
        routine::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| grow(depth - 1, drops));
            }
        });
    }
    watched(|| {
        for n in [1, 3] {
            let (runtime, drops) = (workers(n), Drops::new());
            let counted = drops.clone();
            let root = runtime.spawn(move || grow(5, &counted));
            rust_routines_tests::eventually("it has grown", || drops.made() == 364);
            root.abort().unwrap();
            assert!(root.join().unwrap_err().is_cancelled());
            assert_eq!(drops.alive(), 0);
        }
    });
}

/// `timeout` around a scope is a scope with a deadline.
#[test]
fn a_deadline_ends_the_routines_of_a_scope() {
    watched(|| {
        on_all(|| {
            for waits_in_body in [false, true] {
                let ended = AtomicUsize::new(0);
                let limited = time::timeout(Duration::from_millis(2), || {
                    routine::scope(|s| {
                        for _ in 0..10 {
                            s.spawn(|| {
                                let _lingers = Lingers(&ended);
                                time::sleep(HOUR);
                            });
                        }
                        if waits_in_body {
                            time::sleep(HOUR);
                        }
                    })
                });
                assert_eq!(limited, Err(Elapsed));
                let count = ended.load(Ordering::SeqCst);
                // One that has not begun by then never does.
                assert!(count <= 10);
            }
            // In time.
            let sum = time::timeout(HOUR, || routine::scope(|s| s.spawn(|| 1).join().unwrap()));
            assert_eq!(sum, Ok(1));
        });
    });
}

#[test]
fn a_scope_cancels_its_routines_and_those_to_come() {
    watched(|| {
        on_all(|| {
            let (ran, started) = (AtomicUsize::new(0), channel::bounded(0));
            routine::scope(|s| {
                let sleeps = s.spawn(|| {
                    started.0.send(()).unwrap();
                    time::sleep(HOUR);
                });
                started.1.recv().unwrap();
                assert!(!s.is_cancelled());
                s.cancel();
                assert!(s.is_cancelled());
                assert!(sleeps.join().unwrap_err().is_cancelled());
                let late = s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
                assert!(late.join().unwrap_err().is_cancelled());
                // The body goes on.
                routine::yield_now();
                time::sleep(Duration::from_micros(1));
            });
            assert_eq!(ran.load(Ordering::SeqCst), 0);
        });
    });
}

/// A child that is cancelled is no failure of the scope.
#[test]
fn one_routine_alone_is_cancelled() {
    watched(|| {
        on_all(|| {
            let value = routine::scope(|s| {
                let one = s.spawn(|| time::sleep(HOUR));
                let other = s.spawn(|| 7);
                one.abort().unwrap();
                drop(one);
                other.join().unwrap()
            });
            assert_eq!(value, 7);
        });
    });
}

/// A panic on the way goes before the cancellation, which is met again.
#[test]
fn a_panic_is_not_lost_in_a_cancellation() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic::resume_unwind(Box::new("closure"));
            }
        }
    }
    watched(|| {
        workers(1).run(|| {
            let owner = blocked(|| {
                let caught = panic::catch_unwind(|| {
                    routine::scope(|s| {
                        // Spawned, and cancelled before it starts: its closure's destructor panics.
                        let panics = Panics;
                        s.spawn(|| {
                            let _waits = panic::catch_unwind(routine::park);
                            drop(panics);
                        });
                        routine::park();
                    });
                });
                let payload = caught.expect_err("it unwinds");
                assert_eq!(payload.downcast_ref::<&str>(), Some(&"closure"));
                routine::yield_now();
            });
            routine::yield_now();
            owner.abort().unwrap();
            assert!(owner.join().unwrap_err().is_cancelled(), "met again");
        });
    });
}

/// A shutdown cancels owner and routines; the owner still waits.
#[test]
fn a_shutdown_waits_for_scopes() {
    watched(|| {
        for n in [1, 2] {
            let (runtime, drops) = (workers(n), Drops::new());
            let (starts, started) = channel::bounded(0);
            for _ in 0..10 {
                let (drops, starts) = (drops.clone(), starts.clone());
                runtime.spawn(move || {
                    let local = drops.track();
                    routine::scope(|s| {
                        for _ in 0..5 {
                            s.spawn(|| {
                                let _local = &local;
                                let _own = drops.track();
                                time::sleep(HOUR);
                            });
                        }
                        starts.send(()).unwrap();
                    });
                });
            }
            (0..10).for_each(|_| started.recv().unwrap());
            runtime.shutdown(HOUR).unwrap();
            assert_eq!(drops.alive(), 0);
        }
    });
}

/// A routine that will not end keeps its scope's owner: both are named, and abandoned with their stacks.
#[test]
fn a_shutdown_names_a_scope_that_cannot_end() {
    watched(|| {
        let runtime = runtime::Builder::new().workers(2).build().unwrap();
        let (go, wait) = channel::bounded::<()>(0);
        let (starts, started) = channel::bounded(0);
        let (drops, counted) = (Drops::new(), AtomicUsize::new(0));
        let local = drops.track();
        let owner = runtime
            .spawn_with(Builder::new().name("owner"), move || {
                let local = (local, counted);
                routine::scope(|s| {
                    let stuck = || {
                        routine::shield(|| {
                            starts.send(()).unwrap();
                            let _end = wait.recv();
                        });
                        // Its borrow is as good as ever, whatever was abandoned.
                        local.1.fetch_add(1, Ordering::SeqCst);
                    };
                    let child = Builder::new().name("child").spawn_scoped(s, stuck).unwrap();
                    child.join().unwrap();
                });
            })
            .unwrap();
        started.recv().unwrap();
        let stuck = runtime.shutdown(Duration::from_millis(50)).unwrap_err();
        let lines = stuck.routines();
        assert_eq!(lines.len(), 2, "{stuck}");
        let named = |name: &str| lines.iter().any(|line| line.contains(name));
        assert!(
            named("\"owner\" [scope]") && named("\"child\" [chan receive]"),
            "{stuck}"
        );
        assert_eq!(drops.alive(), 1, "abandoned, not freed");
        drop(go);
        assert!(owner.join().unwrap_err().is_cancelled());
        assert_eq!(drops.alive(), 0);
    });
}

/// One that has begun, and has not waited so far, meets the cancellation of its scope where it looks next: for the first
/// time, or again.
#[test]
fn one_that_computes_is_cancelled_where_it_looks_next() {
    fn await_flag(flag: &AtomicBool) {
        while !flag.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    }
    watched(|| {
        let looks: [fn(); 4] = [
            routine::check_cancelled,
            routine::yield_now,
            || time::sleep(HOUR),
            || routine::scope(|s| s.spawn(|| time::sleep(HOUR)).join().unwrap()),
        ];
        for (look, has_looked) in looks
            .into_iter()
            .flat_map(|look| [(look, false), (look, true)])
        {
            let (began, cancelled) = (AtomicBool::new(false), AtomicBool::new(false));
            routine::scope(|s| {
                let computes = s.spawn(|| {
                    if has_looked {
                        routine::check_cancelled();
                    }
                    began.store(true, Ordering::Release);
                    await_flag(&cancelled);
                    look();
                });
                await_flag(&began);
                s.cancel();
                cancelled.store(true, Ordering::Release);
                assert!(computes.join().unwrap_err().is_cancelled());
            });
        }
    });
}

/// Who waits for the first time just when the scope is cancelled is found, or finds out.
#[test]
fn none_escapes_a_cancellation_by_waiting() {
    watched(|| {
        let runtime = workers(2);
        for round in 0..500 {
            runtime.run(|| {
                routine::scope(|s| {
                    for i in 0..20 {
                        s.spawn(move || match i % 3 {
                            0 => routine::park(),
                            1 => time::sleep(HOUR),
                            _ => loop {
                                routine::yield_now();
                            },
                        });
                    }
                    (0..round % 7).for_each(|_| routine::yield_now());
                    s.cancel();
                });
            });
        }
    });
}
