//! Selects that wait: time-outs, timers, withdrawal from all queues, cancellation, forbidden parks.

use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Instant;

use rust_routines::channel::{self, TrySendError};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::time::{self, Duration};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{LIMIT, eventually, watched};

use super::{blocked, workers};

/// In a routine and on a thread.
fn both<T: Send + 'static>(body: impl Fn() -> T + Clone + Send + 'static) -> [T; 2] {
    let of_thread = body.clone();
    let thread = thread::spawn(of_thread);
    [workers(1).run(body), thread.join().unwrap()]
}

#[test]
fn a_default_with_a_duration_waits_that_long() {
    watched(|| {
        for waited in both(|| {
            let never = channel::never::<u32>();
            let begun = Instant::now();
            select! {
                never.recv() => unreachable!(),
                default(Duration::from_millis(10)) => begun.elapsed(),
            }
        }) {
            assert!(
                waited >= Duration::from_millis(10) && waited < LIMIT,
                "{waited:?}"
            );
        }
    });
}

/// Of several timers the first is chosen, and a time-out is one of them.
#[test]
fn the_first_of_several_timers_is_chosen() {
    watched(|| {
        let ms = Duration::from_millis;
        for text in both(move || {
            select! {
                time::after(LIMIT) => "a minute",
                time::after(ms(1)) => "first",
                time::after(Duration::MAX) => "never",
                default(LIMIT) => "default",
            }
        }) {
            assert_eq!(text, "first");
        }
        for text in both(move || {
            select! { time::after(LIMIT) => "a minute", default(ms(1)) => "default" }
        }) {
            assert_eq!(text, "default");
        }
        // A timer that is due is as ready as a value; one made before counts from then.
        let timer = time::after(ms(1));
        thread::sleep(ms(2));
        assert_eq!(select! { timer => 1, default => 2 }, 1);
        assert_eq!(select! { time::after(LIMIT) => 1, default => 2 }, 2);
        assert_eq!(
            select! { time::after(LIMIT) => 1, default(Duration::ZERO) => 2 },
            2
        );
    });
}

/// B15: after a select its waiters stand in no queue: a try finds nobody.
#[test]
fn b15_a_select_that_ends_leaves_all_queues() {
    watched(|| {
        workers(1).run(|| {
            let (a, of_a) = channel::bounded(0);
            let (b, of_b) = channel::bounded(0);
            let (c, of_c) = channel::bounded::<u32>(0);
            for i in 0..10 {
                let limit = if i % 3 == 2 {
                    Duration::from_millis(1)
                } else {
                    LIMIT
                };
                let (a, of_b, of_c) = (a.clone(), of_b.clone(), of_c.clone());
                let waits = blocked(move || {
                    select! {
                        sent = a.send(i) => sent.map_err(|_| ()),
                        value = of_b.recv() => value.map(drop).map_err(|_| ()),
                        value = of_c.recv() => value.map(drop).map_err(|_| ()),
                        default(limit) => Err(()),
                    }
                });
                match i % 3 {
                    0 => assert_eq!(of_a.try_recv(), Ok(i)),
                    1 => assert_eq!(b.try_send(i), Ok(())),
                    _ => assert_eq!(waits.join().unwrap(), Err(()), "it has timed out"),
                }
                if i % 3 < 2 {
                    routine::yield_now();
                }
                assert!(of_a.try_recv().is_err());
                assert_eq!(b.try_send(1), Err(TrySendError::Full(1)));
                assert_eq!(c.try_send(1), Err(TrySendError::Full(1)));
            }
        });
    });
}

