//! `Interval` and `tick`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use rust_routines::time::{self, Duration, Instant, Interval};
use rust_routines::{routine, select};
use rust_routines_tests::watched;

use super::{HOUR, MOMENT, on_both, workers};

fn message(f: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    payload.downcast_ref::<String>().expect("a text").clone()
}

/// D20.
#[test]
fn a_period_of_zero_is_refused_but_by_tick() {
    watched(|| {
        let refused = message(|| {
            Interval::new(Duration::ZERO);
        });
        assert_eq!(refused, "non-positive interval for NewTicker");
        let ticks = Interval::new(HOUR);
        let refused = message(|| ticks.reset(Duration::ZERO));
        assert_eq!(refused, "non-positive interval for Ticker.Reset");
        on_both(|| {
            let never = time::tick(Duration::ZERO);
            assert_eq!(time::timeout(MOMENT, || never.recv()), Err(time::Elapsed));
        });
    });
}

/// D21: whoever is late gets the first tick that is pending and loses the others; those to come keep
/// their moments.
#[test]
fn the_phase_is_kept_and_one_tick_is_pending_at_most() {
    watched(|| {
        on_both(|| {
            let period = Duration::from_millis(3);
            let ticks = Interval::new(period);
            let first = ticks.recv();
            for round in 1..5_u32 {
                time::sleep(period * round);
                let before = Instant::now();
                let pending = ticks.try_recv().expect("one is pending");
                assert!(pending <= before);
                if let Some(another) = ticks.try_recv() {
                    assert!(another > before, "it has come since");
                }
                let next = ticks.recv();
                assert!(next > before);
                for moment in [pending, next] {
                    let since = (moment - first).as_nanos();
                    assert_eq!(since % period.as_nanos(), 0, "out of phase");
                }
            }
        });
    });
}

/// D21: on time nothing is lost.
#[test]
fn ticks_are_a_period_apart() {
    watched(|| {
        on_both(|| {
            let ticks = Interval::new(MOMENT);
            let mut last = ticks.recv();
            for _ in 0..10 {
                let before = Instant::now();
                let moment = ticks.recv();
                assert!(Instant::now() >= moment, "never early");
                let periods = (moment - last).as_nanos() / MOMENT.as_nanos();
                assert_eq!(periods * MOMENT.as_nanos(), (moment - last).as_nanos());
                assert!(periods == 1 || before >= last + MOMENT, "one was left out");
                last = moment;
            }
        });
    });
}

#[test]
fn a_stop_drops_what_is_pending_and_a_reset_starts_anew() {
    watched(|| {
        on_both(|| {
            let ticks = Interval::new(Duration::from_micros(100));
            time::sleep(MOMENT);
            ticks.stop();
            assert_eq!(ticks.try_recv(), None);
            assert_eq!(time::timeout(MOMENT, || ticks.recv()), Err(time::Elapsed));
            let before = Instant::now();
            ticks.reset(MOMENT);
            let first = ticks.recv();
            assert!(first >= before + MOMENT);
            let second = ticks.recv();
            assert_eq!((second - first).as_nanos() % MOMENT.as_nanos(), 0);
        });
    });
}

#[test]
fn a_reset_is_heard_by_one_who_waits() {
    watched(|| {
        workers(1).run(|| {
            let ticks = Arc::new(Interval::new(HOUR));
            let of_waiter = ticks.clone();
            let waits = routine::spawn(move || {
                select! { moment = of_waiter.recv() => moment }
            });
            routine::yield_now();
            let before = Instant::now();
            ticks.reset(MOMENT);
            assert!(waits.join().unwrap() >= before + MOMENT);
        });
    });
}

#[test]
fn it_can_be_iterated() {
    watched(|| {
        on_both(|| {
            let moments: Vec<_> = time::tick(Duration::from_micros(200))
                .into_iter()
                .take(5)
                .collect();
            assert!(moments.is_sorted_by(|a, b| a < b));
        });
    });
}

/// D22: a period beyond the clock's range never ends.
#[test]
fn an_eternal_period_never_ends() {
    watched(|| {
        on_both(|| {
            let ticks = Interval::new(Duration::MAX);
            assert_eq!(time::timeout(MOMENT, || ticks.recv()), Err(time::Elapsed));
        });
    });
}

/// All the ticks of many tickers come, or are merged: as many periods as have passed.
#[test]
fn many_tickers_lose_nothing_uncounted() {
    watched(|| {
        let runtime = workers(2);
        let tickers: Vec<_> = (0..1000_u64)
            .map(|i| {
                runtime.spawn(move || {
                    let period = Duration::from_micros(1000 + i);
                    let ticks = Interval::new(period);
                    let first = ticks.recv();
                    let mut last = first;
                    for _ in 0..20 {
                        let moment = ticks.recv();
                        assert!(moment > last);
                        last = moment;
                    }
                    assert_eq!((last - first).as_nanos() % period.as_nanos(), 0);
                })
            })
            .collect();
        tickers
            .into_iter()
            .for_each(|ticker| ticker.join().unwrap());
    });
}
