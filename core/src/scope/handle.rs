//! The handle of a routine of a scope.

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::select::Arm;
use crate::spawn::{AbortHandle, Children, Id, JoinError, JoinHandle, Routine, Unsupported};
use crate::sys::unwind::contain;

/// The handle of a routine of a [scope](super::scope), from [`Scope::spawn`](super::Scope::spawn).
///
/// Dropping it, or leaking it, detaches nothing: the scope waits for its routines. A panic that nobody has
/// joined then goes on in the scope's owner. As a future and as an arm of a select it gives what `join` does.
///
/// # Go
/// No counterpart: a `go` statement has no handle.
pub struct ScopedJoinHandle<'scope, T> {
    /// Gone in `join` and in the drop only.
    handle: ManuallyDrop<JoinHandle<T>>,
    children: &'scope Children,
}

impl<'scope, T> ScopedJoinHandle<'scope, T> {
    pub(super) fn new(handle: JoinHandle<T>, children: &'scope Children) -> Self {
        ScopedJoinHandle {
            handle: ManuallyDrop::new(handle),
            children,
        }
    }

    fn into_handle(self) -> JoinHandle<T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once; neither `this` nor its drop is used again.
        unsafe { ManuallyDrop::take(&mut this.handle) }
    }

    /// Waits for the routine's end and returns its result.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the payload, which the scope then does not go on with;
    /// [`JoinError::Cancelled`].
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if the routine has not ended yet; and if the handle has
    /// given the result away as a future.
    ///
    /// # Go
    /// `wg.Wait()` for one goroutine.
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        self.into_handle().join()
    }

    /// Cancels the routine; see [`JoinHandle::abort`].
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As there.
    pub fn abort(&self) -> Result<(), Unsupported> {
        self.handle.abort()
    }

    /// See [`JoinHandle::abort_handle`].
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.abort_handle()
    }

    /// Whether the routine has ended, so that [`join`](ScopedJoinHandle::join) returns at once.
    ///
    /// **Blocks**: never.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The routine's number.
    pub fn id(&self) -> Id {
        self.handle.id()
    }

    /// The name it was given by [`Builder::name`](crate::routine::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.handle.name()
    }

    /// The routine itself, to unpark it.
    pub fn routine(&self) -> Routine {
        self.handle.routine()
    }
}

impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.handle).poll(cx)
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.handle).poll(cx)
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        // SAFETY: taken once, in the drop.
        let handle = unsafe { ManuallyDrop::take(&mut self.handle) };
        match handle.detach() {
            Some(Err(JoinError::Panicked(payload))) => {
                self.children.note_panic(payload.into_inner())
            }
            // As if the routine had ended later, and had dropped it.
            left => contain(|| drop(left)),
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
