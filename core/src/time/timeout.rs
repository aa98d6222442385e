//! A limit for everything that waits inside of a function.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::sched::{clock, limit};
use crate::wait::instant::Instant;

/// The time of a [`timeout`] has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time-out has passed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    /// Of the kind `TimedOut`.
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `f`, which may wait until `duration` has passed, and not longer.
///
/// `f` runs here, on the caller's stack, and may borrow. If the time has passed when it waits for something
/// or is about to - a channel, a lock, a socket, a sleep, a join, `yield_now` - it is unwound from there: its
/// destructors run, and the result is `Err`. What was handed over in time is not lost: a value that
/// was received is returned. A function that does not wait any more is not interrupted, and its result
/// is `Ok`, however late.
///
/// Limits nest; the earliest counts, and [`deadline`] says it. A `catch_unwind` in `f` that swallows the unwinding meets it again at
/// the next wait. Routines that `f` spawns are not limited; destructors that wait while unwinding, even inside
/// of a `timeout` of their own, and the wait in [`run`](crate::run) are not either. Works on plain threads too, where calls of the standard
/// library that block are not limited.
///
/// Unwinding is what a panic does: a lock of std that is held over the wait is poisoned, a `LazyLock` whose
/// initialiser waits stays so.
///
/// Costs one look at the clock; a timer is set only if something waits.
///
/// **Blocks** only if `f` does.
///
/// # Errors
/// [`Elapsed`] if `f` was unwound.
///
/// # Panics
/// Goes on with a panic of `f`. In a program that is built with `panic = "abort"`, where nothing can be
/// unwound: use what has a time-out of its own there.
///
/// # Go
/// `context.WithTimeout`, where each call has to be told.
///
/// # Examples
/// ```
/// use rust_routines::{channel, time::{self, Duration, Elapsed}};
///
/// let (_tx, rx) = channel::bounded::<u32>(1);
/// let result = time::timeout(Duration::from_millis(1), || {
///     let first = rx.recv().unwrap();
///     let second = rx.recv().unwrap();
///     first + second
/// });
/// assert_eq!(result, Err(time::Elapsed));
/// ```
#[track_caller]
pub fn timeout<R>(duration: Duration, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    within(clock::deadline(duration), f)
}

/// As [`timeout`], until `deadline`.
///
/// # Errors
/// As [`timeout`].
///
/// # Panics
/// As [`timeout`].
///
/// # Go
/// `context.WithDeadline`.
#[track_caller]
pub fn timeout_at<R>(deadline: Instant, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    within(deadline.nanos(), f)
}

/// When the time of the [`timeout`]s around the caller has passed; `None` if there is none.
///
/// Limits do not reach what the caller spawns: hand this down, for [`timeout_at`] there.
///
/// **Blocks**: never.
///
/// # Go
/// `ctx.Deadline()`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, time::{self, Duration, Instant}};
///
/// assert_eq!(time::deadline(), None);
/// let ended = time::timeout(Duration::from_millis(1), || {
///     let deadline = time::deadline().unwrap();
///     let child = routine::spawn(move || {
///         time::timeout_at(deadline, || time::sleep(Duration::from_secs(3600)))
///     });
///     child.join().unwrap()
/// });
/// assert!(ended.is_err() || ended == Ok(Err(time::Elapsed)));
/// ```
pub fn deadline() -> Option<Instant> {
    limit::in_force().map(Instant::from_nanos)
}

#[inline]
#[track_caller]
fn within<R>(at: clock::Nanos, f: impl FnOnce() -> R) -> Result<R, Elapsed> {
    if cfg!(panic = "abort") {
        refuse();
    }
    limit::within(at, f).ok_or(Elapsed)
}

#[cold]
#[track_caller]
fn refuse() -> ! {
    panic!(
        "timeout: this program is built with `panic = \"abort\"`, so nothing can be unwound when the \
         time has passed; use calls with a time-out of their own, or build with `panic = \"unwind\"`"
    )
}
