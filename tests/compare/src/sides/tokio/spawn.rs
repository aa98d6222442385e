//! Spawning, ending, yielding.

use std::time::Instant;

use super::count::Count;
use crate::sample::Sample;
use crate::sides::work::warm_up;

/// Spawn `n`, then await each handle.
pub(crate) fn joined(n: u64) -> Sample {
    super::run(async move {
        join_all(warm_up(n, 1)).await;
        let start = Instant::now();
        join_all(n).await;
        Sample::per_unit(start.elapsed(), n)
    })
}

async fn join_all(n: u64) {
    let handles: Vec<_> = (0..n).map(|_| ::tokio::spawn(async {})).collect();
    for handle in handles {
        handle.await.expect("an empty task");
    }
}

/// Spawn `n` and drop the handles; the last to end says so.
pub(crate) fn detached(n: u64) -> Sample {
    super::run(async move {
        detach_all(warm_up(n, 1)).await;
        let start = Instant::now();
        detach_all(n).await;
        Sample::per_unit(start.elapsed(), n)
    })
}

async fn detach_all(n: u64) {
    static RUNNING: Count = Count::new();
    RUNNING.set(n);
    for _ in 0..n {
        drop(::tokio::spawn(async { RUNNING.down() }));
    }
    RUNNING.wait().await;
}

/// Two tasks yield, `n` times in all.
pub(crate) fn yielding(n: u64) -> Sample {
    super::run(async move {
        yield_pair(warm_up(n, 2)).await;
        let start = Instant::now();
        yield_pair(n).await;
        Sample::per_unit(start.elapsed(), n)
    })
}

async fn yield_pair(n: u64) {
    let pair = [
        ::tokio::spawn(yielder(n / 2)),
        ::tokio::spawn(yielder(n / 2)),
    ];
    for handle in pair {
        handle.await.expect("a task that yields");
    }
}

async fn yielder(n: u64) {
    for _ in 0..n {
        ::tokio::task::yield_now().await;
    }
}
