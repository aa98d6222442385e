//! Cancelling a routine, and what it can do about it.

use std::fmt;
use std::io;
use std::ptr::NonNull;

use super::current::Id;
use crate::control::{Header, HeaderRef};
use crate::sched;
use crate::sched::park::raise_if_due_here;
use crate::wait::shielded;

/// Nothing can be cancelled in a program that is built with `panic = "abort"`: nothing can be unwound there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a routine cannot be cancelled in a program that is built with `panic = \"abort\"`: let it \
             look at a `CancelToken`, or build with `panic = \"unwind\"`",
        )
    }
}

impl std::error::Error for Unsupported {}

impl From<Unsupported> for io::Error {
    /// Of the kind `Unsupported`.
    fn from(unsupported: Unsupported) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, unsupported)
    }
}

/// See [`JoinHandle::abort`](super::JoinHandle::abort).
#[inline]
pub(super) fn abort(header: NonNull<Header>) -> Result<(), Unsupported> {
    if cfg!(panic = "abort") {
        return Err(Unsupported);
    }
    // SAFETY: the callers hold a count.
    unsafe { sched::abort::abort(header) };
    Ok(())
}

/// The right to cancel a routine, from [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle).
#[derive(Clone)]
pub struct AbortHandle {
    header: HeaderRef,
}

impl AbortHandle {
    pub(super) fn new(header: HeaderRef) -> AbortHandle {
        AbortHandle { header }
    }

    /// Cancels the routine, as [`JoinHandle::abort`](super::JoinHandle::abort); does nothing to one that has ended.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As there.
    pub fn abort(&self) -> Result<(), Unsupported> {
        abort(self.header.as_ptr())
    }

    /// Whether the routine has ended.
    ///
    /// **Blocks**: never.
    pub fn is_finished(&self) -> bool {
        self.header.ended.has_been_set()
    }

    /// The routine's number.
    pub fn id(&self) -> Id {
        Id::new(self.header.id())
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

/// Unwinds the routine that runs here if it has been cancelled, or if the time of a
/// [`timeout`](crate::time::timeout) around it has passed.
///
/// For long computations, which do not wait for anything: cancellation lands only where a routine waits, and
/// here. Does nothing while the routine unwinds and in a [`shield`]. It does not let others go, who may be the ones that
/// would cancel this one: [`checkpoint`](crate::routine::checkpoint) does, now and then.
///
/// **Blocks**: never.
///
/// # Go
/// `if ctx.Err() != nil { return }`.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let handle = routine::spawn(|| {
///     loop {
///         routine::check_cancelled();
///         // a piece of work
/// #       routine::yield_now();
///     }
/// });
/// handle.abort().unwrap();
/// assert!(handle.join().is_err());
/// ```
#[inline]
pub fn check_cancelled() {
    raise_if_due_here();
}

/// Runs `f` with cancellation held off, and the limits of [`timeout`](crate::time::timeout) around it too.
///
/// For what must not be left half done. A cancellation that comes meanwhile lands at the first wait after `f`.
/// Shields nest.
///
/// **Blocks** only if `f` does.
///
/// # Panics
/// Goes on with a panic of `f`.
///
/// # Go
/// `context.WithoutCancel`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, routine};
///
/// let (tx, rx) = channel::bounded(0);
/// let handle = routine::spawn(move || {
///     routine::shield(|| tx.send("whole").unwrap());
///     routine::park();
/// });
/// handle.abort().unwrap();
/// # let _ = &handle;
/// // Perhaps it had not started: then it never does. If it had, nothing gets between it and the send.
/// assert!(matches!(rx.recv(), Ok("whole") | Err(_)));
/// assert!(handle.join().is_err());
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    shielded(f)
}

#[cfg(all(test, panic = "unwind"))]
mod tests {
    use std::time::{Duration, Instant};

    use crate::{channel, routine, runtime};

    /// What travels to the home of a cancelled routine counts as one who knows it, and goes.
    #[test]
    fn a_cancellation_keeps_nothing() {
        let runtime = runtime::Builder::new().workers(1).build().unwrap();
        let (tx, parked) = channel::bounded(1);
        let parks = runtime.spawn(move || {
            tx.send(()).unwrap();
            routine::park();
        });
        parked.recv().unwrap();
        // It parks, and can be reached.
        runtime.spawn(|| ()).join().unwrap();
        let abort = parks.abort_handle();
        assert!(abort.header.count() > 1);
        abort.abort().unwrap();
        assert!(parks.join().unwrap_err().is_cancelled());
        // Whoever wakes the one that joins holds it for a moment.
        let start = Instant::now();
        while abort.header.count() > 1 {
            assert!(start.elapsed() < Duration::from_secs(30), "for good");
            std::thread::yield_now();
        }
    }
}
