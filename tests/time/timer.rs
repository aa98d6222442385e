//! `Timer`: what `stop` and `reset` say, what is received, by whom.

use std::sync::Arc;
use std::thread;

use rust_routines::time::{self, Duration, Instant, Timer};
use rust_routines::{channel, routine, select};
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::{eventually, watched};

use super::{HOUR, MOMENT, on_both, workers};

/// D17: the moment of the expiry, also if it is received much later.
#[test]
fn the_moment_is_that_of_the_expiry() {
    watched(|| {
        on_both(|| {
            let moment = Instant::now() + MOMENT;
            for receive in [Timer::recv, |timer: &Timer| timer.try_recv().unwrap()] {
                let timer = Timer::at(moment);
                time::sleep_until(moment + MOMENT);
                assert_eq!(receive(&timer), moment);
                assert_eq!(timer.try_recv(), None, "once");
            }
            let waited = Timer::at(Instant::now() + MOMENT);
            let moment = waited.recv();
            assert!(Instant::now() >= moment, "never early");
        });
    });
}

/// D17, D22: what is not positive has expired.
#[test]
fn the_past_has_expired() {
    watched(|| {
        on_both(|| {
            let past = Instant::now() - HOUR;
            assert_eq!(Timer::at(past).recv(), past);
            assert!(Timer::new(Duration::ZERO).try_recv().is_some());
        });
    });
}

/// D15, as a table.
#[test]
fn stop_says_whether_it_prevented_a_receive() {
    watched(|| {
        on_both(|| {
            let runs = Timer::new(HOUR);
            assert!(runs.stop());
            assert!(!runs.stop(), "stopped before");

            let expired = Timer::new(Duration::ZERO);
            assert!(expired.stop(), "nobody had received it");
            assert_eq!(expired.try_recv(), None, "and nobody can");

            let received = Timer::new(MOMENT);
            received.recv();
            assert!(!received.stop());
        });
    });
}

/// D16, as a table.
#[test]
fn reset_says_the_same_and_drops_the_old_expiry() {
    watched(|| {
        on_both(|| {
            let runs = Timer::new(HOUR);
            assert!(runs.reset(HOUR));
            assert_eq!(runs.try_recv(), None);

            let expired = Timer::new(Duration::ZERO);
            assert!(expired.reset(HOUR));
            assert_eq!(expired.try_recv(), None, "of the old setting");

            let moment = Instant::now() + MOMENT;
            assert!(expired.reset_at(moment));
            assert_eq!(expired.recv(), moment);
            assert!(!expired.reset_at(moment), "received before");
            assert_eq!(expired.recv(), moment);

            let stopped = Timer::new(HOUR);
            stopped.stop();
            assert!(!stopped.reset_at(moment));
            assert_eq!(stopped.recv(), moment);
        });
    });
}

/// D14: there is no buffer in which a value could have waited.
#[test]
fn nothing_stale_after_a_stop_or_a_reset_in_a_select() {
    watched(|| {
        on_both(|| {
            let timer = Timer::new(Duration::ZERO);
            for stop in [true, false] {
                timer.reset(Duration::ZERO);
                if stop {
                    timer.stop();
                } else {
                    timer.reset(HOUR);
                }
                let came = select! { timer.recv() => true, default(MOMENT) => false };
                assert!(!came);
            }
        });
    });
}

/// D22: an overflow means never.
#[test]
fn an_eternity_does_not_end() {
    watched(|| {
        on_both(|| {
            let timer = Timer::new(Duration::MAX);
            assert_eq!(timer.try_recv(), None);
            let ended = time::timeout(MOMENT, || timer.recv());
            assert_eq!(ended, Err(time::Elapsed));
            assert!(timer.stop(), "it was set all the same");
            let slept = time::timeout(MOMENT, || time::sleep(Duration::MAX));
            assert_eq!(slept, Err(time::Elapsed));
            let chosen = select! {
                time::after(Duration::MAX) => 1,
                Timer::new(Duration::MAX).recv() => 2,
                default(MOMENT) => 3,
            };
            assert_eq!(chosen, 3);
        });
    });
}

