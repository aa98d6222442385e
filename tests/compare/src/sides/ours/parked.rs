//! Routines that wait: on a channel, and for the clock.

use std::time::{Duration, Instant};

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::sync::WaitGroup;

use crate::proc::Memory;
use crate::sample::Sample;
use crate::sides::work::timed;

/// Parks `n` routines in `recv` of one channel.
pub(crate) fn parked(n: u64) -> Sample {
    super::run(|| {
        park(1000);
        let before = Memory::now();
        let (elapsed, after) = park(n);
        let sample = Sample::per_unit(elapsed, n);
        match (before, after) {
            (Some(before), Some(after)) => {
                let (rss, total) = after.growth(before, n);
                sample.with("rss_bytes", rss).with("total_bytes", total)
            }
            _ => sample,
        }
    })
}

fn park(n: u64) -> (Duration, Option<Memory>) {
    static COMING: WaitGroup = WaitGroup::new();
    static STAYING: WaitGroup = WaitGroup::new();
    COMING.add(n as isize);
    STAYING.add(n as isize);
    let (gate, closed) = channel::bounded::<()>(0);
    let start = Instant::now();
    for _ in 0..n {
        let closed = closed.clone();
        routine::spawn(move || {
            COMING.done();
            closed
                .recv()
                .expect_err("nothing is sent, the gate opens by being dropped");
            STAYING.done();
        });
    }
    COMING.wait();
    let elapsed = start.elapsed();
    let memory = Memory::now();
    drop(gate);
    STAYING.wait();
    (elapsed, memory)
}

/// `n` routines sleep for a second each.
pub(crate) fn sleepers(n: u64) -> Sample {
    super::run(|| {
        sleep_all(1000, Duration::from_millis(1));
        Sample::millis(timed(|| sleep_all(n, Duration::from_secs(1))))
    })
}

fn sleep_all(n: u64, duration: Duration) {
    static ASLEEP: WaitGroup = WaitGroup::new();
    ASLEEP.add(n as isize);
    for _ in 0..n {
        routine::spawn(move || {
            routine::sleep(duration);
            ASLEEP.done();
        });
    }
    ASLEEP.wait();
}
