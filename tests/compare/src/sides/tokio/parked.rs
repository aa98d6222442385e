//! Tasks that wait: for a notification, and for the clock.

use std::time::{Duration, Instant};

use ::tokio::sync::Notify;

use super::count::Count;
use crate::proc::Memory;
use crate::sample::Sample;

/// Parks `n` tasks on one `Notify`: the cheapest thing of tokio's that many tasks can wait for.
pub(crate) fn parked(n: u64) -> Sample {
    super::run(async move {
        park(1000).await;
        let before = Memory::now();
        let (elapsed, after) = park(n).await;
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

async fn park(n: u64) -> (Duration, Option<Memory>) {
    static GATE: Notify = Notify::const_new();
    static COMING: Count = Count::new();
    static STAYING: Count = Count::new();
    COMING.set(n);
    STAYING.set(n);
    let start = Instant::now();
    for _ in 0..n {
        ::tokio::spawn(async {
            // Made before it is counted: it is told even if the gate opens before it is first polled.
            let opened = GATE.notified();
            COMING.down();
            opened.await;
            STAYING.down();
        });
    }
    COMING.wait().await;
    let elapsed = start.elapsed();
    let memory = Memory::now();
    GATE.notify_waiters();
    STAYING.wait().await;
    (elapsed, memory)
}

/// `n` tasks sleep for a second each.
pub(crate) fn sleepers(n: u64) -> Sample {
    super::run(async move {
        sleep_all(1000, Duration::from_millis(1)).await;
        let start = Instant::now();
        sleep_all(n, Duration::from_secs(1)).await;
        Sample::millis(start.elapsed())
    })
}

async fn sleep_all(n: u64, duration: Duration) {
    static ASLEEP: Count = Count::new();
    ASLEEP.set(n);
    for _ in 0..n {
        ::tokio::spawn(async move {
            ::tokio::time::sleep(duration).await;
            ASLEEP.down();
        });
    }
    ASLEEP.wait().await;
}
