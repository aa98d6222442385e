//! `join!` and `race!`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::time::{self, Duration, Elapsed};
use rust_routines::{channel, join, race, routine};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, blocked, on_all, workers};

#[test]
fn a_join_gives_all_results() {
    watched(|| {
        on_all(|| {
            let (mut left, mut right, text) = (vec![1], vec![2], String::from("text"));
            let moved = String::from("abc");
            let (a, (), b, c) = join!(
                || {
                    left.push(3);
                    left.len()
                },
                || right.push(4),
                || &text[1..],
                move || moved.len(),
            );
            assert_eq!((a, b, c), (2, "ext", 3));
            assert_eq!((left, right), (vec![1, 3], vec![2, 4]));
            assert_eq!(join!(|| 1), (1,));
        });
    });
}

/// At the same time: each waits for the other.
#[test]
fn the_closures_of_a_join_meet() {
    watched(|| {
        on_all(|| {
            let ((a, b), (c, d)) = (channel::bounded(0), channel::bounded(0));
            let (ping, pong) = join!(
                || {
                    a.send(1).unwrap();
                    d.recv().unwrap()
                },
                || {
                    let ping = b.recv().unwrap();
                    c.send(ping + 1).unwrap();
                    ping
                }
            );
            assert_eq!((ping, pong), (2, 1));
        });
    });
}

#[test]
fn a_join_ends_before_it_panics() {
    watched(|| {
        on_all(|| {
            let ended = AtomicUsize::new(0);
            let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                join!(
                    || {
                        (0..5).for_each(|_| routine::yield_now());
                        ended.fetch_add(1, Ordering::SeqCst);
                    },
                    || panic::resume_unwind(Box::new("second")),
                    || panic::resume_unwind(Box::new("third")),
                )
            }));
            assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"second"));
            assert_eq!(ended.load(Ordering::SeqCst), 1);
        });
    });
}

#[test]
fn the_first_wins_and_the_others_are_gone() {
    watched(|| {
        on_all(|| {
            let (drops, ended) = (Drops::new(), AtomicUsize::new(0));
            let first = race!(
                || {
                    let _tracked = drops.track();
                    time::sleep(HOUR);
                    ended.fetch_add(1, Ordering::SeqCst);
                    "sleeps"
                },
                || {
                    let _tracked = drops.track();
                    (0..10).for_each(|_| routine::yield_now());
                    "yields"
                },
                || {
                    let _tracked = drops.track();
                    routine::park();
                    ended.fetch_add(1, Ordering::SeqCst);
                    "parks"
                },
            );
            assert_eq!(first, "yields");
            assert_eq!((drops.alive(), ended.load(Ordering::SeqCst)), (0, 0));
            assert_eq!(race!(|| 7), 7);
        });
    });
}

/// All of them return: one value is the result, the others are dropped.
#[test]
fn a_close_finish_drops_the_others() {
    watched(|| {
        on_all(|| {
            let drops = Drops::new();
            for _ in 0..50 {
                let won = race!(|| drops.track(), || drops.track(), || drops.track());
                assert_eq!(drops.alive(), 1);
                drop(won);
            }
        });
    });
}

#[test]
fn a_panic_ends_a_race() {
    watched(|| {
        on_all(|| {
            let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                race!(|| time::sleep(HOUR), || panic::resume_unwind(Box::new(
                    "boom"
                )))
            }));
            assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"boom"));
        });
    });
}

#[test]
fn they_end_with_the_one_that_is_in_them() {
    watched(|| {
        workers(1).run(|| {
            let races = blocked(|| race!(|| time::sleep(HOUR), routine::park));
            let joins = blocked(|| join!(|| time::sleep(HOUR), routine::park));
            (0..5).for_each(|_| routine::yield_now());
            races.abort().unwrap();
            joins.abort().unwrap();
            assert!(races.join().unwrap_err().is_cancelled());
            assert!(joins.join().unwrap_err().is_cancelled());
        });
        on_all(|| {
            let moment = Duration::from_millis(1);
            let limited = time::timeout(moment, || race!(|| time::sleep(HOUR), routine::park));
            assert_eq!(limited, Err(Elapsed));
        });
    });
}
