//! What all sides share: the computation, the sizes of its pieces, and how a warm-up is derived from a run.

use std::time::{Duration, Instant};

use crate::stats;

/// Pieces of one round of the fan-out.
pub(super) const PIECES: u64 = 1000;

/// Length of the computation of `cpu_pair`: some 80 ms.
pub(super) const PAIR_STEPS: u64 = 40_000_000;

/// Computation between two wake-ups of `wake_latency`, some 30 us: by then the other worker has run out of work.
pub(super) const PAUSE_STEPS: u64 = 15_000;

/// Routines in the ring.
pub(super) const RING: usize = 503;

/// The capacity of channels that have one.
pub(super) const BUFFER: usize = 100;

/// Producers on one channel, and consumers.
pub(super) const FOURS: u64 = 4;

/// Routines that contend for one mutex.
pub(super) const LOCKERS: u64 = 100;

/// Routines that share one read-write lock.
pub(super) const SHARERS: u64 = 8;

/// Routines that one group waits for.
pub(super) const GROUPED: u64 = 1000;

/// How many wait for a channel when it is closed.
pub(super) const RECEIVERS: u64 = 100_000;

/// Routines made ready for the thief before it may start.
pub(super) const STEAL_BATCH: u64 = 10_000;

/// So many of a batch are not waited for: a scheduler may keep its newest for the one who spawned them.
pub(super) const STEAL_LEFT: u64 = 64;

/// Longer than any run.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Of a ticker.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// Steps through any number of things that is used here, without a factor in common.
pub(super) const STRIDE: u64 = 7919;

/// How long `n` tickers are watched: five seconds, or half of one in a smoke run.
pub(super) fn window(n: u64) -> Duration {
    Duration::from_millis(if n < 10_000 { 500 } else { 5_000 })
}

/// A number that looks like chance.
pub(super) fn scattered(i: u64) -> u32 {
    (i as u32).wrapping_mul(2_654_435_761)
}

/// The length of a sleep: 0.2 to 5.2 ms.
pub(super) fn length(i: u64) -> Duration {
    Duration::from_micros(200) + Duration::from_nanos(u64::from(scattered(i)) % 5_000_000)
}

/// Pure computation: steps of xorshift64, each needing the one before it, so that no compiler can shorten or widen it.
#[inline(never)]
pub(super) fn compute(seed: u64, steps: u64) -> u64 {
    let mut x = seed | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

/// The length of a piece: 10,000 to 25,000 steps, some 20 to 50 us, scattered so that equal shares are not equal work.
pub(super) fn piece_steps(piece: u64) -> u64 {
    let scattered = (piece as u32).wrapping_mul(2_654_435_761) >> 16;
    10_000 + u64::from(scattered) % 15_001
}

/// A tenth of a run, but no less than `least`.
pub(super) fn warm_up(n: u64, least: u64) -> u64 {
    (n / 10).max(least)
}

/// How long `f` takes.
pub(super) fn timed(f: impl FnOnce()) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

/// Nanoseconds since `start`.
pub(super) fn nanos_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Speed of two against one: the median over `trials` of twice the time of one alone through the time of two at once.
pub(super) fn speed_up(
    trials: u64,
    mut alone: impl FnMut() -> Duration,
    mut pair: impl FnMut() -> Duration,
) -> f64 {
    let speed = |_| 2.0 * alone().as_secs_f64() / pair().as_secs_f64();
    let speeds: Vec<f64> = (0..trials.max(1)).map(speed).collect();
    stats::median(&speeds).unwrap_or(f64::NAN)
}

/// The numbers of the tree's leaves must add up: a benchmark that loses work is no benchmark.
pub(super) fn check_sum(leaves: u64, sum: u64) {
    assert_eq!(sum, range_sum(leaves), "skynet: wrong sum");
}

/// The sum of the numbers below `n`.
pub(super) fn range_sum(n: u64) -> u64 {
    n * (n - 1) / 2
}

/// What was sent must have come, once.
pub(super) fn check_range(senders: u64, n: u64, sum: u64) {
    assert_eq!(sum, senders * range_sum(n), "a channel: wrong sum");
}

/// How often a channel is closed so that `n` are woken, and how many wait for it each time.
pub(super) fn closings(n: u64) -> (u64, u64) {
    let waiting = n.min(RECEIVERS);
    (n / waiting, waiting)
}

/// The `n`-th prime, found the plain way.
pub(super) fn nth_prime(n: u64) -> u64 {
    let is_prime = |n: &u64| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    let nth = (2..).filter(is_prime).nth(n.saturating_sub(1) as usize);
    nth.expect("there are more primes than that")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computation_is_go_s() {
        // Printed by the Go program's compute(1, 1000) and the sum of its pieceSteps(0..1000).
        assert_eq!(compute(1, 1000), 11_424_263_524_947_540_013);
        assert_eq!((0..PIECES).map(piece_steps).sum::<u64>(), 17_099_241);
    }

    #[test]
    fn pieces_have_the_lengths_that_are_promised() {
        assert!(
            (0..PIECES)
                .map(piece_steps)
                .all(|steps| (10_000..=25_000).contains(&steps))
        );
    }

    #[test]
    fn primes_are_known() {
        assert_eq!([1, 2, 3, 2000].map(nth_prime), [2, 3, 5, 17_389]);
    }

    #[test]
    fn a_channel_is_closed_at_least_once() {
        assert_eq!(closings(300_000), (3, RECEIVERS));
        assert_eq!(closings(10), (1, 10));
    }

    #[test]
    fn two_at_the_price_of_one_is_twice_the_speed() {
        let ms = Duration::from_millis;
        assert_eq!(speed_up(3, || ms(10), || ms(10)), 2.0);
        assert_eq!(speed_up(3, || ms(10), || ms(20)), 1.0);
    }
}
