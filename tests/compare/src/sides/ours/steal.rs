//! How fast the other worker takes routines that one running routine has made ready.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rust_routines::routine;

use super::homes;
use crate::sample::Sample;
use crate::sides::work::{STEAL_BATCH, STEAL_LEFT, compute};

/// `n` stolen routines, in batches.
pub(crate) fn run(n: u64) -> Sample {
    super::run(|| {
        let count = (n / STEAL_BATCH).max(1);
        batch();
        let elapsed: Duration = (0..count).map(|_| batch()).sum();
        Sample::per_unit(elapsed, count * (STEAL_BATCH - STEAL_LEFT))
    })
}

#[derive(Default)]
struct Shared {
    release: AtomicBool,
    ran: AtomicU64,
    end: OnceLock<Instant>,
}

/// One batch: the other worker is held busy by a routine that lives there while this one spawns; then it is released,
/// and this one computes without a park until the other worker has run what was spawned.
fn batch() -> Duration {
    let shared = Arc::new(Shared::default());
    let holder = shared.clone();
    let held = homes::elsewhere(move || {
        while !holder.release.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    });
    let handles: Vec<_> = (0..STEAL_BATCH)
        .map(|_| {
            let shared = shared.clone();
            routine::spawn(move || {
                if shared.ran.fetch_add(1, Ordering::Relaxed) + 1 == STEAL_BATCH - STEAL_LEFT {
                    shared
                        .end
                        .set(Instant::now())
                        .expect("the count passes here once");
                }
            })
        })
        .collect();
    let start = Instant::now();
    shared.release.store(true, Ordering::Release);
    let elapsed = computing_until(&shared.end) - start;
    held.join();
    for handle in handles {
        handle.join().expect("a routine that only counts");
    }
    elapsed
}

fn computing_until(end: &OnceLock<Instant>) -> Instant {
    let mut seed = 1;
    loop {
        if let Some(end) = end.get() {
            return *end;
        }
        // A microsecond between looks, so that the counter's cache line stays with the thief.
        seed = compute(seed, 500);
    }
}
