//! Computation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::tokio::sync::Barrier;

use crate::sample::Sample;
use crate::sides::work::{PAIR_STEPS, PIECES, compute, piece_steps};
use crate::stats;

/// Pieces of computation, a task each, in rounds of 1000.
pub(crate) fn fanout(n: u64) -> Sample {
    super::run(async move {
        rounds(1).await;
        let count = (n / PIECES).max(1);
        let start = Instant::now();
        rounds(count).await;
        Sample::per_unit(start.elapsed(), count * PIECES)
    })
}

async fn rounds(count: u64) {
    for _ in 0..count {
        let spawn = |piece| ::tokio::spawn(async move { compute(piece, piece_steps(piece)) });
        let handles: Vec<_> = (0..PIECES).map(spawn).collect();
        let mut sum = 0_u64;
        for handle in handles {
            sum = sum.wrapping_add(handle.await.expect("a task that only computes"));
        }
        std::hint::black_box(sum);
    }
}

/// Two tasks that compute, against one.
pub(crate) fn pair(n: u64) -> Sample {
    super::run(async move {
        spawned(2).await;
        let (mut at_once, mut after_wait) = (Vec::new(), Vec::new());
        for _ in 0..n.max(1) {
            let alone = 2.0 * spawned(1).await.as_secs_f64();
            at_once.push(alone / spawned(2).await.as_secs_f64());
            after_wait.push(alone / parked_first().await.as_secs_f64());
        }
        let median = |speeds: &[f64]| stats::median(speeds).unwrap_or(f64::NAN);
        // Tasks have no placement: one figure for both forms.
        Sample::of(median(&at_once))
            .with("after_park_near", median(&after_wait))
            .with("after_park_spread", median(&after_wait))
    })
}

async fn spawned(count: u64) -> Duration {
    let start = Instant::now();
    let handles: Vec<_> = (0..count)
        .map(|i| ::tokio::spawn(async move { compute(i, PAIR_STEPS) }))
        .collect();
    for handle in handles {
        std::hint::black_box(handle.await.expect("a task that only computes"));
    }
    start.elapsed()
}

async fn parked_first() -> Duration {
    let (both_there, go) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
    let computing = |i| {
        let (both_there, go) = (both_there.clone(), go.clone());
        ::tokio::spawn(async move {
            both_there.wait().await;
            go.wait().await;
            compute(i, PAIR_STEPS)
        })
    };
    let handles = [computing(0), computing(1)];
    both_there.wait().await;
    let start = Instant::now();
    go.wait().await;
    for handle in handles {
        std::hint::black_box(handle.await.expect("a task that only computes"));
    }
    start.elapsed()
}
