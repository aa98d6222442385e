//! An instant of the runtime's monotonic clock.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use crate::sched::clock::{self, Nanos};
use crate::sys::clock::{from_std, to_std};

/// A moment on the monotonic clock, with a resolution of one nanosecond.
///
/// Like [`std::time::Instant`], and convertible from and to it, but the runtime's own, so that tests
/// can be given a clock that jumps. It reaches 292 years before and after the process's first look
/// at the clock; sums beyond that saturate, which for a deadline means never.
///
/// # Go
/// The monotonic reading of `time.Time`.
///
/// # Examples
/// ```
/// use rust_routines::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let later = start + Duration::from_secs(1);
/// assert_eq!(later - start, Duration::from_secs(1));
/// assert_eq!(start.duration_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant(Nanos);

impl Instant {
    /// The present moment.
    pub fn now() -> Instant {
        Instant(clock::now())
    }

    pub(crate) fn nanos(self) -> Nanos {
        self.0
    }

    pub(crate) fn from_nanos(nanos: Nanos) -> Instant {
        Instant(nanos)
    }

    /// The time from `earlier` until this instant; zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }

    /// The time from `earlier` until this instant; `None` if `earlier` is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }

    /// The time from `earlier` until this instant; zero if `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }

    /// The time that has passed since this instant.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// This instant moved into the future; `None` beyond the clock's range.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos = Nanos::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Instant)
    }

    /// This instant moved into the past; `None` beyond the clock's range.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = Nanos::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Instant)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of the clock's range.
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration).unwrap_or(Instant(Nanos::MAX))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the start of the clock's range.
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).unwrap_or(Instant(Nanos::MIN))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Zero if `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Instant {
        Instant(from_std(instant))
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        to_std(instant.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_both_ways() {
        let std = std::time::Instant::now();
        let ours = Instant::from(std);
        assert_eq!(std::time::Instant::from(ours), std);
        let early = std - Duration::from_millis(5);
        assert_eq!(std::time::Instant::from(Instant::from(early)), early);
    }

    #[test]
    fn sums_saturate_and_checked_ones_say_so() {
        let now = Instant::now();
        assert_eq!(now.checked_add(Duration::MAX), None);
        assert_eq!((now + Duration::MAX).nanos(), Nanos::MAX);
        assert_eq!((now - Duration::MAX).nanos(), Nanos::MIN);
        assert_eq!(now.checked_sub(Duration::MAX), None);
    }
}
