//! Timers of tokio's.

use std::pin::pin;
use std::time::{Duration, Instant};

use ::tokio::sync::mpsc;
use ::tokio::time::{self, MissedTickBehavior};

use super::count::Count;
use crate::lateness::shares;
use crate::proc::cpu_time;
use crate::sample::Sample;
use crate::sides::work::{HOUR, PERIOD, length, nanos_since, warm_up, window};

/// A timer of an hour, started (by its first poll) and dropped.
pub(crate) fn stop(n: u64) -> Sample {
    super::run(async move {
        start_and_drop(warm_up(n, 1)).await;
        Sample::per_unit(start_and_drop(n).await, n)
    })
}

async fn start_and_drop(n: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..n {
        let mut timer = pin!(time::sleep(HOUR));
        std::future::poll_fn(|cx| {
            assert!(timer.as_mut().poll(cx).is_pending(), "an hour has passed");
            std::task::Poll::Ready(())
        })
        .await;
    }
    start.elapsed()
}

/// `n` tickers with a task each, and the CPU time of the process while they tick.
pub(crate) fn tickers(n: u64) -> Sample {
    static TICKING: Count = Count::new();
    super::run(async move {
        TICKING.set(n);
        let warm = time::Instant::now() + Duration::from_secs(1);
        let end = warm + window(n);
        for _ in 0..n {
            ::tokio::spawn(async move {
                let mut interval = time::interval(PERIOD);
                interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
                while interval.tick().await <= end {}
                TICKING.down();
            });
        }
        time::sleep_until(warm).await;
        let before = cpu_time();
        time::sleep_until(end).await;
        let used = cpu_time() - before;
        TICKING.wait().await;
        Sample::millis(used)
    })
}

/// What a limit adds to a receive that need not wait.
pub(crate) fn timeout(n: u64) -> Sample {
    super::run(async move {
        plain(warm_up(n, 1)).await;
        let without = plain(n).await;
        limited(warm_up(n, 1)).await;
        let with = limited(n).await;
        Sample::per_unit(with.saturating_sub(without), n)
            .with("plain_ns", Sample::per_unit(without, n).value)
    })
}

async fn plain(n: u64) -> Duration {
    let (tx, mut rx) = mpsc::channel(1);
    let start = Instant::now();
    for i in 0..n {
        tx.send(i).await.expect("there is room");
        assert_eq!(rx.recv().await, Some(i));
    }
    start.elapsed()
}

async fn limited(n: u64) -> Duration {
    let (tx, mut rx) = mpsc::channel(1);
    let start = Instant::now();
    for i in 0..n {
        tx.send(i).await.expect("there is room");
        let received = time::timeout(Duration::from_secs(1), rx.recv()).await;
        assert_eq!(received.expect("it needs no wait"), Some(i));
    }
    start.elapsed()
}

/// How late sleeps end.
pub(crate) fn lateness(n: u64) -> Sample {
    super::run(async move {
        let skipped = warm_up(n, 1);
        let mut all = Vec::with_capacity(n as usize);
        for i in 0..skipped + n {
            let length = length(i);
            let due = Instant::now() + length;
            time::sleep(length).await;
            if i >= skipped {
                all.push(nanos_since(due));
            }
        }
        shares(Sample::latencies(all.clone()), all)
    })
}
