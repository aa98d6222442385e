//! `try_scope`: the first failure cancels the others and is returned.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::routine::{self, Builder, JoinError};
use rust_routines::{channel, race, select, time};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{HOUR, on_all};

#[test]
fn all_well() {
    watched(|| {
        on_all(|| {
            let numbers = [1, 2, 3];
            let sum = routine::try_scope(|s| {
                let handles: Vec<_> = numbers.iter().map(|n| s.spawn(move || Ok(n * n))).collect();
                let sum = handles
                    .into_iter()
                    .map(|handle| handle.join().unwrap())
                    .sum();
                assert!(!s.is_cancelled());
                Ok::<i32, String>(sum)
            });
            assert_eq!(sum, Ok(14));
        });
    });
}

#[test]
fn the_first_failure_cancels_the_others() {
    watched(|| {
        on_all(|| {
            let (drops, ended) = (Drops::new(), AtomicUsize::new(0));
            let (starts, started) = channel::bounded(0);
            let failed = routine::try_scope(|s| {
                for _ in 0..10 {
                    let (tracked, starts) = (drops.track(), starts.clone());
                    let ended = &ended;
                    s.spawn(move || {
                        let _tracked = tracked;
                        starts.send(()).unwrap();
                        time::sleep(HOUR);
                        ended.fetch_add(1, Ordering::SeqCst);
                        Ok::<(), &str>(())
                    });
                }
                (0..10).for_each(|_| started.recv().unwrap());
                let fails = s.spawn(|| Err::<(), _>("first"));
                assert!(matches!(fails.join(), Err(JoinError::Cancelled)));
                assert!(s.is_cancelled());
                // Too late to be the first.
                Err::<(), _>("second")
            });
            assert_eq!(failed, Err("first"));
            assert_eq!((drops.alive(), ended.load(Ordering::SeqCst)), (0, 0));
        });
    });
}

#[test]
fn the_bodys_failure_cancels_them_too() {
    watched(|| {
        on_all(|| {
            let failed = routine::try_scope(|s| {
                let named = Builder::new().name("sleeps");
                let sleeps = s.spawn_with(named, || {
                    time::sleep(HOUR);
                    Ok(())
                });
                drop(sleeps.unwrap());
                "x".parse::<u8>()
            });
            assert!(failed.is_err());
        });
    });
}

/// Failures may borrow, and come from routines that were spawned by others.
#[test]
fn failures_borrow_and_come_from_below() {
    watched(|| {
        on_all(|| {
            let text = String::from("bad input");
            let failed: Result<(), &str> = routine::try_scope(|s| {
                s.spawn(|| {
                    s.spawn(|| Err::<(), &str>(&text[..3]));
                    time::sleep(HOUR);
                    Ok(())
                });
                Ok(())
            });
            assert_eq!(failed, Err("bad"));
        });
    });
}

/// As many failures as there are routines: one is returned, the others are dropped.
#[test]
fn one_of_many_failures_is_returned() {
    watched(|| {
        on_all(|| {
            let drops = Drops::new();
            for _ in 0..20 {
                let failed = routine::try_scope(|s| {
                    for _ in 0..10 {
                        s.spawn(|| {
                            routine::yield_now();
                            Err::<(), _>(drops.track())
                        });
                    }
                    Ok(())
                });
                assert!(failed.is_err());
                assert_eq!(drops.alive(), 1);
                drop(failed);
            }
            assert_eq!(drops.alive(), 0);
        });
    });
}

#[test]
fn a_panic_cancels_the_others_and_goes_on() {
    watched(|| {
        on_all(|| {
            for in_body in [false, true] {
                let ended = AtomicUsize::new(0);
                let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                    routine::try_scope(|s| {
                        s.spawn(|| {
                            time::sleep(HOUR);
                            ended.fetch_add(1, Ordering::SeqCst);
                            Ok::<(), ()>(())
                        });
                        if in_body {
                            panic::resume_unwind(Box::new("boom"));
                        }
                        s.spawn(|| -> Result<(), ()> { panic::resume_unwind(Box::new("boom")) });
                        Ok(())
                    })
                }));
                assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"boom"));
                assert_eq!(ended.load(Ordering::SeqCst), 0);
            }
        });
    });
}

/// Errors with a lifetime, which that of `Box<dyn Error>` is too, do not keep routines from borrowing.
#[test]
fn errors_with_lifetimes_leave_borrows_alone() {
    type Any = Box<dyn std::error::Error + Send + Sync>;

    fn sum(texts: &[&str]) -> Result<u32, Any> {
        let mut numbers = vec![0; texts.len()];
        routine::try_scope(|s| {
            for (number, text) in numbers.iter_mut().zip(texts) {
                s.spawn(move || {
                    *number = text.parse()?;
                    Ok(())
                });
            }
            Ok::<_, Any>(())
        })?;
        Ok(numbers.iter().sum())
    }

    fn name(number: u32) -> Result<(), &'static str> {
        let limit = number / 2;
        routine::try_scope(|s| {
            s.spawn(|| if limit > 3 { Err("many") } else { Ok(()) });
            Ok(())
        })
    }

    fn first(text: &str) -> Result<usize, Any> {
        let text = text.to_string();
        race!(|| Ok(text.parse()?), || {
            let _text = &text;
            time::sleep(HOUR);
            Ok(0)
        })
    }

    watched(|| {
        on_all(|| {
            assert_eq!(sum(&["1", "2"]).unwrap(), 3);
            assert!(sum(&["1", "x"]).is_err());
            assert_eq!((name(1), name(9)), (Ok(()), Err("many")));
            assert_eq!(first("7").unwrap(), 7);
        });
    });
}

/// The handle is an arm, and has what others have.
#[test]
fn a_handle_is_an_arm_too() {
    watched(|| {
        on_all(|| {
            let result = routine::try_scope(|s| {
                let named = Builder::new().name("seven");
                let mut seven = s.spawn_with(named, || Ok(7)).unwrap();
                assert_eq!(seven.name(), Some("seven"));
                assert_eq!(seven.routine().id(), seven.id());
                let value = select! { joined = &mut seven => joined.unwrap() };
                let mut fails = s.spawn(|| Err::<(), _>("failed"));
                let failed = select! { joined = &mut fails => joined.is_err() };
                assert!(failed && value == 7);
                Ok(())
            });
            assert_eq!(result, Err("failed"));
        });
    });
}
