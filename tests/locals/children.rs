//! What is inherited, by whom, and what a clone that fails leaves behind.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use rust_routines::routine::{self, Builder};
use rust_routines::{routine_local, run};
use rust_routines_tests::{eventually, watched};

use super::workers;

routine_local! {
    #[inherit]
    static TRACE: Option<String> = None;
    static PRIVATE: u32 = 0;
}

fn trace() -> String {
    TRACE.with(|trace| trace.clone()).unwrap_or_default()
}

#[test]
fn children_and_their_children_begin_with_a_clone() {
    run(|| {
        PRIVATE.set(1);
        assert_eq!(routine::spawn(trace).join().unwrap(), "");
        TRACE.set(Some("one".to_string()));
        let child = routine::spawn(|| {
            let inherited = trace();
            let grandchild = routine::spawn(trace).join().unwrap();
            TRACE.set(Some("mine".to_string()));
            (
                inherited,
                grandchild,
                routine::spawn(trace).join().unwrap(),
                PRIVATE.get(),
            )
        });
        // It is what the parent had when it spawned.
        TRACE.set(Some("two".to_string()));
        let (inherited, grandchild, later, private) = child.join().unwrap();
        assert_eq!((&*inherited, &*grandchild), ("one", "one"));
        assert_eq!((&*later, private), ("mine", 0));
        assert_eq!(trace(), "two");
        let _taken = TRACE.take();
        assert_eq!(routine::spawn(trace).join().unwrap(), "");
    });
}

#[test]
fn a_builder_may_say_no() {
    run(|| {
        TRACE.set(Some("one".to_string()));
        let with = |builder: Builder| builder.spawn(trace).unwrap().join().unwrap();
        assert_eq!(with(Builder::new()), "one");
        assert_eq!(with(Builder::new().name("n").stack_size(1 << 20)), "one");
        assert_eq!(with(Builder::new().inherit_locals(false)), "");
        assert_eq!(with(Builder::new().inherit_locals(false).name("n")), "");
    });
}

#[test]
fn plain_threads_hand_down_too() {
    let runtime = workers(1);
    TRACE.set(Some("thread".to_string()));
    assert_eq!(runtime.spawn(trace).join().unwrap(), "thread");
    assert_eq!(routine::spawn(trace).join().unwrap(), "thread");
    assert_eq!(run(trace), "thread");
    assert_eq!(thread::spawn(trace).join().unwrap(), "");
}

#[test]
fn a_blocking_call_is_like_a_child() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| {
            TRACE.set(Some("caller".to_string()));
            for _ in 0..3 {
                PRIVATE.set(5);
                let seen = routine::blocking(|| {
                    let seen = (trace(), PRIVATE.get());
                    TRACE.set(Some("left behind".to_string()));
                    PRIVATE.set(9);
                    seen
                });
                assert_eq!(seen, ("caller".to_string(), 0));
                assert_eq!((trace(), PRIVATE.get()), ("caller".to_string(), 5));
            }
            // Without anything to inherit.
            let _taken = TRACE.take();
            assert_eq!(
                routine::blocking(|| (trace(), PRIVATE.get())),
                (String::new(), 0)
            );
        });
    });
}

/// Counts its clones, and may refuse.
struct Fussy(Arc<()>, bool);

impl Clone for Fussy {
    fn clone(&self) -> Self {
        assert!(self.1, "not to be cloned now");
        Fussy(self.0.clone(), self.1)
    }
}

routine_local! {
    #[inherit]
    static FIRST: Option<Fussy> = None;
    #[inherit]
    static SECOND: Option<Fussy> = None;
}

#[test]
fn a_clone_that_panics_spawns_nothing_and_leaks_nothing() {
    watched(|| {
        let runtime = workers(1);
        let alive = Arc::new(());
        let seen = alive.clone();
        runtime.run(move || {
            FIRST.set(Some(Fussy(seen.clone(), true)));
            SECOND.set(Some(Fussy(seen.clone(), false)));
            let refused = panic::catch_unwind(AssertUnwindSafe(|| routine::spawn(|| ())));
            assert!(refused.is_err());
            let refused = panic::catch_unwind(|| routine::blocking(|| ()));
            assert!(refused.is_err());
            SECOND.with_mut(|fussy| fussy.as_mut().unwrap().1 = true);
            let child =
                routine::spawn(|| FIRST.with(Option::is_some) && SECOND.with(Option::is_some));
            assert!(child.join().unwrap());
            assert_eq!(
                Arc::strong_count(&seen),
                4,
                "two values, and two handles here"
            );
        });
        eventually("all have ended", || runtime.metrics().live() == 0);
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[test]
fn a_value_that_is_being_changed_is_not_inherited() {
    run(|| {
        TRACE.with_mut(|_| {
            let refused = panic::catch_unwind(|| routine::spawn(|| ()));
            let text = refused
                .err()
                .and_then(|payload| payload.downcast::<String>().ok());
            assert!(text.is_some_and(|text| text.contains("with_mut")));
            let plain = Builder::new().inherit_locals(false).spawn(|| 3).unwrap();
            assert_eq!(plain.join().unwrap(), 3);
        });
        assert_eq!(routine::spawn(trace).join().unwrap(), "");
    });
}

/// What is on the way to a routine that never starts is dropped with it.
#[test]
fn what_never_starts_gives_back_what_it_has_inherited() {
    watched(|| {
        let runtime = workers(1);
        let alive = Arc::new(());
        let seen = alive.clone();
        runtime.run(move || {
            FIRST.set(Some(Fussy(seen, true)));
            let gone = workers(1);
            let metrics = gone.spawn(|| ());
            metrics.join().unwrap();
            drop(gone);
            let refused = Builder::new().stack_size(1).spawn(|| ());
            assert!(refused.is_err());
            // Not started yet when its handle goes; it starts at the shutdown, cancelled.
            drop(routine::spawn(|| ()));
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}
