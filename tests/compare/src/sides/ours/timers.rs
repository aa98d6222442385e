//! Timers: started and stopped, a hundred thousand that tick, limits, lateness.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::sync::WaitGroup;
use rust_routines::time::{self, Interval, Timer};

use crate::lateness::shares;
use crate::proc::cpu_time;
use crate::sample::Sample;
use crate::sides::work::{
    HOUR, PERIOD, STRIDE, length, nanos_since, scattered, timed, warm_up, window,
};

/// A timer of an hour, started and stopped.
pub(crate) fn stop(n: u64) -> Sample {
    super::run(|| {
        let start_and_stop = || {
            let timer = Timer::new(std::hint::black_box(HOUR));
            assert!(timer.stop(), "an hour has passed");
        };
        (0..warm_up(n, 1)).for_each(|_| start_and_stop());
        Sample::per_unit(timed(|| (0..n).for_each(|_| start_and_stop())), n)
    })
}

/// A function that is to run in an hour, set and stopped.
pub(crate) fn func_stop(n: u64) -> Sample {
    super::run(|| {
        let set_and_stop = || {
            let timer = time::after_func(HOUR, || ());
            assert!(timer.stop(), "an hour has passed");
        };
        (0..warm_up(n, 1)).for_each(|_| set_and_stop());
        Sample::per_unit(timed(|| (0..n).for_each(|_| set_and_stop())), n)
    })
}

/// `n` functions that are to run at scattered moments, set and then stopped in another order.
pub(crate) fn funcs(n: u64) -> Sample {
    super::run(|| {
        set_all(warm_up(n, 1));
        Sample::per_unit(set_all(n), n)
    })
}

fn set_all(n: u64) -> Duration {
    let mut all = Vec::with_capacity(n as usize);
    timed(|| {
        all.extend((0..n).map(|i| {
            let away = HOUR + Duration::from_micros(scattered(i).into());
            time::after_func(away, || ())
        }));
        for i in 0..n {
            let timer = &all[(i * STRIDE % n) as usize];
            assert!(timer.stop(), "an hour has passed, or one was stopped twice");
        }
    })
}

/// `n` tickers with a routine each, and the CPU time of the process while they tick.
pub(crate) fn tickers(n: u64) -> Sample {
    static TICKING: WaitGroup = WaitGroup::new();
    static TICKS: AtomicU64 = AtomicU64::new(0);
    static MERGED: AtomicU64 = AtomicU64::new(0);
    super::run(|| {
        TICKING.add(n as isize);
        let warm = time::Instant::now() + Duration::from_secs(1);
        let end = warm + window(n);
        for _ in 0..n {
            routine::spawn(move || {
                let (ticks, merged) = tick(warm, end);
                TICKS.fetch_add(ticks, Ordering::Relaxed);
                MERGED.fetch_add(merged, Ordering::Relaxed);
                TICKING.done();
            });
        }
        time::sleep_until(warm);
        let before = cpu_time();
        time::sleep_until(end);
        let used = cpu_time() - before;
        TICKING.wait();
        Sample::millis(used)
            .with("ticks", TICKS.load(Ordering::Relaxed) as f64)
            .with("merged", MERGED.load(Ordering::Relaxed) as f64)
    })
}

/// The ticks between two moments that came, and those that were merged with others.
fn tick(warm: time::Instant, end: time::Instant) -> (u64, u64) {
    let interval = Interval::new(PERIOD);
    let (mut last, mut ticks, mut merged) = (warm, 0, 0);
    loop {
        let moment = interval.recv();
        if moment > warm {
            ticks += 1;
            let periods = (moment - last + PERIOD / 2).as_nanos() / PERIOD.as_nanos();
            merged += periods as u64 - u64::from(periods > 0);
        }
        last = moment;
        if moment > end {
            return (ticks, merged);
        }
    }
}

/// What a limit adds to a receive that need not wait.
pub(crate) fn timeout(n: u64) -> Sample {
    super::run(|| {
        let ends = channel::bounded(1);
        let plain = |rx: &Receiver<u64>| rx.recv();
        let limited = |rx: &Receiver<u64>| {
            time::timeout(Duration::from_secs(1), || rx.recv()).expect("it needs no wait")
        };
        receive(warm_up(n, 1), &ends, plain);
        let without = receive(n, &ends, plain);
        receive(warm_up(n, 1), &ends, limited);
        let with = receive(n, &ends, limited);
        Sample::per_unit(with.saturating_sub(without), n)
            .with("plain_ns", Sample::per_unit(without, n).value)
    })
}

fn receive<E: std::fmt::Debug>(
    n: u64,
    (tx, rx): &(Sender<u64>, Receiver<u64>),
    receive: impl Fn(&Receiver<u64>) -> Result<u64, E>,
) -> Duration {
    timed(|| {
        for i in 0..n {
            tx.send(i).expect("there is room");
            assert_eq!(receive(rx).expect("it has a value"), i);
        }
    })
}

/// How late sleeps end.
pub(crate) fn lateness(n: u64) -> Sample {
    super::run(|| {
        let skipped = warm_up(n, 1);
        let late = (0..skipped + n).map(|i| {
            let length = length(i);
            let due = Instant::now() + length;
            time::sleep(length);
            nanos_since(due)
        });
        let late: Vec<u64> = late.skip(skipped as usize).collect();
        shares(Sample::latencies(late.clone()), late)
    })
}
