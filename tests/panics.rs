//! A panic ends its routine and nothing else, and every value is dropped exactly once on the way.
#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, JoinError};
use rust_routines::runtime::Runtime;
use rust_routines::sync::Mutex;
use rust_routines::time::Duration;
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::{eventually, process, watched};

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

fn payload<T>(result: Result<T, JoinError>) -> Box<dyn Any + Send> {
    match result {
        Err(JoinError::Panicked(payload)) => payload.into_inner(),
        Err(JoinError::Cancelled) => panic!("cancelled"),
        Ok(_) => panic!("it has ended well"),
    }
}

/// Panics when it is dropped.
struct Bomb {
    _tracked: Tracked,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic::resume_unwind(Box::new("bomb"));
    }
}

#[test]
fn a_panic_ends_its_routine_only() {
    watched(|| {
        let runtime = workers(2);
        let (sender, receiver) = channel::bounded(0);
        let other = runtime.spawn(move || receiver.recv());
        let failing: Vec<_> = (0..100)
            .map(|i| {
                runtime.spawn(move || {
                    routine::sleep(Duration::from_micros(i * 10));
                    panic::resume_unwind(Box::new(i))
                })
            })
            .collect();
        for (i, failing) in failing.into_iter().enumerate() {
            let payload = payload::<()>(failing.join());
            assert_eq!(payload.downcast_ref(), Some(&(i as u64)));
        }
        // The workers are all there, and so is who waited meanwhile.
        sender.send(5).unwrap();
        assert_eq!(other.join().unwrap(), Ok(5));
        eventually("all have given their stacks back", || {
            let metrics = runtime.metrics();
            metrics.live() == 0 && metrics.stacks_in_use() == 0
        });
    });
}

#[test]
fn join_returns_what_was_given_to_panic() {
    watched(|| {
        let runtime = workers(1);
        let literal = payload(runtime.spawn(|| panic!("literal")).join());
        assert_eq!(literal.downcast_ref(), Some(&"literal"));
        let number = 3;
        let formatted = payload(runtime.spawn(move || panic!("formatted {number}")).join());
        assert_eq!(
            formatted.downcast_ref::<String>().map(String::as_str),
            Some("formatted 3")
        );
        let other = payload(runtime.spawn(|| panic::panic_any(vec![1, 2])).join());
        assert_eq!(other.downcast_ref(), Some(&vec![1, 2]));
    });
}

#[test]
fn a_join_error_says_what_happened() {
    watched(|| {
        let runtime = workers(1);
        let error = runtime.spawn(|| panic!("no luck")).join().unwrap_err();
        assert_eq!(error.to_string(), "the routine panicked: no luck");
        assert_eq!(format!("{error:?}"), "Panicked(\"no luck\")");
        let error = runtime.spawn(|| panic::panic_any(7)).join().unwrap_err();
        assert_eq!(error.to_string(), "the routine panicked");
        assert_eq!(format!("{error:?}"), "Panicked(..)");
        assert_eq!(
            JoinError::Cancelled.to_string(),
            "the routine was cancelled"
        );
    });
}

#[test]
fn run_rethrows() {
    watched(|| {
        let runtime = workers(1);
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| runtime.run(|| panic!("out"))));
        assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"out"));
        // From a routine too, which is itself of the same runtime or of another.
        for outer in [&runtime, &workers(1)] {
            let thrown = outer.run(|| {
                let thrown = panic::catch_unwind(AssertUnwindSafe(|| {
                    runtime.run(|| panic::panic_any(11_u8));
                }));
                *thrown.unwrap_err().downcast::<u8>().unwrap()
            });
            assert_eq!(thrown, 11);
        }
        let thrown = panic::catch_unwind(|| rust_routines::run(|| panic!("global")));
        assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"global"));
    });
}

/// What `run` borrows is intact after the panic.
#[test]
fn run_gives_its_borrows_back_after_a_panic() {
    watched(|| {
        let runtime = workers(2);
        let mut words = vec!["before"];
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.run(|| {
                words.push("in");
                routine::yield_now();
                panic!("out");
            });
        }));
        assert!(thrown.is_err());
        words.push("after");
        assert_eq!(words, ["before", "in", "after"]);
    });
}

