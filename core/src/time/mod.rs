//! Time: instants of the runtime's clock, and sleeping.
//!
//! Everything that waits reads the clock through here, so that a group of routines can be given a
//! clock of its own later. Timers live with the worker of the routine that sleeps: no thread of
//! their own, no allocation beyond the worker's table.

pub use crate::wait::instant::Instant;
pub use std::time::Duration;

use std::ptr::NonNull;

use crate::control::{Outcome, Reason, Unlink};
use crate::sched::park::{raise, raise_if_cancelled};
use crate::sched::{forbid, with_core};
use crate::sys::clock::{self, Nanos};

/// A wait that only the clock ends: giving it up always succeeds.
struct Alone;

impl Unlink for Alone {
    fn unlink(&self) -> bool {
        true
    }
}

/// Sleeps for at least `duration`.
///
/// **Blocks** the routine; on a plain thread, the thread. A duration of zero returns at once. One
/// that ends beyond the clock's range (292 years) sleeps for good.
///
/// # Panics
/// Under [`forbid_park`](crate::routine::forbid_park).
///
/// # Go
/// `time.Sleep`.
///
/// # Examples
/// ```
/// use rust_routines::time::{self, Duration, Instant};
///
/// rust_routines::run(|| {
///     let start = Instant::now();
///     time::sleep(Duration::from_millis(2));
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    if !duration.is_zero() {
        sleep_until_nanos(clock::deadline(duration));
    }
}

/// Sleeps until `deadline`; returns at once if that has passed.
///
/// **Blocks** the routine; on a plain thread, the thread.
///
/// # Panics
/// Under [`forbid_park`](crate::routine::forbid_park).
///
/// # Go
/// `time.Sleep(time.Until(t))`.
///
/// # Examples
/// ```
/// use rust_routines::time::{self, Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(1);
/// time::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) {
    sleep_until_nanos(deadline.nanos());
}

#[track_caller]
fn sleep_until_nanos(at: Nanos) {
    forbid::check();
    with_core(|core| {
        let Some((core, body)) = core.and_then(|core| Some((core, core.current()?))) else {
            return sleep_thread(at);
        };
        // SAFETY: the current routine.
        raise_if_cancelled(unsafe { body.as_ref() });
        if at <= clock::now() {
            return;
        }
        // SAFETY: `Alone` is a static; only the home ends this wait.
        let outcome = unsafe { core.wait(body, NonNull::from(&Alone), Reason::Sleep, Some(at)) };
        if outcome == Outcome::Cancelled {
            raise();
        }
    });
}

/// An arm of a [`select!`](crate::select!) that is ready when `duration` has passed since this call.
///
/// # Go
/// `time.After(d)`.
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
    pub(crate) fn at(self) -> Nanos {
        self.at
    }
}

fn sleep_thread(at: Nanos) {
    loop {
        let left = clock::until(at);
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left);
    }
}
