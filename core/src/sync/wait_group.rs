//! Waiting until a number of others are done.

use std::fmt;
use std::time::Duration;

use super::seek::{Seeking, future};
use super::zero::{Refused, Zero, ZeroSeek};
use crate::control::Reason;
use crate::wait::instant::Instant;

/// A count of those who are still at work, and a wait for zero.
///
/// # Go
/// `sync.WaitGroup`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::WaitGroup};
/// use std::sync::Arc;
///
/// let group = Arc::new(WaitGroup::new());
/// for i in 0..3 {
///     group.add(1);
///     let group = group.clone();
///     routine::spawn(move || {
///         println!("{i}");
///         group.done();
///     });
/// }
/// group.wait();
/// ```
pub struct WaitGroup {
    zero: Zero,
}

impl WaitGroup {
    /// A group with a count of zero.
    pub const fn new() -> WaitGroup {
        WaitGroup { zero: Zero::new(0) }
    }

    /// Adds `delta`, which may be negative, to the count; at zero everybody who waits goes on.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`, if the count would fall below zero; it stays what it was.
    ///
    /// # Go
    /// `wg.Add(delta)`.
    #[inline]
    #[track_caller]
    pub fn add(&self, delta: isize) {
        if let Err(refused) = self.zero.add(delta as i64) {
            misused(refused);
        }
    }

    /// Takes one off the count.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// `sync: negative WaitGroup counter`, if the count is zero.
    ///
    /// # Go
    /// `wg.Done()`.
    #[inline]
    #[track_caller]
    pub fn done(&self) {
        if let Err(refused) = self.zero.take_one() {
            misused(refused);
        }
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
        self.zero.wait(Reason::WaitGroup, None);
    }

    /// Waits until the count is zero, for at most `timeout`; whether it was.
    ///
    /// **Blocks** as [`wait`](WaitGroup::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::WaitGroup, time::Duration};
    ///
    /// let group = WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// group.done();
    /// assert!(group.wait_timeout(Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.zero.wait_timeout(Reason::WaitGroup, timeout)
    }

    /// Waits until the count is zero, until `deadline` at most; whether it was.
    ///
    /// **Blocks** as [`wait`](WaitGroup::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.zero.wait_until(Reason::WaitGroup, deadline)
    }

    /// Waits until the count is zero, in a task of any executor; also an arm of a select.
    ///
    /// Cancel-safe: it changes nothing.
    ///
    /// **Blocks**: never; the future waits.
    pub fn wait_async(&self) -> WaitGroupFuture<'_> {
        WaitGroupFuture {
            object: (),
            seeking: Seeking::new(ZeroSeek(&self.zero)),
        }
    }
}

#[cold]
#[track_caller]
fn misused(refused: Refused) -> ! {
    match refused {
        Refused::Negative => panic!("sync: negative WaitGroup counter"),
        Refused::Overflow => panic!("sync: WaitGroup counter overflow"),
    }
}

future! {
    /// The future of [`WaitGroup::wait_async`], and an arm of a select.
    WaitGroupFuture<'a>(()) over ZeroSeek<'a> => () = |_nothing| ()
}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.zero.count())
            .finish()
    }
}
