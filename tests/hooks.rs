//! `on_switch`: a thread-local that travels with the routine that set it.
//!
//! Hooks are registered for the life of the process, so they have a test binary of their own, and
//! those that misbehave a child each.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::process::Command;
use std::sync::Once;

use rust_routines::time::Duration;
use rust_routines::{channel, routine};
use rust_routines_tests::{process, watched};

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Both registered once for all tests here, in this order.
fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        routine::on_switch(|| NUMBER.take(), |was| NUMBER.set(was));
        routine::on_switch(|| NAMES.take(), |was| drop(NAMES.replace(was)));
    });
}

#[test]
fn a_value_travels_with_its_routine() {
    register();
    watched(|| {
        for workers in [1, 4] {
            let runtime = rust_routines_tests::workers(workers);
            let routines: Vec<_> = (1..=200)
                .map(|i| {
                    runtime.spawn(move || {
                        assert_eq!(NUMBER.get(), 0, "a new routine finds it clean");
                        assert!(NAMES.with_borrow(Vec::is_empty));
                        NUMBER.set(i);
                        for round in 0..20 {
                            NAMES.with_borrow_mut(|names| names.push(format!("{i}-{round}")));
                            match round % 3 {
                                0 => routine::yield_now(),
                                1 => routine::sleep(Duration::from_micros(i)),
                                _ => {
                                    let clean = routine::spawn(|| NUMBER.get());
                                    assert_eq!(clean.join().unwrap(), 0);
                                }
                            }
                            assert_eq!(NUMBER.get(), i);
                        }
                        NAMES.with_borrow_mut(|names| {
                            assert_eq!(names.len(), 20);
                            assert!(names.iter().all(|name| name.starts_with(&format!("{i}-"))));
                            names.clear();
                        });
                        NUMBER.set(0);
                    })
                })
                .collect();
            for routine in routines {
                routine.join().unwrap();
            }
        }
    });
}

/// A plain thread that blocks keeps its thread, and so its values.
#[test]
fn a_plain_threads_value_stays() {
    register();
    watched(|| {
        let runtime = rust_routines_tests::workers(1);
        NUMBER.set(5);
        let (sender, receiver) = channel::bounded(0);
        runtime.spawn(move || sender.send(NUMBER.get()).unwrap());
        assert_eq!(receiver.recv(), Ok(0));
        assert_eq!(NUMBER.get(), 5);
    });
}

/// Runs a hook that misbehaves in each of the two kinds of switches; the process ends and says why.
#[track_caller]
fn assert_fatal(scenario: &str, why: &str) {
    for way in ["yield", "recv"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
        let ended = process::run(child.args([scenario, way]));
        const SIGABRT: i32 = 6;
        assert_eq!(ended.signal(), Some(SIGABRT), "{way}: {ended:#?}");
        assert!(ended.stderr.contains(why), "{way}: {ended:#?}");
        assert!(ended.stderr.contains("on_switch"), "{way}: {ended:#?}");
        assert_eq!(ended.stdout, "", "nothing went on");
    }
}

/// The routine is in a queue, or in the list of what it waits on, when `save` runs: unwinding from
/// there would leave it in both.
#[test]
fn a_panic_in_save_ends_the_process() {
    assert_fatal("hook-that-panics-in-save", "no save");
}

#[test]
fn a_panic_in_restore_ends_the_process() {
    assert_fatal("hook-that-panics-in-restore", "no restore");
}

#[test]
fn a_park_in_a_hook_ends_the_process() {
    assert_fatal("hook-that-parks", "parking is forbidden here");
}
