//! A moment to come, as something to wait for.

use std::time::Duration;

use super::sleep::sleep_until_nanos;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// The moment that is `duration` away from this call, to be waited for: in a [`select!`](crate::select!), or
/// by [`recv`](After::recv).
///
/// It costs nothing until somebody waits, and may be waited for more than once: a moment that has come stays
/// ready. In a loop of selects an `after` made before the loop therefore fires in each turn from then on; a
/// [`Timer`](super::Timer) fires once.
///
/// # Go
/// `time.After(d)`, whose channel gives one value.
///
/// # Examples
/// ```
/// use rust_routines::{channel, select, time::{self, Duration}};
///
/// let (_tx, rx) = channel::bounded::<u32>(1);
/// let came = select! {
///     _ = rx.recv() => true,
///     time::after(Duration::from_millis(1)) => false,
/// };
/// assert!(!came);
/// ```
pub fn after(duration: Duration) -> After {
    After {
        at: clock::deadline(duration),
    }
}

/// See [`after`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct After {
    at: Nanos,
}

impl After {
    /// Waits for the moment, and returns it.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park).
    ///
    /// # Go
    /// `<-time.After(d)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{self, Duration, Instant};
    ///
    /// let moment = time::after(Duration::from_millis(1)).recv();
    /// assert!(Instant::now() >= moment);
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Instant {
        sleep_until_nanos(self.at);
        self.moment()
    }

    /// The arm that `after.recv()` stands for in a [`select!`](crate::select!): the value itself.
    pub fn recv_arm(&self) -> After {
        *self
    }

    /// The moment itself.
    pub fn moment(&self) -> Instant {
        Instant::from_nanos(self.at)
    }

    pub(crate) fn at(self) -> Nanos {
        self.at
    }
}
