//! A timer that expires again and again.

use std::fmt;
use std::time::Duration;

use super::expiry::Expiry;
use super::ticks::Ticks;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// A ticker: its ticks are a period apart, and each receive gets the moment of one.
///
/// The phase is kept: a late receive does not move the ticks after it. Ticks that nobody receives in time are
/// lost but for the first of them. After [`stop`](Interval::stop) a receive waits until a reset. Dropping it is
/// enough to be rid of it.
///
/// # Go
/// `time.Ticker`.
///
/// # Examples
/// ```
/// use rust_routines::time::{Duration, Interval};
///
/// let ticks = Interval::new(Duration::from_millis(1));
/// let first = ticks.recv();
/// let second = ticks.recv();
/// assert!(second >= first + Duration::from_millis(1));
/// ```
pub struct Interval {
    ticks: Ticks,
}

/// An interval without the refusal of a period of zero: with that it never ticks.
///
/// # Go
/// `time.Tick(d)`, which gives a nil channel for a period that is not positive.
///
/// # Examples
/// ```
/// use rust_routines::time::{self, Duration};
///
/// for (number, moment) in time::tick(Duration::from_millis(1)).into_iter().enumerate() {
///     if number == 2 {
///         break;
///     }
///     println!("{moment:?}");
/// }
/// ```
pub fn tick(period: Duration) -> Interval {
    if period.is_zero() {
        return Interval {
            ticks: Ticks::new(Nanos::MAX, None),
        };
    }
    Interval::new(period)
}

#[track_caller]
fn checked(period: Duration, what: &str) -> Nanos {
    assert!(!period.is_zero(), "non-positive interval for {what}");
    clock::nanos(period)
}

impl Interval {
    /// A ticker whose first tick comes when `period` has passed.
    ///
    /// # Panics
    /// For a period of zero.
    ///
    /// # Go
    /// `time.NewTicker(d)`.
    #[track_caller]
    pub fn new(period: Duration) -> Interval {
        let period = checked(period, "NewTicker");
        Interval {
            ticks: Ticks::new(clock::now().saturating_add(period), Some(period)),
        }
    }

    /// Waits for the next tick, and returns its moment, also if that was long ago.
    ///
    /// Of several who wait one gets it.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `<-t.C`.
    #[track_caller]
    pub fn recv(&self) -> Instant {
        self.ticks.recv()
    }

    /// The moment of a tick that has come and that nobody has received.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `select { case at := <-t.C: default: }`.
    pub fn try_recv(&self) -> Option<Instant> {
        self.ticks.take()
    }

    /// Receives the next tick in a task of any executor; not for `block_on` in a routine ([`Expiry`]). Cancel-safe.
    ///
    /// **Blocks**: never; the future waits.
    pub fn recv_async(&self) -> Expiry<'_> {
        Expiry::new(&self.ticks)
    }

    /// The arm that `interval.recv()` stands for in a [`select!`](crate::select!).
    pub fn recv_arm(&self) -> Expiry<'_> {
        Expiry::new(&self.ticks)
    }

    /// Stops the ticks; one that nobody has received is lost.
    ///
    /// Those who wait go on waiting.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `t.Stop()`.
    pub fn stop(&self) {
        self.ticks.stop();
    }

    /// Starts anew, also after a stop: the next tick comes when `period` has passed from now.
    ///
    /// A tick that nobody has received is lost.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// For a period of zero.
    ///
    /// # Go
    /// `t.Reset(d)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{Duration, Instant, Interval};
    ///
    /// let ticks = Interval::new(Duration::from_secs(3600));
    /// ticks.reset(Duration::from_millis(1));
    /// assert!(ticks.recv() <= Instant::now());
    /// ```
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        let period = checked(period, "Ticker.Reset");
        let at = clock::now().saturating_add(period);
        self.ticks.reset(at, Some(period));
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interval").field(&self.ticks).finish()
    }
}

/// The ticks of an interval, without end.
#[derive(Debug)]
pub struct Ticking {
    interval: Interval,
}

impl Iterator for Ticking {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        Some(self.interval.recv())
    }
}

impl IntoIterator for Interval {
    type Item = Instant;
    type IntoIter = Ticking;

    fn into_iter(self) -> Ticking {
        Ticking { interval: self }
    }
}
