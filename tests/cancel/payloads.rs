//! What unwinds a cancelled routine, or one whose time has passed, is meant for that one alone: caught, and let go by
//! another, it is a panic like any other.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine::{self, JoinError};
use rust_routines::time::{self, Duration, Elapsed, Instant};
use rust_routines_tests::watched;

use super::{HOUR, assert_cancelled, blocked, workers};

type Payload = Box<dyn Any + Send>;

/// What `wait` is unwound by.
fn caught(wait: impl FnOnce()) -> Payload {
    panic::catch_unwind(AssertUnwindSafe(wait)).expect_err("it unwinds")
}

/// What unwinds a routine that is cancelled.
fn of_a_cancellation() -> Payload {
    let waits = blocked(|| {
        let payload = caught(routine::park);
        // Sticky; and the result is not dropped.
        routine::shield(|| payload)
    });
    waits.abort().unwrap();
    waits.join().expect("it swallows it")
}

/// What unwinds to the end of a `timeout_at(deadline, ..)`, of whoever calls this.
fn of_a_timeout(deadline: Instant) -> Payload {
    let mut payload = None;
    let ended = time::timeout_at(deadline, || payload = Some(caught(|| time::sleep(HOUR))));
    assert_eq!(ended, Ok(()), "it swallows it");
    payload.expect("caught")
}

#[test]
fn a_foreign_cancellation_is_a_panic() {
    watched(|| {
        workers(1).run(|| {
            let payload = of_a_cancellation();
            let other = routine::spawn(move || panic::resume_unwind(payload));
            let other: Result<(), _> = other.join();
            assert!(other.unwrap_err().is_panic());
        });
    });
}

/// It goes back to whom it is meant for.
#[test]
fn ones_own_is_a_cancellation_wherever_it_has_been() {
    watched(|| {
        workers(1).run(|| {
            let waits = blocked(|| {
                let payload = caught(routine::park);
                let other = routine::spawn(move || panic::resume_unwind(payload));
                let other: Result<(), _> = routine::shield(|| other.join());
                let Err(JoinError::Panicked(payload)) = other else {
                    panic!("nobody has cancelled it");
                };
                payload.resume()
            });
            waits.abort().unwrap();
            let waits: Result<(), _> = waits.join();
            assert_cancelled(waits);
        });
    });
}

/// So it does not cancel the routines of a scope.
#[test]
fn a_foreign_cancellation_in_a_scope_is_a_panic() {
    watched(|| {
        workers(1).run(|| {
            let payload = of_a_cancellation();
            let ended = AtomicUsize::new(0);
            let payload = caught(|| {
                routine::scope(|s| {
                    for _ in 0..10 {
                        s.spawn(|| {
                            (0..5).for_each(|_| routine::yield_now());
                            ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                    panic::resume_unwind(payload);
                });
            });
            assert_eq!(ended.load(Ordering::SeqCst), 10);
            drop(payload);
        });
    });
}

/// Of a routine or a thread: `timeout`s with the same deadline are not the same.
#[test]
fn a_foreign_timeout_is_a_panic() {
    watched(|| {
        let deadline = Instant::now() + Duration::from_millis(1);
        let resumes = move |payload: Payload| {
            let ended = time::timeout_at(deadline, || panic::resume_unwind(payload));
            assert_eq!(ended, Err::<(), _>(Elapsed), "one that goes on");
        };
        let runtime = workers(2);
        for by_routine in [false, true] {
            for to_routine in [false, true] {
                let payload = match by_routine {
                    false => of_a_timeout(deadline),
                    true => runtime.run(move || of_a_timeout(deadline)),
                };
                let went_on = match to_routine {
                    false => thread::spawn(move || resumes(payload)).join().is_ok(),
                    true => runtime.spawn(move || resumes(payload)).join().is_ok(),
                };
                assert!(!went_on, "{by_routine} {to_routine}");
            }
        }
        // One's own.
        resumes(of_a_timeout(deadline));
        runtime.run(move || resumes(of_a_timeout(deadline)));
    });
}
