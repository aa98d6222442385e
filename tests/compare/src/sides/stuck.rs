//! What keeps a worker to itself, and what is measured beside it: the same on all sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::sample::Sample;
use crate::stats;

/// Pairs are started one after the other, this far apart.
pub(super) const EVERY: Duration = Duration::from_millis(20);

/// Round trips of a pair; the first begins when the pair is started from outside.
pub(super) const TRIPS: u64 = 5;

/// What keeps a worker from everybody else.
#[derive(Clone, Copy)]
pub(super) enum Hog {
    /// A computation of 500 ms.
    Computes,
    /// A system call of 2 s.
    Sleeps,
}

impl Hog {
    fn length(self) -> Duration {
        match self {
            Hog::Computes => Duration::from_millis(500),
            Hog::Sleeps => Duration::from_secs(2),
        }
    }

    /// So many pairs start in four fifths of the time.
    pub(super) fn pairs(self) -> u32 {
        let pairs = self.length().as_millis() * 4 / 5 / EVERY.as_millis();
        u32::try_from(pairs).expect("some dozens")
    }

    /// Says that it has begun, and keeps its thread.
    pub(super) fn keep(self, begun: &AtomicBool) {
        begun.store(true, Ordering::Release);
        match self {
            Hog::Computes => {
                let end = Instant::now() + self.length();
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
            }
            Hog::Sleeps => thread::sleep(self.length()),
        }
    }
}

/// Starts a hog by `start` and waits on this plain thread until it runs.
pub(super) fn begin<H>(start: impl FnOnce(Arc<AtomicBool>) -> H) -> H {
    let begun = Arc::new(AtomicBool::new(false));
    let hog = start(begun.clone());
    while !begun.load(Ordering::Acquire) {
        thread::yield_now();
    }
    hog
}

/// The latencies beside one stuck worker of two, and of one.
pub(super) fn sample(mut of_two: Vec<u64>, mut of_one: Vec<u64>) -> Sample {
    of_two.sort_unstable();
    of_one.sort_unstable();
    let at = |all: &[u64], p| stats::percentile(all, p) as f64;
    Sample::of(at(&of_two, 0.99))
        .with("p50", at(&of_two, 0.5))
        .with("p99", at(&of_two, 0.99))
        .with("max", at(&of_two, 1.0))
        .with("one_worker_p50", at(&of_one, 0.5))
        .with("one_worker_p99", at(&of_one, 0.99))
        .with("one_worker_max", at(&of_one, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_fit_into_the_time() {
        assert_eq!((Hog::Computes.pairs(), Hog::Sleeps.pairs()), (20, 80));
    }

    #[test]
    fn the_figure_is_the_99th_percentile_of_two_workers() {
        let sample = sample((1..=100).rev().collect(), vec![7]);
        assert_eq!((sample.value, sample.figure("p50")), (100.0, Some(51.0)));
        assert_eq!(sample.figure("one_worker_max"), Some(7.0));
    }
}
