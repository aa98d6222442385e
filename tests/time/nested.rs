//! `timeout` in `timeout`, panics through it, and code that swallows what is raised.

use std::panic::{self, AssertUnwindSafe};

use rust_routines::time::{self, Duration, Elapsed, Instant};
use rust_routines::{channel, routine};
use rust_routines_tests::watched;

use super::{HOUR, MOMENT, on_both, workers};

#[test]
fn the_inner_one_ends_first() {
    watched(|| {
        on_both(|| {
            let result = time::timeout(HOUR, || {
                let inner = time::timeout(MOMENT, || time::sleep(HOUR));
                assert_eq!(inner, Err(Elapsed));
                time::sleep(MOMENT);
                1
            });
            assert_eq!(result, Ok(1));
        });
    });
}

#[test]
fn the_outer_one_ends_both() {
    watched(|| {
        on_both(|| {
            let mut reached = 0;
            let result = time::timeout(MOMENT, || {
                reached += 1;
                let _ended = time::timeout(HOUR, || time::sleep(HOUR));
                reached += 1;
            });
            assert_eq!((result, reached), (Err(Elapsed), 1));
        });
    });
}

/// The inner one is later but was entered: its own time is nothing to the outer one, and the other way
/// round when both have passed.
#[test]
fn both_have_passed() {
    watched(|| {
        on_both(|| {
            let mut inner = None;
            let result = time::timeout(2 * MOMENT, || {
                inner = Some(time::timeout(MOMENT, || {
                    std::thread::sleep(3 * MOMENT);
                    time::sleep(HOUR);
                }));
                // Here only the outer one applies.
                time::sleep(HOUR);
            });
            assert_eq!((inner, result), (Some(Err(Elapsed)), Err(Elapsed)));
        });
    });
}

/// One that is swallowed comes again at the next wait, and again.
#[test]
fn it_is_sticky() {
    watched(|| {
        on_both(|| {
            let mut swallowed = 0;
            let result = time::timeout(MOMENT, || {
                for _ in 0..3 {
                    let caught = panic::catch_unwind(AssertUnwindSafe(|| time::sleep(HOUR)));
                    swallowed += u32::from(caught.is_err());
                }
                time::sleep(HOUR);
            });
            assert_eq!((result, swallowed), (Err(Elapsed), 3));
            let result = time::timeout(MOMENT, || {
                drop(panic::catch_unwind(AssertUnwindSafe(|| time::sleep(HOUR))));
                5
            });
            assert_eq!(result, Ok(5), "it did not wait any more");
        });
    });
}

/// A loop that swallows does not keep its home-mates from running.
#[test]
fn who_swallows_lets_others_go_first() {
    watched(|| {
        workers(1).run(|| {
            let (tx, rx) = channel::bounded(1);
            let result = time::timeout(MOMENT, || {
                routine::spawn(move || {
                    time::sleep(3 * MOMENT);
                    tx.send(()).unwrap();
                });
                while rx.try_recv().is_err() {
                    drop(panic::catch_unwind(AssertUnwindSafe(|| time::sleep(HOUR))));
                }
            });
            assert_eq!(result, Ok(()));
        });
    });
}

#[test]
fn a_panic_goes_through() {
    watched(|| {
        on_both(|| {
            let caught = panic::catch_unwind(|| {
                let _ended = time::timeout(HOUR, || panic::panic_any(17_u8));
            });
            assert_eq!(caught.unwrap_err().downcast_ref::<u8>(), Some(&17));
            // And the limit has gone with it.
            let caught = panic::catch_unwind(|| {
                let _ended = time::timeout(MOMENT, || panic::panic_any(18_u8));
            });
            assert!(caught.is_err());
            time::sleep(2 * MOMENT);
            time::sleep(Duration::from_micros(50));
        });
    });
}

/// The end of the runtime is not the end of a limit.
#[test]
fn a_cancellation_goes_through() {
    watched(|| {
        for limit in [HOUR, Duration::from_nanos(1)] {
            let runtime = workers(1);
            let waits = runtime.spawn(move || {
                let result = time::timeout(limit, || time::sleep(HOUR));
                assert_eq!(result, Err(Elapsed), "{limit:?}");
                routine::park();
            });
            runtime.run(routine::yield_now);
            drop(runtime);
            assert!(matches!(waits.join(), Err(routine::JoinError::Cancelled)));
        }
    });
}

#[test]
fn a_restart_goes_through() {
    watched(|| {
        workers(1).run(|| {
            let handle = routine::spawn(|| -> u32 {
                time::timeout(MOMENT, || -> u32 {
                    routine::restart(|| {
                        time::sleep(2 * MOMENT);
                        6_u32
                    })
                })
                .unwrap()
            });
            assert_eq!(handle.join().unwrap(), 6, "without the limit");
        });
    });
}

/// What was raised for one limit and is let go under another is nobody's: an ordinary panic.
#[test]
fn what_is_let_go_elsewhere_is_a_panic() {
    watched(|| {
        on_both(|| {
            let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                time::timeout(HOUR, || {
                    let swallowed = time::timeout(MOMENT, || {
                        panic::catch_unwind(AssertUnwindSafe(|| time::sleep(HOUR))).unwrap_err()
                    });
                    panic::resume_unwind(swallowed.unwrap())
                })
            }));
            assert!(caught.is_err(), "not the end of the hour");
        });
    });
}

/// The earliest counts; it is as before when the inner one is over, and others have none.
#[test]
fn the_deadline_in_force_can_be_asked_for() {
    watched(|| {
        on_both(|| {
            assert_eq!(time::deadline(), None);
            let (near, far) = (Instant::now() + HOUR, Instant::now() + 2 * HOUR);
            let seen = time::timeout_at(near, || {
                let inner = time::timeout_at(far, time::deadline);
                let child = rust_routines::routine::spawn(time::deadline);
                (inner, time::deadline(), child.join().unwrap())
            });
            assert_eq!(seen, Ok((Ok(Some(near)), Some(near), None)));
            assert_eq!(time::deadline(), None);
        });
    });
}
