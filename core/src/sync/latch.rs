//! A door that opens once, when enough have counted down.

use std::fmt;
use std::time::Duration;

use super::seek::{Seeking, future};
use super::zero::{Zero, ZeroSeek};
use crate::control::Reason;
use crate::wait::instant::Instant;

/// A count that only goes down, and a wait for zero, which then is for good.
///
/// # Go
/// A `sync.WaitGroup` whose `Add` is called once, at the beginning.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::Latch};
/// use std::sync::Arc;
///
/// let ready = Arc::new(Latch::new(3));
/// for _ in 0..3 {
///     let ready = ready.clone();
///     routine::spawn(move || ready.count_down());
/// }
/// ready.wait();
/// assert!(ready.is_open());
/// ```
pub struct Latch {
    zero: Zero,
}

const BELOW: &str = "Latch: counted down below zero";

impl Latch {
    /// A latch that opens after so many have counted down; with zero it is open.
    pub const fn new(count: usize) -> Latch {
        Latch {
            zero: Zero::new(count as u64),
        }
    }

    /// Takes one off the count; at zero everybody who waits goes on.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// If the latch is open already.
    ///
    /// # Go
    /// `wg.Done()`.
    #[inline]
    #[track_caller]
    pub fn count_down(&self) {
        assert!(self.zero.take_one().is_ok(), "{BELOW}");
    }

    /// Takes so many off the count at once.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// If there are not as many left; the count stays what it was.
    #[track_caller]
    pub fn count_down_by(&self, count: usize) {
        let delta = i64::try_from(count).map_or(i64::MIN, |count| -count);
        assert!(self.zero.add(delta).is_ok(), "{BELOW}");
    }

    /// Counts down, and waits for the others.
    ///
    /// **Blocks** as [`wait`](Latch::wait).
    ///
    /// # Panics
    /// As [`count_down`](Latch::count_down) and [`wait`](Latch::wait).
    #[track_caller]
    pub fn arrive_and_wait(&self) {
        self.count_down();
        self.wait();
    }

    /// Whether the count is zero.
    ///
    /// **Blocks**: never.
    pub fn is_open(&self) -> bool {
        self.zero.is_zero()
    }

    /// What is left of the count; old news at once.
    pub fn count(&self) -> usize {
        self.zero.count() as usize
    }

    /// Waits until the count is zero.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if the count is not zero.
    ///
    /// # Go
    /// `wg.Wait()`.
    #[inline(always)]
    #[track_caller]
    pub fn wait(&self) {
        self.zero.wait(Reason::Latch, None);
    }

    /// Waits until the count is zero, for at most `timeout`; whether it was.
    ///
    /// **Blocks** as [`wait`](Latch::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.zero.wait_timeout(Reason::Latch, timeout)
    }

    /// Waits until the count is zero, until `deadline` at most; whether it was.
    ///
    /// **Blocks** as [`wait`](Latch::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.zero.wait_until(Reason::Latch, deadline)
    }

    /// Waits until the count is zero, in a task of any executor; also an arm of a select.
    ///
    /// Cancel-safe: it changes nothing.
    ///
    /// **Blocks**: never; the future waits.
    pub fn wait_async(&self) -> LatchFuture<'_> {
        LatchFuture {
            object: (),
            seeking: Seeking::new(ZeroSeek(&self.zero)),
        }
    }
}

future! {
    /// The future of [`Latch::wait_async`], and an arm of a select.
    LatchFuture<'a>(()) over ZeroSeek<'a> => () = |_nothing| ()
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch")
            .field("count", &self.count())
            .finish()
    }
}
