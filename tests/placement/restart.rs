//! `restart`: moving, the sound way.

use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, JoinError};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

use super::workers;

#[test]
fn restart_moves_under_the_same_id_and_handle() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let (said, says) = channel::unbounded();
        let tracked = drops.track();
        let seen = drops.clone();
        let builder = Builder::new().name("mover");
        let handle = runtime
            .spawn_with(builder, move || -> (ThreadId, usize) {
                let _on_stack = tracked;
                let me = routine::current().unwrap();
                said.send((
                    me.id(),
                    me.name().map(str::to_owned),
                    thread::current().id(),
                ))
                .unwrap();
                routine::yield_now();
                routine::restart(move || {
                    let me = routine::current().unwrap();
                    said.send((
                        me.id(),
                        me.name().map(str::to_owned),
                        thread::current().id(),
                    ))
                    .unwrap();
                    (thread::current().id(), seen.dropped())
                })
            })
            .unwrap();
        let id = handle.id();
        let (before, after) = (says.recv().unwrap(), says.recv().unwrap());
        let (home, dropped) = handle.join().unwrap();
        assert_eq!((before.0, after.0), (id, id));
        assert_eq!(before.1.as_deref(), Some("mover"));
        assert_eq!(after.1.as_deref(), Some("mover"));
        // Nothing else lives, and the one it comes from counts as living while it is placed.
        assert_ne!(
            before.2, after.2,
            "the worker with the fewest live ones is the other"
        );
        assert_eq!(home, after.2);
        assert_eq!(dropped, 1, "the destructors of the old stack have run");
        eventually("it has ended once", || runtime.metrics().live() == 0);
    });
}

/// A loop that starts again over and over keeps its handle, its permit and its stack size.
#[test]
fn restart_can_be_repeated() {
    fn again(left: u32, moves: u32, last: ThreadId) -> u32 {
        let here = thread::current().id();
        let moves = moves + u32::from(here != last);
        if left == 0 {
            return moves;
        }
        // Needs the megabyte it was given: ten frames of 64 KiB.
        assert_eq!(deep(10), 10);
        routine::restart(move || again(left - 1, moves, here))
    }
    #[inline(never)]
    fn deep(n: u32) -> u32 {
        let frame = std::hint::black_box([n as u8; 64 << 10]);
        if n == 0 {
            return 0;
        }
        deep(n - 1) + u32::from(frame[0] > 0)
    }
    watched(|| {
        let runtime = workers(4);
        let builder = Builder::new().stack_size(1 << 20);
        let handle = runtime
            .spawn_with(builder, || again(200, 0, thread::current().id()))
            .unwrap();
        // Each time to another worker, but where those have not yet put the old stacks away.
        let moves = handle.join().unwrap();
        assert!(moves >= 100, "{moves} moves of 200 restarts");
        eventually("it has ended once", || {
            let metrics = runtime.metrics();
            metrics.live() == 0 && metrics.stacks_in_use() == 0
        });
    });
}

fn message(error: JoinError) -> String {
    match error {
        JoinError::Panicked(payload) => payload
            .message()
            .expect("a panic with a message")
            .to_string(),
        JoinError::Cancelled => "cancelled".to_string(),
    }
}

#[test]
fn restart_with_another_type_panics_and_names_it() {
    watched(|| {
        let runtime = workers(1);
        let wrong = runtime.spawn(|| -> u32 { routine::restart(|| "a word") });
        let message = message(wrong.join().unwrap_err());
        assert!(
            message.contains("restart") && message.contains("&str"),
            "{message}"
        );
    });
}

#[test]
fn restart_on_a_plain_thread_panics() {
    watched(|| {
        let error = thread::spawn(|| routine::restart(|| ())).join();
        let Err(payload) = error;
        let message = payload.downcast_ref::<&str>().expect("a literal message");
        assert!(message.contains("plain thread"), "{message}");
    });
}

#[test]
fn restart_in_the_closure_of_run_panics() {
    watched(|| {
        let error = std::panic::catch_unwind(|| workers(1).run(|| routine::restart(|| ())));
        let Err(payload) = error;
        let message = payload.downcast_ref::<&str>().expect("a literal message");
        assert!(message.contains("`run`"), "{message}");
    });
}

/// A swallowed restart is a routine that goes on.
#[test]
fn a_caught_restart_drops_the_new_closure() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let tracked = drops.track();
        let result = runtime.spawn(move || -> u32 {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                routine::restart(move || {
                    drop(tracked);
                    1
                })
            }));
            assert!(caught.is_err());
            drop(caught);
            2
        });
        assert_eq!(result.join().unwrap(), 2);
        assert_eq!(drops.alive(), 0);
    });
}

/// The payload of a restart, thrown again by another routine: it is a panic there like any other.
#[test]
fn a_restart_that_was_caught_restarts_nobody_else() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let caught = || {
            let (tracked, (keep, kept)) = (drops.track(), channel::bounded(1));
            let catches = runtime.spawn(move || -> u32 {
                let restarts = || -> u32 {
                    routine::restart(move || -> u32 {
                        drop(tracked);
                        unreachable!("it was caught")
                    })
                };
                let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(restarts));
                keep.send(payload.unwrap_err()).unwrap();
                1
            });
            assert_eq!(catches.join().unwrap(), 1);
            kept.recv().unwrap()
        };
        // By a routine of another type, of the same type, by the closure of `run`, by a thread.
        let payload = caught();
        let other_type = runtime.spawn(move || -> String { std::panic::resume_unwind(payload) });
        assert!(matches!(other_type.join(), Err(JoinError::Panicked(_))));
        let payload = caught();
        let same_type = runtime.spawn(move || -> u32 { std::panic::resume_unwind(payload) });
        assert!(matches!(same_type.join(), Err(JoinError::Panicked(_))));
        let payload = caught();
        let in_run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.run(|| -> u32 { std::panic::resume_unwind(payload) })
        }));
        assert!(in_run.is_err());
        let payload = caught();
        let thread = thread::spawn(move || -> u32 { std::panic::resume_unwind(payload) });
        assert!(thread.join().is_err());
        drop(in_run);
        assert_eq!(runtime.run(|| 7), 7, "the workers go on");
        eventually("the closures are dropped", || drops.alive() == 0);
    });
}
