//! A runtime that is ended by one of its own routines would wait for itself: it says so.

use std::sync::Arc;

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines_tests::probe::Process;
use rust_routines_tests::{eventually, watched};

use super::{GENEROUS, assert_cancelled, message};

/// Runs `end` in a routine of the runtime that it is given, which is its last owner.
fn ended_from_within(name: &'static str, end: fn(Runtime)) -> String {
    let runtime = rust_routines_tests::pinned(2).name(name).build();
    let runtime = Arc::new(runtime.unwrap());
    let (go, wait) = channel::bounded::<()>(0);
    let own = runtime.clone();
    let ending = runtime.spawn(move || {
        assert!(wait.recv().is_err());
        let runtime = Arc::into_inner(own).expect("the last owner");
        end(runtime);
    });
    let other = runtime.spawn(routine::park);
    drop(runtime);
    drop(go);
    let message = message(ending.join());
    // The runtime ends all the same: nobody else could end it.
    assert_cancelled(other.join());
    eventually("its threads have ended", || {
        let names = Process::own().thread_names();
        !names.iter().any(|thread| thread.starts_with(name))
    });
    message
}

#[test]
fn dropping_a_runtime_from_its_own_routine_panics_with_advice() {
    watched(|| {
        let message = ended_from_within("drops-own", drop);
        assert!(message.contains("one of its own routines"), "{message}");
        assert!(message.contains("move it out"), "{message}");
    });
}

#[test]
fn shutting_a_runtime_down_from_its_own_routine_panics_with_advice() {
    watched(|| {
        let message = ended_from_within("stops-own", |runtime| {
            drop(runtime.shutdown(GENEROUS));
        });
        assert!(message.contains("one of its own routines"), "{message}");
    });
}

/// A panic that drops the runtime on its way is the one that is told.
#[test]
fn a_panic_that_drops_its_own_runtime_is_not_replaced() {
    watched(|| {
        let message = ended_from_within("unwinds-own", |runtime| {
            let _runtime = runtime;
            panic!("something else");
        });
        assert_eq!(message, "something else");
    });
}