/// One who waits for what is far away, in each way, hears of a reset to now.
#[test]
fn a_reset_to_an_earlier_moment_is_heard() {
    watched(|| {
        let ways: [fn(&Timer) -> Instant; 3] = [
            Timer::recv,
            |timer| select! { moment = timer.recv() => moment },
            |timer| select! { moment = timer.recv() => moment, m = time::after(HOUR) => m },
        ];
        let runtime = workers(2);
        for way in ways {
            let (timer, moment) = (Arc::new(Timer::new(HOUR)), Instant::now());
            let waits: Vec<_> = (0..2)
                .map(|_| {
                    let timer = timer.clone();
                    runtime.spawn(move || way(&timer))
                })
                .collect();
            let of_thread = timer.clone();
            let thread = thread::spawn(move || way(&of_thread));
            let done = || {
                usize::from(thread.is_finished()) + waits.iter().filter(|w| w.is_finished()).count()
            };
            // As often as there are who wait, and some may not wait yet.
            for number in 1..=3 {
                timer.reset_at(moment);
                eventually("one has it", || done() == number);
                assert_eq!(timer.try_recv(), None);
            }
            waits
                .into_iter()
                .for_each(|w| assert_eq!(w.join().unwrap(), moment));
            assert_eq!(thread.join().unwrap(), moment);
        }
    });
}

/// Who waits for a timer that is stopped waits until it is reset.
#[test]
fn a_stop_does_not_end_a_wait() {
    watched(|| {
        workers(1).run(|| {
            let timer = Arc::new(Timer::new(MOMENT));
            let of_waiter = timer.clone();
            let waits = routine::spawn(move || of_waiter.recv());
            routine::yield_now();
            assert!(timer.stop());
            time::sleep(2 * MOMENT);
            assert!(!waits.is_finished());
            let moment = Instant::now() + MOMENT;
            assert!(!timer.reset_at(moment));
            assert_eq!(waits.join().unwrap(), moment);
        });
    });
}

/// A reset to a later moment: who waits looks at the old one in vain.
#[test]
fn a_reset_to_a_later_moment_lengthens_the_wait() {
    watched(|| {
        workers(1).run(|| {
            let timer = Arc::new(Timer::new(MOMENT));
            let of_waiter = timer.clone();
            let waits = routine::spawn(move || of_waiter.recv());
            routine::yield_now();
            let later = Instant::now() + 5 * MOMENT;
            assert!(timer.reset_at(later));
            assert_eq!(waits.join().unwrap(), later);
            assert!(Instant::now() >= later);
        });
    });
}

#[test]
fn one_expiry_is_one_receive() {
    watched(|| {
        let runtime = workers(2);
        let timer = Arc::new(Timer::new(MOMENT));
        let (got, gets) = channel::unbounded();
        for i in 0..20 {
            let (timer, got) = (timer.clone(), got.clone());
            let body = move || {
                timer.recv();
                got.send(i).unwrap();
            };
            if i % 4 == 0 {
                thread::spawn(body);
            } else {
                runtime.spawn(body);
            }
        }
        let mut who: Vec<_> = (0..20)
            .map(|_| {
                let first = gets.recv().unwrap();
                assert!(!timer.stop(), "it was received");
                assert!(gets.try_recv().is_err(), "by one");
                timer.reset(Duration::from_micros(50));
                first
            })
            .collect();
        who.sort_unstable();
        assert_eq!(who, Vec::from_iter(0..20));
    });
}

/// A select that was not won by the timer leaves it as it is.
#[test]
fn an_arm_that_is_not_chosen_takes_nothing() {
    watched(|| {
        on_both(|| {
            let (sender, receiver) = channel::bounded(1);
            let timer = Timer::new(HOUR);
            sender.send(1).unwrap();
            let value =
                select! { value = receiver.recv() => value, timer.recv() => unreachable!() };
            assert_eq!(value, Ok(1));
            timer.reset(Duration::ZERO);
            let both = |timer: &Timer| {
                sender.send(2).unwrap();
                let chosen = select! { receiver.recv() => true, timer.recv() => false };
                match chosen {
                    true => assert!(timer.stop(), "still to be received"),
                    false => assert_eq!(receiver.recv(), Ok(2)),
                }
                timer.reset(Duration::ZERO);
            };
            (0..100).for_each(|_| both(&timer));
        });
    });
}

/// Cancelled in the middle of a receive: the waiter has left the list.
#[test]
fn a_cancelled_receive_leaves_nothing_behind() {
    watched(|| {
        let timer = Arc::new(Timer::new(HOUR));
        let runtime = workers(1);
        let of_waiter = timer.clone();
        let waits = runtime.spawn(move || of_waiter.recv());
        runtime.run(|| yield_until("it waits", || true));
        drop(runtime);
        assert!(matches!(waits.join(), Err(routine::JoinError::Cancelled)));
        timer.reset(Duration::ZERO);
        assert!(timer.try_recv().is_some());
    });
}

#[test]
fn it_says_when() {
    let timer = Timer::new(HOUR);
    assert!(format!("{timer:?}").starts_with("Timer(in "));
    assert!(timer.stop());
    assert_eq!(format!("{timer:?}"), "Timer(not set)");
    let ticks = rust_routines::time::Interval::new(HOUR);
    assert!(format!("{ticks:?}").ends_with(", every 3600s)"));
}
