//! What lends borrows to others unwinds only when they have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::time;
use rust_routines::{channel, routine};
use rust_routines_tests::watched;

use super::{HOUR, assert_cancelled, blocked, workers};

/// `blocking` lends its frame to a thread.
#[test]
fn a_blocking_call_is_waited_for() {
    watched(|| {
        workers(1).run(|| {
            let (go, wait) = channel::bounded(0);
            let ended = Arc::new(AtomicBool::new(false));
            let ends = ended.clone();
            let handle = blocked(move || {
                let mut local = [0; 64];
                routine::blocking(|| {
                    wait.recv().unwrap();
                    local.fill(7);
                });
                assert_eq!(local, [7; 64]);
                ends.store(true, Ordering::SeqCst);
                routine::park();
                ends.store(false, Ordering::SeqCst);
            });
            handle.abort().unwrap();
            go.send(()).unwrap();
            assert_cancelled(handle.join());
            assert!(ended.load(Ordering::SeqCst), "what it gave was taken");
        });
    });
}

/// `run` lends its caller's frame to a routine, here of another runtime.
#[test]
fn a_run_is_waited_for() {
    watched(|| {
        workers(1).run(|| {
            let (go, wait) = channel::bounded(0);
            let handle = blocked(move || {
                let local = String::from("local");
                let len = rust_routines::run(|| {
                    wait.recv().unwrap();
                    local.len()
                });
                assert_eq!(len, 5);
                time::sleep(HOUR);
            });
            handle.abort().unwrap();
            (0..100).for_each(|_| routine::yield_now());
            assert!(!handle.is_finished());
            go.send(()).unwrap();
            assert_cancelled(handle.join());
        });
    });
}

/// `with_stack` has the routine on another stack.
#[test]
fn one_on_another_stack_is_unwound_there() {
    watched(|| {
        workers(1).run(|| {
            let handle = blocked(|| routine::with_stack(1 << 20, || time::sleep(HOUR)));
            handle.abort().unwrap();
            assert_cancelled(handle.join());
        });
    });
}
