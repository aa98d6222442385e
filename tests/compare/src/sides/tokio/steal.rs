//! How fast the other worker takes tasks that one running task has made ready.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ::tokio::runtime::{Builder, Runtime};

use crate::sample::Sample;
use crate::sides::work::{STEAL_BATCH, STEAL_LEFT, compute};

/// `n` stolen tasks, in batches.
pub(crate) fn run(n: u64) -> Sample {
    let count = (n / STEAL_BATCH).max(1);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("two worker threads");
    batch(&runtime);
    let elapsed: Duration = (0..count).map(|_| batch(&runtime)).sum();
    Sample::per_unit(elapsed, count * (STEAL_BATCH - STEAL_LEFT))
}

#[derive(Default)]
struct Shared {
    holding: AtomicBool,
    release: AtomicBool,
    ran: AtomicU64,
    end: OnceLock<Instant>,
}

/// One batch: the two workers are taken by a spawner and a thief. Both are spawned from outside and neither awaits: a
/// worker's LIFO slot cannot be stolen from, so a thief that the spawner itself had spawned would wait there for it.
fn batch(runtime: &Runtime) -> Duration {
    let shared = Arc::new(Shared::default());
    let (thief, spawner) = (shared.clone(), shared);
    runtime.spawn(async move {
        thief.holding.store(true, Ordering::Release);
        while !thief.release.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    });
    runtime
        .block_on(runtime.spawn(async move { spawn_and_compute(&spawner) }))
        .expect("the spawner")
}

fn spawn_and_compute(shared: &Arc<Shared>) -> Duration {
    while !shared.holding.load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
    for _ in 0..STEAL_BATCH {
        let shared = shared.clone();
        ::tokio::spawn(async move {
            if shared.ran.fetch_add(1, Ordering::Relaxed) + 1 == STEAL_BATCH - STEAL_LEFT {
                shared
                    .end
                    .set(Instant::now())
                    .expect("the count passes here once");
            }
        });
    }
    let start = Instant::now();
    shared.release.store(true, Ordering::Release);
    let mut seed = 1;
    loop {
        if let Some(end) = shared.end.get() {
            return *end - start;
        }
        // A microsecond between looks, so that the counter's cache line stays with the thief.
        seed = compute(seed, 500);
    }
}
