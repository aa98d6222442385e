//! The monotonic clock, in nanoseconds since the process first asked.
//!
//! One signed number instead of `std::time::Instant` inside the runtime: it fits an atomic, it
//! compares in one instruction, and a group of routines can be given a clock of its own later.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since the anchor.
pub(crate) type Nanos = i64;

fn anchor() -> Instant {
    static ANCHOR: OnceLock<Instant> = OnceLock::new();
    *ANCHOR.get_or_init(Instant::now)
}

#[inline]
pub(crate) fn now() -> Nanos {
    nanos(Instant::now().saturating_duration_since(anchor()))
}

/// Saturates. In 64 bits: this is part of every look at the clock.
#[inline]
pub(crate) fn nanos(duration: Duration) -> Nanos {
    let seconds = Nanos::try_from(duration.as_secs()).unwrap_or(Nanos::MAX);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(Nanos::from(duration.subsec_nanos()))
}

/// Saturates at 292 years from the anchor.
pub(crate) fn from_std(at: Instant) -> Nanos {
    let anchor = anchor();
    match at.checked_duration_since(anchor) {
        Some(after) => nanos(after),
        None => -nanos(anchor.duration_since(at)),
    }
}

/// Clamped to what std's clock can express.
pub(crate) fn to_std(at: Nanos) -> Instant {
    let distance = Duration::from_nanos(at.unsigned_abs());
    let anchor = anchor();
    let moved = if at >= 0 {
        anchor.checked_add(distance)
    } else {
        anchor.checked_sub(distance)
    };
    // Beyond std's range: as far as a century goes, which no clock of a process reaches.
    let century = Duration::from_secs(100 * 365 * 24 * 3600);
    let clamped = if at >= 0 {
        anchor.checked_add(century)
    } else {
        None
    };
    moved.or(clamped).unwrap_or(anchor)
}

/// The instant `after` from now; `Nanos::MAX` means never.
pub(crate) fn deadline(after: Duration) -> Nanos {
    now().saturating_add(nanos(after))
}

/// How long until `at`; zero if it has passed.
pub(crate) fn until(at: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(at.saturating_sub(now())).unwrap_or(0))
}
