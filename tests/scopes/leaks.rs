//! What users leak or keep does not let a scope return early: its owner's wait is what makes it sound.

use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine::{self, AbortHandle, ScopedJoinHandle};
use rust_routines::routine_local;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{on_all, workers};

#[test]
fn leaked_handles_are_waited_for() {
    watched(|| {
        on_all(|| {
            let mut numbers = vec![0; 100];
            let drops = Drops::new();
            routine::scope(|s| {
                for number in &mut numbers {
                    let tracked = drops.track();
                    mem::forget(s.spawn(move || {
                        let _tracked = tracked;
                        routine::yield_now();
                        *number += 1;
                    }));
                }
            });
            assert_eq!(numbers, [1; 100]);
            assert_eq!(drops.alive(), 0);
        });
    });
}

/// In a cycle, so that no destructor runs, whatever the handle is in.
#[test]
fn handles_in_a_cycle_are_waited_for() {
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Leads to itself.
    struct Cycle<'scope>(RefCell<Option<(ScopedJoinHandle<'scope, ()>, Rc<Cycle<'scope>>)>>);

    watched(|| {
        on_all(|| {
            let mut number = 0;
            routine::scope(|s| {
                let cycle = Rc::new(Cycle(RefCell::new(None)));
                let handle = s.spawn(|| {
                    (0..10).for_each(|_| routine::yield_now());
                    number = 7;
                });
                *cycle.0.borrow_mut() = Some((handle, cycle.clone()));
            });
            assert_eq!(number, 7);
        });
    });
}

/// A forgotten guard forbids parking: the owner waits all the same, and its neighbours park.
#[test]
fn a_leaked_guard_does_not_cut_the_wait_short() {
    watched(|| {
        on_all(|| {
            let mut kept = None;
            let mut number = 0;
            routine::scope(|s| {
                mem::forget(routine::forbid_park());
                kept = Some(routine::forbid_park());
                s.spawn(|| {
                    (0..10).for_each(|_| routine::yield_now());
                    number = 7;
                });
            });
            assert_eq!(number, 7);
            drop(kept);
            routine::yield_now();
        });
    });
}

/// Leaks a guard where it is cloned for a child: users' code between the question whether to park is allowed and
/// the wait.
struct Leaks(bool);

impl Clone for Leaks {
    fn clone(&self) -> Leaks {
        if self.0 {
            mem::forget(routine::forbid_park());
        }
        Leaks(false)
    }
}

routine_local! {
    #[inherit]
    static LEAKS: Leaks = const { Leaks(false) };
}

#[test]
fn a_guard_leaked_by_a_clone_cuts_no_wait_short() {
    watched(|| {
        on_all(|| {
            let other = workers(1);
            let mut numbers = [0; 2];
            let [first, second] = &mut numbers;
            LEAKS.set(Leaks(true));
            routine::blocking(|| {
                thread::yield_now();
                *first = 7;
            });
            LEAKS.set(Leaks(true));
            other.run(|| {
                (0..10).for_each(|_| routine::yield_now());
                *second = 7;
            });
            LEAKS.set(Leaks(false));
            assert_eq!(numbers, [7; 2]);
        });
    });
}

/// Under a guard from outside it refuses before anything is spawned.
#[test]
fn under_a_guard_it_refuses_at_once() {
    watched(|| {
        on_all(|| {
            let ran = AtomicUsize::new(0);
            let refused = std::panic::catch_unwind(|| {
                let _guard = routine::forbid_park();
                routine::scope(|_| ran.fetch_add(1, Ordering::SeqCst));
            });
            assert!(refused.is_err());
            assert_eq!(ran.load(Ordering::SeqCst), 0);
        });
    });
}

/// What outlives the scope by right reaches nothing of it.
#[test]
fn an_abort_handle_may_outlive_the_scope() {
    watched(|| {
        on_all(|| {
            let kept: Mutex<Vec<AbortHandle>> = Mutex::new(Vec::new());
            for _ in 0..20 {
                let local = vec![1, 2, 3];
                routine::scope(|s| {
                    for _ in 0..5 {
                        let handle = s.spawn(|| local.clone());
                        kept.lock().unwrap().push(handle.abort_handle());
                        drop(handle);
                    }
                });
            }
            for abort in kept.into_inner().unwrap() {
                assert!(abort.is_finished());
                abort.abort().unwrap();
            }
        });
    });
}

/// The scope's frame is used again at once by another one: nobody writes into it late.
#[test]
fn nobody_touches_a_scope_that_has_returned() {
    watched(|| {
        let runtime = workers(3);
        let ways: Vec<_> = (0..3)
            .map(|_| {
                runtime.spawn(|| {
                    for _ in 0..2000 {
                        let mut canary = [7_u64; 16];
                        routine::scope(|s| {
                            let (left, right) = canary.split_at_mut(8);
                            drop(s.spawn(|| left.iter_mut().for_each(|x| *x += 1)));
                            drop(s.spawn(|| right.iter_mut().for_each(|x| *x += 1)));
                        });
                        assert_eq!(canary, [8; 16]);
                    }
                })
            })
            .collect();
        ways.into_iter().for_each(|way| way.join().unwrap());
    });
}
