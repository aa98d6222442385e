//! A timer that expires once, and can be stopped and set anew.

use std::fmt;
use std::time::Duration;

use super::expiry::Expiry;
use super::ticks::Ticks;
use crate::sched::clock;
use crate::wait::instant::Instant;

/// A timer: from its expiry on one receive gets the moment of that.
///
/// It may be shared: who stops or resets it need not be who waits. After [`stop`](Timer::stop) or
/// [`reset`](Timer::reset) nothing of the old setting can be received. It holds nothing that outlives it:
/// dropping it is enough.
///
/// # Go
/// `time.Timer`, with the rules of Go 1.23; for a function see [`after_func`](super::after_func).
///
/// # Examples
/// ```
/// use rust_routines::time::{Duration, Timer};
/// use rust_routines::{channel, select};
///
/// let (_tx, rx) = channel::bounded::<u32>(1);
/// let timer = Timer::new(Duration::from_millis(1));
/// let text = select! {
///     value = rx.recv() => format!("{value:?}"),
///     timer.recv() => "nothing came".to_string(),
/// };
/// assert_eq!(text, "nothing came");
/// ```
pub struct Timer {
    ticks: Ticks,
}

impl Timer {
    /// A timer that expires when `duration` has passed.
    ///
    /// # Go
    /// `time.NewTimer(d)`.
    pub fn new(duration: Duration) -> Timer {
        Timer {
            ticks: Ticks::new(clock::deadline(duration), None),
        }
    }

    /// A timer that expires at `moment`; at once if that has passed.
    ///
    /// # Go
    /// `time.NewTimer(time.Until(t))`.
    pub fn at(moment: Instant) -> Timer {
        Timer {
            ticks: Ticks::new(moment.nanos(), None),
        }
    }

    /// Waits for the expiry, and returns its moment, also if that was long ago.
    ///
    /// Of several who wait one gets it; the others, and who waits for a timer that was stopped, wait until
    /// it is reset.
    ///
    /// **Blocks** the routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `<-t.C`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{Duration, Instant, Timer};
    ///
    /// let start = Instant::now();
    /// let timer = Timer::new(Duration::from_millis(1));
    /// assert!(timer.recv() >= start + Duration::from_millis(1));
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Instant {
        self.ticks.recv()
    }

    /// The moment of the expiry, if there was one that nobody has received.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `select { case at := <-t.C: default: }`.
    pub fn try_recv(&self) -> Option<Instant> {
        self.ticks.take()
    }

    /// Receives the expiry in a task of any executor; not for `block_on` in a routine ([`Expiry`]). Cancel-safe.
    ///
    /// **Blocks**: never; the future waits.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{Duration, Timer};
    /// # use std::{future::Future, pin::pin, sync::Arc, task::{Context, Poll, Wake}, thread};
    /// # struct Unpark(thread::Thread);
    /// # impl Wake for Unpark { fn wake(self: Arc<Self>) { self.0.unpark() } }
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let waker = Arc::new(Unpark(thread::current())).into();
    /// #     let mut future = pin!(future);
    /// #     loop {
    /// #         match future.as_mut().poll(&mut Context::from_waker(&waker)) {
    /// #             Poll::Ready(output) => return output,
    /// #             Poll::Pending => thread::park(),
    /// #         }
    /// #     }
    /// # }
    ///
    /// let timer = Timer::new(Duration::from_millis(1));
    /// block_on(async { timer.recv_async().await });
    /// ```
    pub fn recv_async(&self) -> Expiry<'_> {
        Expiry::new(&self.ticks)
    }

    /// The arm that `timer.recv()` stands for in a [`select!`](crate::select!).
    pub fn recv_arm(&self) -> Expiry<'_> {
        Expiry::new(&self.ticks)
    }

    /// Stops the timer: `true` if that prevents a receive.
    ///
    /// So also if it has expired and nobody has received that: it cannot be received any more. `false` if it
    /// was received or stopped before.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `t.Stop()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{Duration, Timer};
    ///
    /// let timer = Timer::new(Duration::ZERO);
    /// assert!(timer.stop());
    /// assert_eq!(timer.try_recv(), None);
    /// assert!(!timer.stop());
    /// ```
    pub fn stop(&self) -> bool {
        self.ticks.stop()
    }

    /// Sets the timer anew: it expires when `duration` has passed from now; what [`stop`](Timer::stop)
    /// would have returned.
    ///
    /// Nothing of the old setting can be received any more. Those who wait, wait for the new expiry.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `t.Reset(d)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{Duration, Timer};
    ///
    /// let timer = Timer::new(Duration::from_secs(3600));
    /// assert!(timer.reset(Duration::ZERO));
    /// assert!(timer.try_recv().is_some());
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        self.ticks.reset(clock::deadline(duration), None)
    }

    /// As [`reset`](Timer::reset), for a moment.
    ///
    /// # Go
    /// `t.Reset(time.Until(moment))`.
    pub fn reset_at(&self, moment: Instant) -> bool {
        self.ticks.reset(moment.nanos(), None)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timer").field(&self.ticks).finish()
    }
}
