//! Resets and stops from everywhere at once: each setting ends in one way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rust_routines::time::{self, Duration, Instant, Interval, Timer};
use rust_routines::{routine, select};
use rust_routines_tests::{eventually, watched};

use super::workers;

/// Changes of each of those who change.
const CHANGES: u64 = 20_000;

/// xorshift: what comes in which order is different with each seed.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Stops and resets, on two threads and two routines; how many settings were made, and how many of them
/// (and of those before) were said to be prevented.
fn storm(
    stop: impl Fn() -> bool + Clone + Send + 'static,
    reset: impl Fn(Duration) -> bool + Clone + Send + 'static,
) -> (u64, u64) {
    let runtime = workers(2);
    let change = |seed: u64| {
        let (stop, reset) = (stop.clone(), reset.clone());
        move || {
            let mut random = Random(seed);
            let (mut settings, mut prevented) = (0, 0);
            for i in 0..CHANGES {
                let was_armed = if random.below(3) == 0 {
                    stop()
                } else {
                    settings += 1;
                    reset(Duration::from_nanos(random.below(3000)))
                };
                prevented += u64::from(was_armed);
                if i % 64 == 0 {
                    routine::yield_now();
                }
            }
            (settings, prevented)
        }
    };
    let threads: Vec<_> = [3, 5].map(|seed| thread::spawn(change(seed))).into();
    let routines: Vec<_> = [7, 11].map(|seed| runtime.spawn(change(seed))).into();
    let threads = threads.into_iter().map(|it| it.join().unwrap());
    let routines = routines.into_iter().map(|it| it.join().unwrap());
    threads
        .chain(routines)
        .fold((0, 0), |(a, b), (settings, prevented)| {
            (a + settings, b + prevented)
        })
}

/// D15, D16: each setting of a timer is received once, or a stop or a reset says that it was prevented.
#[test]
fn each_setting_of_a_timer_is_received_or_prevented() {
    watched(|| {
        let runtime = workers(2);
        let timer = Arc::new(Timer::new(Duration::ZERO));
        let received = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        for way in 0..4 {
            let (timer, received, is_over) = (timer.clone(), received.clone(), is_over.clone());
            let body = move || {
                loop {
                    let moment = match way {
                        0 | 1 => timer.recv(),
                        _ => select! { moment = timer.recv() => moment },
                    };
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    assert!(moment <= Instant::now(), "never early");
                    received.fetch_add(1, Ordering::SeqCst);
                }
            };
            if way % 2 == 0 {
                thread::spawn(body);
            } else {
                runtime.spawn(body);
            }
        }
        let (for_stop, for_reset) = (timer.clone(), timer.clone());
        let (settings, mut prevented) = storm(
            move || for_stop.stop(),
            move |length| for_reset.reset(length),
        );
        prevented += u64::from(timer.stop());
        // The first one, made by `new`, counts too. One that was taken may not have been counted yet.
        eventually("the sum is right", || {
            received.load(Ordering::SeqCst) + prevented == settings + 1
        });
        assert!(received.load(Ordering::SeqCst) > 0);
        is_over.store(true, Ordering::SeqCst);
        for _ in 0..4 {
            timer.reset(Duration::ZERO);
            eventually("one more has ended", || !timer.stop());
        }
    });
}

/// D18: each setting of a function runs once, or a stop or a reset says that it was prevented.
#[test]
fn each_setting_of_a_function_runs_or_is_prevented() {
    watched(|| {
        let runtime = workers(2);
        let runs = Arc::new(AtomicU64::new(0));
        let count = runs.clone();
        let timer = runtime.run(|| {
            time::after_func(Duration::ZERO, move || {
                count.fetch_add(1, Ordering::SeqCst);
            })
        });
        let (for_stop, for_reset) = (timer.clone(), timer.clone());
        let (settings, mut prevented) = storm(
            move || for_stop.stop(),
            move |length| for_reset.reset(length),
        );
        prevented += u64::from(timer.stop());
        eventually("the sum is right", || {
            runs.load(Ordering::SeqCst) + prevented == settings + 1
        });
        assert!(runs.load(Ordering::SeqCst) > 0);
    });
}

/// Those who receive from an interval while it is reset all the time get moments that have come, and each
/// its own.
#[test]
fn an_interval_survives_resets() {
    watched(|| {
        let runtime = workers(2);
        let ticks = Arc::new(Interval::new(Duration::from_micros(1)));
        let receives: Vec<_> = (0..4)
            .map(|_| {
                let ticks = ticks.clone();
                runtime.spawn(move || {
                    for _ in 0..2000 {
                        let moment = ticks.recv();
                        assert!(moment <= Instant::now(), "never early");
                    }
                })
            })
            .collect();
        let mut random = Random(13);
        while !receives.iter().all(|it| it.is_finished()) {
            ticks.reset(Duration::from_nanos(1 + random.below(20_000)));
            thread::sleep(Duration::from_micros(random.below(30)));
        }
        receives.into_iter().for_each(|it| it.join().unwrap());
    });
}