/// A time-out races with a value: it is received by this select or by the next.
#[test]
fn a_time_out_that_races_with_a_value_loses_nothing() {
    const VALUES: u64 = 2000;
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            let receives = runtime.spawn(move || {
                let never = channel::never::<u64>();
                let (mut next, mut late) = (0, 0_u64);
                while next < VALUES {
                    select! {
                        value = receiver.recv() => {
                            assert_eq!(value, Ok(next));
                            next += 1;
                        }
                        never.recv() => unreachable!(),
                        default(Duration::from_micros(late % 50)) => late += 1,
                    }
                }
            });
            let sends = runtime.spawn(move || {
                let (mut slot, mut next, mut late) = (None, 0, 0_u64);
                while next < VALUES {
                    slot = slot.or(Some(next));
                    select! {
                        sent = sender.send_from(&mut slot) => { sent.unwrap(); next += 1 }
                        time::after(Duration::from_micros(late % 40)) => late += 1,
                    }
                }
            });
            sends.join().unwrap();
            receives.join().unwrap();
        }
    });
}

/// Cancelled in a select: unwound, out of all queues, and its values dropped.
#[test]
fn a_cancelled_select_leaves_its_queues_and_drops_its_values() {
    watched(|| {
        let drops = Drops::new();
        let (a, of_a) = channel::bounded(0);
        let (b, of_b) = channel::bounded(0);
        let runtime = workers(2);
        for _ in 0..100 {
            let (a, of_b, tracked, kept) = (a.clone(), of_b.clone(), drops.track(), drops.track());
            runtime.spawn(move || {
                let mut slot = Some(kept);
                select! {
                    _ = a.send(tracked) => {}
                    _ = a.send_from(&mut slot) => {}
                    _ = of_b.recv() => {}
                    _ = select::future(std::future::pending::<()>()) => {}
                    time::after(LIMIT) => {}
                }
                unreachable!("it was cancelled");
            });
        }
        eventually("all wait", || runtime.metrics().live() == 100);
        (0..3).for_each(|_| runtime.run(routine::yield_now));
        drop(runtime);
        assert_eq!((drops.made(), drops.alive()), (200, 0));
        assert!(of_a.try_recv().is_err());
        assert_eq!(b.try_send(1), Err(TrySendError::Full(1)));
    });
}

/// `forbid_park`: a select that would block panics and has taken nothing; one that does not is fine.
#[test]
fn a_forbidden_select_panics_only_if_it_would_block() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(1);
            let never = channel::never::<u32>();
            let guard = routine::forbid_park();
            select! { sender.send(1) => {}, never.recv() => {} }
            select! { never.recv() => unreachable!(), default => {} }
            assert_eq!(
                select! { value = receiver.recv() => value, never.recv() => Ok(0) },
                Ok(1)
            );
            let ready = select! {
                value = select::future(std::future::ready(5)) => value,
                never.recv() => 0,
            };
            assert_eq!(ready, 5, "a foreign arm that is ready needs no wait either");
            let thrown = panic::catch_unwind(AssertUnwindSafe(|| {
                select! { _ = receiver.recv() => {}, _ = never.recv() => {} }
            }));
            let payload = thrown.expect_err("it would block");
            let text = payload.downcast_ref::<String>().expect("a text");
            assert!(
                text.contains("forbid_park") && text.contains("waits.rs"),
                "{text}"
            );
            drop(guard);
            assert_eq!(sender.try_send(2), Ok(()));
            assert_eq!(receiver.recv(), Ok(2), "nobody is left in the queue");
        });
    });
}

/// A select in a destructor that runs while the routine unwinds.
#[test]
fn a_select_in_a_destructor_while_unwinding() {
    struct Waits(channel::Receiver<u32>, channel::Sender<u32>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let never = channel::never::<u32>();
            let got = select! { value = self.0.recv() => value, value = never.recv() => value };
            self.1.send(got.unwrap()).unwrap();
        }
    }
    watched(|| {
        workers(1).run(|| {
            let (give, given) = channel::bounded(0);
            let (note, noted) = channel::bounded(1);
            let fails = blocked(move || {
                let _waits = Waits(given, note);
                panic::resume_unwind(Box::new("unwinding"));
            });
            assert!(!fails.is_finished());
            give.send(3).unwrap();
            assert!(fails.join().is_err());
            assert_eq!(noted.recv(), Ok(3));
        });
    });
}
