//! What the echo programs of both Rust sides, and the client in a process of its own, have in common.

use std::time::Duration;

use crate::sample::Sample;

/// What is sent and comes back.
pub(crate) const MESSAGE: usize = 64;

/// What a connection reads into; the Go side has the same.
pub(super) const BUFFER: usize = 1024;

/// A message that differs from the one before it.
pub(crate) fn message(round: u64) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[..8].copy_from_slice(&round.to_le_bytes());
    message
}

/// A connection's share of `n` round trips, and its warm-up.
pub(crate) fn share(n: u64, connections: u64) -> (u64, u64) {
    let share = (n / connections).max(1);
    (share, (share / 10).max(1))
}

/// Round trips per second, with the latency of all of them.
pub(crate) fn rate(elapsed: Duration, latencies: Vec<u64>) -> Sample {
    let rate = latencies.len() as f64 / elapsed.as_secs_f64();
    let mut sample = Sample::latencies(latencies);
    sample.value = rate;
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_and_never_empty() {
        assert_eq!(share(150_000, 100), (1500, 150));
        assert_eq!(share(10, 100), (1, 1));
    }

    #[test]
    fn a_rate_counts_what_has_been_measured() {
        let sample = rate(Duration::from_millis(500), vec![3, 1, 2, 4]);
        assert_eq!((sample.value, sample.figure("p50")), (8.0, Some(3.0)));
    }

    #[test]
    fn messages_differ() {
        assert_ne!(message(1), message(2));
    }
}
