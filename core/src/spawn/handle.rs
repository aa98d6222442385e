//! The handle of a routine: waiting for its result, on a routine, a thread or in a future.

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::abort::{self, AbortHandle, Unsupported};
use super::cell::Output;
use super::current::Id;
use super::error::JoinError;
use crate::control::{Header, Outcome, Reason};
use crate::queue::event::Before;
use crate::wait::{TaskWaiter, one, shielded};

/// The handle of a routine, from [`spawn`](super::spawn).
///
/// Dropping it detaches the routine: it goes on, and its result is dropped when it ends. As a
/// future it is the same as [`join`](JoinHandle::join) for tasks of any executor; a routine that
/// has been polled once can still be joined.
///
/// # Go
/// No counterpart: a `go` statement has no handle; Go programs use a `sync.WaitGroup` or a channel.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let handle = routine::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T> {
    /// A future's registration is found through the event, and a result that was given is an event
    /// that was abandoned, so that a handle is one pointer.
    output: Output<T>,
}

// SAFETY: sending a handle sends at most the result, which is `Send`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the result.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    pub(super) fn new(output: Output<T>) -> JoinHandle<T> {
        JoinHandle { output }
    }

    /// Waits for the routine's end and returns its result.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the payload if it panicked, [`JoinError::Cancelled`] if it was cancelled
    /// before it ended.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if the routine has not ended yet; and if
    /// the handle has given the result away as a future.
    ///
    /// # Go
    /// `wg.Wait()` for one goroutine.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, JoinError};
    ///
    /// let failed = routine::spawn(|| -> u32 { panic!("no luck") }).join();
    /// assert!(matches!(failed, Err(JoinError::Panicked(_))));
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        self.refuse_reuse();
        drop(self.withdraw_task());
        let outcome = one::wait(&self.header().ended, Reason::Join, None);
        debug_assert_eq!(outcome, Outcome::Woken);
        // Nobody looks at the event again, so it need not be abandoned first.
        let this = ManuallyDrop::new(self);
        let result = this.take();
        // SAFETY: `ended` is set; neither `this` nor its drop uses the output again.
        unsafe { this.output.release() };
        result
    }

    /// As `join`, with cancellation of the caller held off.
    #[track_caller]
    pub(super) fn join_shielded(self) -> Result<T, JoinError> {
        shielded(|| self.join())
    }

    /// Cancels the routine: it unwinds from where it waits, or from its next wait.
    ///
    /// Its destructors run, locks it holds are released, and [`join`](JoinHandle::join) returns
    /// [`JoinError::Cancelled`], unless it ends by itself first. It lands only where a routine waits - a channel,
    /// a lock, a socket, a sleep, a join, `yield_now` - and in [`check_cancelled`](crate::routine::check_cancelled); what was
    /// handed over before that is not lost: a value that was received is returned. A routine that has not
    /// started drops its closure and never runs. One that catches the unwinding meets it again at its next wait.
    /// Held off while the routine unwinds, in [`shield`](crate::routine::shield) and in
    /// [`blocking`](crate::routine::blocking); one in a [scope](crate::routine::scope) cancels the routines of the scope
    /// and waits for them first.
    ///
    /// **Blocks**: never; to wait for the end, `join`.
    ///
    /// # Errors
    /// [`Unsupported`] in a program that is built with `panic = "abort"`, where nothing can be unwound.
    ///
    /// # Go
    /// No counterpart: a goroutine ends by itself, when it looks at its context.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, Unsupported};
    ///
    /// let handle = routine::spawn(|| routine::park());
    /// handle.abort()?;
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// # Ok::<(), Unsupported>(())
    /// ```
    pub fn abort(&self) -> Result<(), Unsupported> {
        abort::abort(self.header().into())
    }

    /// A right to cancel the routine that can be given away, and outlives the handle.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine;
    ///
    /// let handle = routine::spawn(|| routine::park());
    /// let abort = handle.abort_handle();
    /// routine::spawn(move || abort.abort().unwrap());
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(self.output.share())
    }

    /// Whether the routine has ended, so that [`join`](JoinHandle::join) returns at once.
    ///
    /// **Blocks**: never.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine;
    ///
    /// let handle = routine::spawn(|| routine::park());
    /// assert!(!handle.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.header().ended.is_over()
    }

    /// The routine's number: unique in this process.
    pub fn id(&self) -> Id {
        Id::new(self.header().id())
    }

    /// The name it was given by [`Builder::name`](crate::routine::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.header().name().map(|name| &**name)
    }

    /// The routine itself, to unpark it.
    pub fn routine(&self) -> super::Routine {
        super::Routine::new(self.output.share())
    }

    #[inline]
    fn header(&self) -> &Header {
        self.output.header()
    }

    #[track_caller]
    fn refuse_reuse(&self) {
        let used = self.header().ended.is_abandoned();
        assert!(
            !used,
            "a JoinHandle was used again after it had given its result"
        );
    }

    fn take(&self) -> Result<T, JoinError> {
        // SAFETY: set (the callers have waited for that), and not abandoned yet.
        let result = unsafe { self.output.take() };
        result.expect("a routine that has ended has a result")
    }

    /// Takes a future's registration back, if there is one and the routine has not ended.
    fn withdraw_task(&self) -> Option<Arc<TaskWaiter>> {
        let waiter = self.header().ended.withdraw_any()?;
        // SAFETY: only this handle registers, tasks in `poll`; withdrawn, so the event's count is ours.
        Some(unsafe { TaskWaiter::from_waiter(waiter.cast()) })
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.refuse_reuse();
        if !this.is_finished() {
            let task = this.withdraw_task();
            if !this.is_finished() {
                let waker = cx.waker().clone();
                let task = match task {
                    Some(task) => {
                        task.set_waker(waker);
                        task
                    }
                    None => TaskWaiter::new(waker),
                };
                let waiter = TaskWaiter::into_waiter(task);
                if this.header().ended.register(waiter.cast()) {
                    return Poll::Pending;
                }
                // SAFETY: not registered, because it has ended; the count is still ours.
                drop(unsafe { TaskWaiter::from_waiter(waiter) });
            }
        }
        let result = this.take();
        this.header().ended.abandon();
        Poll::Ready(result)
    }
}

impl<T> JoinHandle<T> {
    /// Detaches the routine; its result, if it has ended and nobody has taken that.
    pub(crate) fn detach(self) -> Option<Result<T, JoinError>> {
        // SAFETY: its drop does not follow.
        unsafe { ManuallyDrop::new(self).abandon() }
    }

    /// # Safety
    /// The last use of the handle.
    unsafe fn abandon(&self) -> Option<Result<T, JoinError>> {
        match self.header().ended.abandon() {
            Before::Set => {
                // SAFETY: it was set, so the result is ours; nobody looks for it again.
                let result = unsafe { self.output.take() };
                // SAFETY: as above, and nothing uses the output again.
                unsafe { self.output.release() };
                return result;
            }
            // It gave the result as a future, so it was set before.
            // SAFETY: as above.
            Before::Abandoned => unsafe { self.output.release() },
            // SAFETY: our own registration, which nobody else can take off any more.
            Before::Waiter(waiter) => drop(unsafe { TaskWaiter::from_waiter(waiter.cast()) }),
            Before::Nobody => {}
        }
        None
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: nothing uses it afterwards.
        drop(unsafe { self.abandon() });
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
