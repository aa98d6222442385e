//! What a `timeout` does not end: what others rely on.

use std::thread;

use rust_routines::routine;
use rust_routines::time::{self, Elapsed, Instant};
use rust_routines_tests::watched;

use super::{HOUR, MOMENT, on_both, workers};

/// `run` lends the caller's frame to a routine: its wait is not ended, from a routine or from a thread.
#[test]
fn the_wait_for_a_borrower_is_not_ended() {
    watched(|| {
        on_both(|| {
            let inner = rust_routines_tests::workers(1);
            let mut words = vec!["one"];
            let start = Instant::now();
            let result = time::timeout(MOMENT, || {
                inner.run(|| {
                    time::sleep(3 * MOMENT);
                    words.push("two");
                });
                words.len()
            });
            assert_eq!(result, Ok(2), "it waits for nothing else");
            assert!(start.elapsed() >= 3 * MOMENT);
            let result = time::timeout(MOMENT, || {
                inner.run(|| time::sleep(2 * MOMENT));
                time::sleep(HOUR);
            });
            assert_eq!(result, Err(Elapsed), "but afterwards it is");
        });
    });
}

/// A limit belongs to one routine: home-mates and the thread know nothing of it.
#[test]
fn home_mates_are_not_limited() {
    watched(|| {
        workers(1).run(|| {
            let other = routine::spawn(|| {
                for _ in 0..10 {
                    time::sleep(MOMENT);
                }
            });
            assert!(time::timeout(MOMENT, || time::sleep(HOUR)).is_err());
            other.join().unwrap();
        });
    });
}

#[test]
fn threads_have_their_own() {
    watched(|| {
        let result = time::timeout(MOMENT, || {
            let other = thread::spawn(|| time::sleep(2 * MOMENT));
            other.join().unwrap();
            time::sleep(HOUR);
        });
        assert_eq!(result, Err(Elapsed));
    });
}

/// On another stack it is the same routine.
#[test]
fn it_reaches_through_other_stacks() {
    watched(|| {
        on_both(|| {
            let result = time::timeout(MOMENT, || {
                routine::with_stack(1 << 20, || time::sleep(HOUR));
            });
            assert_eq!(result, Err(Elapsed));
            let result =
                routine::with_stack(1 << 20, || time::timeout(MOMENT, || time::sleep(HOUR)));
            assert_eq!(result, Err(Elapsed));
        });
    });
}

/// A park that is forbidden is refused before a limit is looked at.
#[test]
fn forbidden_is_forbidden() {
    watched(|| {
        workers(1).run(|| {
            let result = std::panic::catch_unwind(|| {
                time::timeout(std::time::Duration::ZERO, || {
                    let _guard = routine::forbid_park();
                    time::sleep(HOUR);
                })
            });
            let text = result.expect_err("a panic").downcast::<String>().unwrap();
            assert!(text.contains("parking is forbidden"), "{text}");
        });
    });
}
