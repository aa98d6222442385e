//! A moment to come, as something to wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::sleep::sleep_until_nanos;
use super::wake::Wake;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// The moment that is `duration` away from this call, to be waited for: in a [`select!`](crate::select!), by
/// [`recv`](After::recv), or, in a task of any executor, by `await`.
///
/// It costs nothing until somebody waits, and may be waited for more than once: a moment that has come stays
/// ready. In a loop of selects an `after` made before the loop therefore fires in each turn from then on; a
/// [`Timer`](super::Timer) fires once, as `time.After` does. `after(Duration::MAX)` never comes: an arm of it is
/// what a nil channel is in Go.
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
    After::at(clock::deadline(duration))
}

/// See [`after`].
pub struct After {
    at: Nanos,
    /// While it waits as a future.
    wake: Option<Wake>,
}

impl After {
    fn at(at: Nanos) -> After {
        After { at, wake: None }
    }

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

    /// Waits for the moment in a task of any executor; awaiting the value itself does the same.
    ///
    /// In a routine, wait by [`recv`](After::recv) or in a `select!`: one that blocks its thread on a future
    /// keeps the worker from looking at the clock that the future waits for ([`Expiry`](super::Expiry)).
    ///
    /// **Blocks**: never; the future waits.
    pub fn recv_async(&self) -> After {
        self.clone()
    }

    /// The arm that `after.recv()` stands for in a [`select!`](crate::select!): the value itself.
    pub fn recv_arm(&self) -> After {
        self.clone()
    }

    /// The moment itself.
    pub fn moment(&self) -> Instant {
        Instant::from_nanos(self.at)
    }

    #[inline]
    pub(crate) fn nanos(&self) -> Nanos {
        self.at
    }

    pub(crate) fn has_come(&self) -> bool {
        self.at <= clock::now() && self.at != Nanos::MAX
    }

    /// Whether it waits as a future.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        self.wake.is_some()
    }
}

impl Future for After {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.has_come() {
            self.wake = None;
            return Poll::Ready(self.moment());
        }
        let (at, waker) = (self.at, cx.waker());
        if let Some(wake) = &self.wake {
            wake.set_waker(waker);
        }
        self.wake
            .get_or_insert_with(|| Wake::new(waker))
            .set(waker, at);
        Poll::Pending
    }
}

/// The same moment.
impl Clone for After {
    fn clone(&self) -> After {
        After::at(self.at)
    }
}

impl PartialEq for After {
    fn eq(&self, other: &After) -> bool {
        self.at == other.at
    }
}

impl Eq for After {}

impl fmt::Debug for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("After").field(&Due(self.at)).finish()
    }
}

/// How long it is until then, to be printed.
pub(super) struct Due(pub(super) Nanos);

impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.saturating_sub(clock::now())) {
            (Nanos::MAX, _) => f.write_str("never"),
            (_, away @ 1..) => write!(f, "in {:?}", Duration::from_nanos(away as u64)),
            (_, away) => write!(f, "{:?} ago", Duration::from_nanos(away.unsigned_abs())),
        }
    }
}
