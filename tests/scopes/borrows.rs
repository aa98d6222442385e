//! What scopes are for: borrows, results, routines that spawn routines.

use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::routine::{self, Builder, Place};
use rust_routines::{channel, select, time};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, on_all, workers};

#[test]
fn routines_borrow_and_give_results() {
    watched(|| {
        on_all(|| {
            let text = String::from("some words here");
            let mut lengths = vec![0; 3];
            let longest = routine::scope(|s| {
                for (length, word) in lengths.iter_mut().zip(text.split(' ')) {
                    s.spawn(move || {
                        routine::yield_now();
                        *length = word.len();
                    });
                }
                let longest = s.spawn(|| text.split(' ').max_by_key(|word| word.len()));
                longest.join().unwrap().unwrap()
            });
            assert_eq!(lengths, [4, 5, 4]);
            assert_eq!(longest, "words");
        });
    });
}

/// A tree in one scope: each routine spawns others in it, and nobody joins any.
#[test]
fn routines_of_a_scope_spawn_others_in_it() {
    fn grow<'scope>(
        s: &'scope routine::Scope<'scope, '_>,
        leaves: &'scope AtomicUsize,
        depth: u32,
    ) {
        if depth == 0 {
            leaves.fetch_add(1, Ordering::Relaxed);
            return;
        }
        for _ in 0..3 {
            s.spawn(move || grow(s, leaves, depth - 1));
        }
    }
    watched(|| {
        on_all(|| {
            let leaves = AtomicUsize::new(0);
            routine::scope(|s| grow(s, &leaves, 6));
            assert_eq!(leaves.load(Ordering::Relaxed), 3_usize.pow(6));
        });
    });
}

#[test]
fn scopes_nest() {
    watched(|| {
        on_all(|| {
            let (mut outer, step) = (vec![1], AtomicUsize::new(0));
            routine::scope(|s| {
                s.spawn(|| {
                    let mut inner = [0; 4];
                    routine::scope(|s| {
                        for (i, slot) in inner.iter_mut().enumerate() {
                            let step = &step;
                            s.spawn(move || {
                                *slot = i;
                                step.fetch_add(1, Ordering::SeqCst);
                            });
                        }
                    });
                    assert_eq!(step.load(Ordering::SeqCst), 4, "they have ended");
                    outer.extend(inner);
                });
            });
            assert_eq!(outer, [1, 0, 1, 2, 3]);
        });
    });
}

/// Nothing that a routine of the scope holds is there any more when it returns: closure, result, handle.
#[test]
fn all_is_dropped_before_it_returns() {
    watched(|| {
        on_all(|| {
            let drops = Drops::new();
            for round in 0..50 {
                routine::scope(|s| {
                    let (closure, result) = (drops.track(), drops.track());
                    let handle = s.spawn(move || {
                        let _closure = closure;
                        if round % 2 == 0 {
                            routine::yield_now();
                        }
                        result
                    });
                    match round % 3 {
                        0 => drop(handle),
                        1 => drop(handle.join()),
                        _ => {
                            s.spawn(move || drop(handle));
                        }
                    }
                });
                assert_eq!(drops.alive(), 0);
            }
        });
    });
}

#[test]
fn a_builder_spawns_in_a_scope() {
    watched(|| {
        on_all(|| {
            let local = 5;
            routine::scope(|s| {
                for place in [Place::Near, Place::Spread, Place::Own] {
                    let builder = Builder::new().name("lent").place(place);
                    let handle = builder.spawn_scoped(s, || local + 1).unwrap();
                    assert_eq!(handle.name(), Some("lent"));
                    assert_eq!(handle.routine().id(), handle.id());
                    assert_eq!(handle.join().unwrap(), 6);
                }
                let deep = Builder::new().stack_size(1 << 20);
                assert!(deep.spawn_scoped(s, || [1_u8; 1 << 19].len()).is_ok());
            });
        });
    });
}

/// What is refused is dropped, and not waited for.
#[test]
fn a_refused_routine_is_no_child() {
    watched(|| {
        on_all(|| {
            let drops = Drops::new();
            routine::scope(|s| {
                let tracked = drops.track();
                let refused = Builder::new()
                    .stack_size(1)
                    .spawn_scoped(s, || drop(tracked));
                assert!(refused.is_err());
                assert_eq!(drops.alive(), 0);
                s.cancel();
            });
        });
        // No place for it: the runtime is being shut down, and the caller is a thread's.
        let drops = Drops::new();
        let (enters, entered) = channel::bounded(0);
        let (tracked, runtime) = (drops.track(), workers(1));
        runtime.run(|| {
            routine::scope(|s| {
                let handle = s.spawn(|| {
                    enters.send(()).unwrap();
                    drop(tracked);
                });
                entered.recv().unwrap();
                handle.join().unwrap();
            });
        });
        assert_eq!(drops.alive(), 0);
    });
}

#[test]
fn a_handle_is_an_arm() {
    watched(|| {
        on_all(|| {
            let local = String::from("local");
            let text = routine::scope(|s| {
                let mut slow = s.spawn(|| time::sleep(HOUR));
                let mut fast = s.spawn(|| local.len());
                let first = select! {
                    _ = &mut slow => 0,
                    length = &mut fast => length.unwrap(),
                };
                slow.abort().unwrap();
                assert!(slow.join().unwrap_err().is_cancelled());
                first
            });
            assert_eq!(text, 5);
        });
    });
}

/// Many come and go in one scope: its roll does not grow with them.
#[test]
fn a_scope_may_live_long() {
    watched(|| {
        workers(2).run(|| {
            let count = AtomicUsize::new(0);
            routine::scope(|s| {
                for _ in 0..200 {
                    let handles: Vec<_> = (0..50)
                        .map(|_| s.spawn(|| count.fetch_add(1, Ordering::Relaxed)))
                        .collect();
                    handles.into_iter().for_each(|handle| {
                        handle.join().unwrap();
                    });
                }
            });
            assert_eq!(count.load(Ordering::Relaxed), 10_000);
        });
    });
}
