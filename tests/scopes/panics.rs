//! Panics in scopes: they wait until all have ended, and none is lost.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, JoinError};
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::watched;

use super::{blocked, on_all, workers};

/// The text that `f` panics with; quietly.
#[track_caller]
fn panics(f: impl FnOnce()) -> &'static str {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    payload.downcast_ref::<&'static str>().expect("a text")
}

fn boom(text: &'static str) -> ! {
    panic::resume_unwind(Box::new(text))
}

/// The body's panic goes on; a child's payload is dropped before, whatever its destructor does.
#[test]
fn a_payload_that_panics_in_its_drop_is_contained() {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            boom("payload");
        }
    }
    watched(|| {
        on_all(|| {
            let text = panics(|| {
                routine::scope(|s| {
                    s.spawn(|| panic::resume_unwind(Box::new(Twice)));
                    routine::yield_now();
                    boom("body");
                });
            });
            assert_eq!(text, "body");
        });
    });
}

#[test]
fn one_that_nobody_joins_goes_on_after_all_have_ended() {
    watched(|| {
        on_all(|| {
            let ended = AtomicUsize::new(0);
            let text = panics(|| {
                routine::scope(|s| {
                    s.spawn(|| boom("child"));
                    for _ in 0..10 {
                        s.spawn(|| {
                            (0..5).for_each(|_| routine::yield_now());
                            ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                });
            });
            assert_eq!(text, "child");
            assert_eq!(ended.load(Ordering::SeqCst), 10, "a panic cancels nobody");
        });
    });
}

#[test]
fn one_that_is_joined_is_the_joiners() {
    watched(|| {
        on_all(|| {
            routine::scope(|s| {
                let joined = s.spawn(|| boom("child")).join();
                assert!(matches!(joined, Err(JoinError::Panicked(_))));
            });
        });
    });
}

/// The body's value is dropped first: its destructor neither is cut short by a cancellation nor takes the panic's
/// place.
#[test]
fn one_is_not_lost_in_the_drop_of_the_bodys_value() {
    struct Lingers(Arc<AtomicUsize>);
    impl Drop for Lingers {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            routine::yield_now();
            self.0.fetch_add(10, Ordering::SeqCst);
            boom("drop")
        }
    }
    watched(|| {
        workers(1).run(|| {
            let steps = Arc::new(AtomicUsize::new(0));
            let lingers = Lingers(steps.clone());
            let (go, wait) = channel::bounded(0);
            let owner = blocked(move || {
                routine::scope(|s| {
                    s.spawn(|| {
                        routine::shield(|| wait.recv().unwrap());
                        boom("child")
                    });
                    lingers
                });
            });
            // When the other side is there, the owner waits for it.
            go.send(()).unwrap();
            owner.abort().unwrap();
            let Err(JoinError::Panicked(payload)) = owner.join() else {
                panic!("the panic is lost");
            };
            assert_eq!(payload.downcast_ref(), Some(&"child"));
            assert_eq!(steps.load(Ordering::SeqCst), 11);
        });
    });
}

/// Whether the handle goes before the end of the routine or after it.
#[test]
fn one_whose_handle_is_dropped_is_not_lost() {
    watched(|| {
        on_all(|| {
            for late in [false, true] {
                let text = panics(|| {
                    routine::scope(|s| {
                        let handle = s.spawn(|| boom("child"));
                        while late && !handle.is_finished() {
                            routine::yield_now();
                        }
                        drop(handle);
                    });
                });
                assert_eq!(text, "child");
            }
        });
    });
}

#[test]
fn the_first_of_several_goes_on() {
    watched(|| {
        on_all(|| {
            let text = panics(|| {
                routine::scope(|s| {
                    let first = s.spawn(|| boom("first"));
                    while !first.is_finished() {
                        routine::yield_now();
                    }
                    drop(first);
                    drop(s.spawn(|| boom("second")));
                });
            });
            assert_eq!(text, "first");
        });
    });
}

#[test]
fn that_of_the_body_goes_before_those_of_routines() {
    watched(|| {
        on_all(|| {
            let ended = AtomicUsize::new(0);
            let text = panics(|| {
                routine::scope(|s| {
                    s.spawn(|| {
                        routine::yield_now();
                        ended.fetch_add(1, Ordering::SeqCst);
                        boom("child")
                    });
                    boom("body");
                });
            });
            assert_eq!(text, "body");
            assert_eq!(ended.load(Ordering::SeqCst), 1);
        });
    });
}

/// The panic of a result's destructor, with nobody to take the result: contained, as that of any routine.
#[test]
fn a_destructor_of_a_result_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            boom("drop")
        }
    }
    watched(|| {
        on_all(|| {
            let (go, wait) = channel::bounded(0);
            routine::scope(|s| {
                // Dropped before the end: later it would be dropped, and panic, where its handle is.
                drop(s.spawn(|| {
                    wait.recv().unwrap();
                    Bomb
                }));
                go.send(()).unwrap();
            });
        });
    });
}

/// A scope in a destructor, while its routine unwinds.
#[test]
fn a_scope_works_while_unwinding() {
    struct Scopes<'a>(&'a AtomicUsize);
    impl Drop for Scopes<'_> {
        fn drop(&mut self) {
            let local = AtomicUsize::new(0);
            routine::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        routine::yield_now();
                        local.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
            self.0.store(local.into_inner(), Ordering::SeqCst);
        }
    }
    watched(|| {
        on_all(|| {
            let count = AtomicUsize::new(0);
            let text = panics(|| {
                let _scopes = Scopes(&count);
                boom("outer");
            });
            assert_eq!(text, "outer");
            assert_eq!(count.load(Ordering::SeqCst), 3);
        });
    });
}

/// The body's restart is dropped for it, with what it has captured, whatever that does in its drop.
#[test]
fn a_restart_of_the_body_swallows_none() {
    struct Bomb {
        _tracked: Tracked,
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            boom("drop")
        }
    }
    watched(|| {
        for n in [1, 2] {
            let runtime = workers(n);
            for panics in [true, false] {
                let (drops, ended) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
                let (_tracked, ends) = (drops.track(), ended.clone());
                let bomb = Bomb { _tracked };
                let routine = runtime.spawn(move || -> u32 {
                    routine::scope(|s| {
                        s.spawn(|| {
                            routine::yield_now();
                            ends.fetch_add(1, Ordering::SeqCst);
                            if panics {
                                boom("child")
                            }
                        });
                        routine::restart(move || {
                            mem::forget(bomb);
                            5_u32
                        })
                    })
                });
                let joined = routine.join();
                assert_eq!(ended.load(Ordering::SeqCst), 1, "it cancels nobody");
                if !panics {
                    assert_eq!(joined.unwrap(), 5);
                    continue;
                }
                let Err(JoinError::Panicked(payload)) = joined else {
                    panic!("the panic is lost");
                };
                assert_eq!(payload.downcast_ref(), Some(&"child"));
                assert_eq!(drops.alive(), 0);
            }
        }
    });
}

/// A routine of a scope borrows from its owner: it cannot start anew elsewhere.
#[test]
fn a_routine_of_a_scope_cannot_restart() {
    watched(|| {
        on_all(|| {
            routine::scope(|s| {
                let handle = s.spawn(|| routine::restart(|| ()));
                let Err(JoinError::Panicked(payload)) = handle.join() else {
                    panic!("it has restarted");
                };
                let text = payload.downcast_ref::<&str>().expect("a text");
                assert!(text.contains("scope"), "{text}");
            });
        });
    });
}