#[test]
fn everything_on_the_stack_is_dropped() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let lock = Arc::new(Mutex::new(0));
        let (captured, of_routine, held) = (drops.track(), drops.clone(), lock.clone());
        let failed = runtime.spawn(move || {
            let _captured = captured;
            let _local = of_routine.track();
            let mut guard = held.lock();
            *guard = 1;
            routine::with_stack(64 << 10, || {
                let _deeper = of_routine.track();
                routine::yield_now();
                panic!("now");
            });
        });
        assert!(failed.join().is_err());
        assert_eq!((drops.made(), drops.alive()), (3, 0));
        // A panic unlocks and does not poison.
        assert_eq!(*lock.lock(), 1);
    });
}

#[test]
fn the_closure_is_dropped_before_join_returns() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..1000 {
            let drops = Drops::new();
            let captured = drops.track();
            let handle = runtime.spawn(move || {
                let _captured = &captured;
            });
            handle.join().unwrap();
            assert_eq!(drops.alive(), 0);
        }
    });
}

#[test]
fn a_result_that_nobody_joins_is_dropped() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        // Abandoned before, while and after it ends; and joined, but not looked at.
        for i in 0..2000 {
            let tracked = drops.track();
            let handle = runtime.spawn(move || tracked);
            match i % 3 {
                0 => drop(handle),
                1 => {
                    eventually("it has ended", || handle.is_finished());
                    drop(handle);
                }
                _ => drop(handle.join()),
            }
        }
        eventually("all results are dropped", || drops.alive() == 0);
        assert_eq!(drops.made(), 2000);
    });
}

#[test]
fn a_payload_that_nobody_joins_is_dropped() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        for i in 0..500 {
            let tracked = drops.track();
            let handle = runtime.spawn(move || panic::resume_unwind(Box::new(tracked)));
            if i % 2 == 0 {
                eventually("it has ended", || handle.is_finished());
            }
            drop::<routine::JoinHandle<()>>(handle);
        }
        eventually("all payloads are dropped", || drops.alive() == 0);
    });
}

/// A destructor of a captured value panics: that is a panic of the routine.
#[test]
fn a_captured_destructor_that_panics_is_a_panic_of_its_routine() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let bomb = Bomb {
            _tracked: drops.track(),
        };
        let failed = runtime.spawn(move || drop(bomb));
        assert_eq!(payload(failed.join()).downcast_ref(), Some(&"bomb"));
        assert_eq!(drops.alive(), 0, "its fields are dropped all the same");
    });
}

/// A result's destructor panics where the result is dropped: at the handle, if that is there.
#[test]
fn a_results_destructor_panics_where_it_is_dropped() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let bomb = Bomb {
            _tracked: drops.track(),
        };
        let handle = runtime.spawn(move || bomb);
        eventually("it has ended", || handle.is_finished());
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| drop(handle)));
        assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"bomb"));
        assert_eq!(drops.alive(), 0);
    });
}

/// Nobody is there to get that panic: it ends with the routine, and the worker goes on.
#[test]
fn an_abandoned_results_destructor_may_panic() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        for _ in 0..100 {
            let bomb = Bomb {
                _tracked: drops.track(),
            };
            let (go, wait) = channel::bounded::<()>(0);
            let handle = runtime.spawn(move || {
                assert!(wait.recv().is_err());
                bomb
            });
            drop(handle);
            drop(go);
        }
        eventually("all are dropped", || drops.alive() == 0);
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7);
        eventually("all have ended", || runtime.metrics().live() == 0);
    });
}

#[test]
fn an_abandoned_payloads_destructor_may_panic() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        for _ in 0..100 {
            let bomb = Bomb {
                _tracked: drops.track(),
            };
            let (go, wait) = channel::bounded::<()>(0);
            let handle = runtime.spawn(move || {
                assert!(wait.recv().is_err());
                panic::resume_unwind(Box::new(bomb))
            });
            drop::<routine::JoinHandle<()>>(handle);
            drop(go);
        }
        eventually("all are dropped", || drops.alive() == 0);
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7);
    });
}

