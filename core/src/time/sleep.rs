//! Sleeping: a wait that only the clock ends.

use std::ptr::NonNull;
use std::time::Duration;

use crate::control::{Outcome, Reason, Unlink};
use crate::sched::clock::{self, Nanos};
use crate::sched::park::{raise, raise_if_due, raise_if_due_here};
use crate::sched::{forbid, limit, with_core};
use crate::spawn::yield_now;
use crate::wait::instant::Instant;

/// Giving it up always succeeds.
struct Alone;

impl Unlink for Alone {
    fn unlink(&self) -> bool {
        true
    }
}

/// Sleeps for at least `duration`.
///
/// **Blocks** the routine; on a plain thread, the thread. A duration of zero returns at once. One
/// that ends beyond the clock's range (292 years) sleeps for good. Any other lets others go first, however short it
/// is.
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
    if !duration.is_zero() && !sleep_until_nanos(clock::deadline(duration)) {
        // Over before it had begun. A loop around it waits for others all the same.
        yield_now();
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

/// Whether there was anything to wait for.
#[track_caller]
pub(super) fn sleep_until_nanos(at: Nanos) -> bool {
    forbid::check();
    with_core(|core| {
        let Some((core, body)) = core.and_then(|core| Some((core, core.current()?))) else {
            return sleep_thread(at);
        };
        // SAFETY: the current routine.
        raise_if_due(unsafe { body.as_ref() });
        if at <= clock::now() {
            return false;
        }
        // SAFETY: `Alone` is a static; only the home ends this wait.
        let outcome = unsafe { core.wait(body, NonNull::from(&Alone), Reason::Sleep, Some(at)) };
        if outcome == Outcome::Cancelled {
            raise();
        }
        true
    })
}

fn sleep_thread(at: Nanos) -> bool {
    let mut has_slept = false;
    loop {
        raise_if_due_here();
        if clock::until(at).is_zero() {
            return has_slept;
        }
        has_slept = true;
        let until = limit::on_thread().map_or(at, |limit| at.min(limit));
        std::thread::sleep(clock::until(until));
    }
}