/// Destructors may park, in the routine and at its end.
#[test]
fn destructors_may_park() {
    struct Parks(Arc<AtomicUsize>);
    impl Drop for Parks {
        fn drop(&mut self) {
            assert!(routine::is_routine(), "user code runs in routines only");
            routine::sleep(Duration::from_millis(1));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    watched(|| {
        let runtime = workers(1);
        let parked = Arc::new(AtomicUsize::new(0));
        let (captured, result) = (Parks(parked.clone()), Parks(parked.clone()));
        let (go, wait) = channel::bounded::<()>(0);
        let handle = runtime.spawn(move || {
            assert!(wait.recv().is_err());
            drop(captured);
            result
        });
        // Abandoned while it waits: its result is dropped at its end, by itself.
        drop(handle);
        drop(go);
        eventually("both have parked", || parked.load(Ordering::SeqCst) == 2);
        eventually("it has ended", || runtime.metrics().live() == 0);
    });
}

/// A `catch_unwind` that parks, panics and parks again, by many home-mates at once.
#[test]
fn caught_panics_stay_with_their_routine() {
    watched(|| {
        let runtime = workers(1);
        let routines: Vec<_> = (0..50_u64)
            .map(|i| {
                runtime.spawn(move || {
                    for round in 0..20 {
                        let thrown = panic::catch_unwind(|| {
                            routine::yield_now();
                            panic::resume_unwind(Box::new((i, round)));
                        });
                        let (who, when) = *thrown.unwrap_err().downcast::<(u64, u32)>().unwrap();
                        assert_eq!((who, when), (i, round));
                        routine::yield_now();
                    }
                })
            })
            .collect();
        for routine in routines {
            routine.join().unwrap();
        }
    });
}

/// A destructor that panics with a payload whose destructor panics: it ends there.
#[test]
fn a_payload_of_a_payload_may_panic_too() {
    struct Throws(Option<Bomb>);
    impl Drop for Throws {
        fn drop(&mut self) {
            panic::resume_unwind(Box::new(self.0.take()));
        }
    }
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        for kind in 0..3 {
            let throws = Throws(Some(Bomb {
                _tracked: drops.track(),
            }));
            let (go, wait) = channel::bounded::<()>(0);
            let handle = runtime.spawn(move || {
                assert!(wait.recv().is_err());
                match kind {
                    // As a result, as a panic's payload, and dropped on the way.
                    0 => return Some(throws),
                    1 => panic::resume_unwind(Box::new(throws)),
                    _ => drop(throws),
                }
                None
            });
            drop(handle);
            drop(go);
            assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7, "the worker goes on");
        }
        eventually("all are dropped", || drops.alive() == 0);
        eventually("all have ended", || runtime.metrics().live() == 0);
    });
}

/// With the whole machinery of a printed backtrace, on the smallest stack there is and on the default.
#[test]
fn a_panic_with_a_backtrace_fits_on_the_smallest_stack() {
    for backtrace in ["0", "1", "full"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
        let child = child.arg("panic-on-small-stack").arg(backtrace);
        let ended = process::run(child).success();
        assert_eq!(
            ended.value("small"),
            "the routine panicked: on a small stack"
        );
        assert_eq!(
            ended.value("default"),
            "the routine panicked: on a default stack"
        );
        assert_eq!(
            ended.stderr.contains("stack backtrace"),
            backtrace != "0",
            "{ended:#?}"
        );
    }
}

/// The runs of a test differ in the number of workers; the one that failed is named.
#[test]
fn a_test_that_panics_says_with_how_many_workers() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("test-that-panics"));
    assert!(!ended.status.success(), "{ended:#?}");
    assert!(ended.stderr.contains("the second run"), "{ended:#?}");
    let notes: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("note: the test"))
        .collect();
    assert_eq!(
        notes,
        ["note: the test failed with 3 workers"],
        "{ended:#?}"
    );
}
