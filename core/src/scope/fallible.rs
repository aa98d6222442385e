//! `try_scope`: the first failure cancels the others.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Scope, ScopedJoinHandle};
use crate::prim::SpinLock;
use crate::sched::forbid;
use crate::select::Arm;
use crate::spawn::{AbortHandle, Builder, Id, JoinError, Request, Routine, Unsupported};
use crate::wait::shielded;

/// A scope of routines that may fail; see [`try_scope`].
// `E: 'env`: without it a closure knows two things that outlive `'scope`, which are not ordered, and the compiler asks
// of what it borrows to outlive both: `'static`. Then an error with a lifetime, be it that of `Box<dyn Error>`, forbids
// every borrow.
pub struct TryScope<'scope, 'env: 'scope, E: 'env> {
    scope: Scope<'scope, 'env>,
    first: SpinLock<Option<E>>,
}

/// As [`scope`](super::scope), for routines that may fail: the first `Err` cancels the others and is returned, when all have
/// ended.
///
/// The body's own `Err` counts like that of a routine. It runs on, whatever fails: what it waits for from a routine
/// of the scope ends with that - a `join` with an error, a channel whose other end is dropped. A wait for anybody else
/// goes on: let a routine of the scope do that, which is cancelled. A panic cancels the others too, and so does a
/// [`restart`](crate::routine::restart) of the body, which leaves nobody to return an error to. With `panic = "abort"`
/// nobody is cancelled: they end when they do.
///
/// **Blocks** as [`scope`](super::scope).
///
/// # Errors
/// The first one of the body or of a routine of the scope.
///
/// # Panics
/// As [`scope`](super::scope); a panic is worse than an error, and goes first.
///
/// # Go
/// `errgroup.WithContext` of `golang.org/x/sync`; for its `SetLimit` acquire a permit of a
/// [`Semaphore`](crate::sync::Semaphore) before each spawn and move it into the routine.
///
/// # Examples
/// ```
/// use rust_routines::{routine, time::{self, Duration}};
///
/// let answer: Result<(), String> = routine::try_scope(|s| {
///     s.spawn(|| {
///         time::sleep(Duration::from_secs(3600));
///         Ok(())
///     });
///     s.spawn(|| Err::<(), _>("no such host".to_string()));
///     Ok(())
/// });
/// assert_eq!(answer.unwrap_err(), "no such host");
/// ```
/// With `?` in the routines the compiler asks for the type of the errors; say it where the body ends:
/// ```
/// use rust_routines::routine;
/// use std::num::ParseIntError;
///
/// let (mut a, mut b) = (0, 0);
/// routine::try_scope(|s| {
///     s.spawn(|| { a = "1".parse()?; Ok(()) });
///     s.spawn(|| { b = "2".parse()?; Ok(()) });
///     Ok::<(), ParseIntError>(())
/// })?;
/// assert_eq!(a + b, 3);
/// # Ok::<(), ParseIntError>(())
/// ```
#[track_caller]
pub fn try_scope<'env, F, T, E>(f: F) -> Result<T, E>
where
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, E>,
    E: Send + 'env,
{
    forbid::check();
    let scope = TryScope {
        scope: Scope::new(true),
        first: SpinLock::new(None),
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let result = scope.end(result);
    match scope.first.lock().take() {
        Some(error) => Err(error),
        None => Ok(result.expect("without an error the body has returned a value")),
    }
}

impl<'scope, 'env, E: Send> TryScope<'scope, 'env, E> {
    /// The value of the body, unless it or one of the others has failed.
    fn end<T>(&self, result: Result<Result<T, E>, Box<dyn Any + Send>>) -> Option<T> {
        let result = match result {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(error)) => {
                self.fail(error);
                Ok(None)
            }
            Err(payload) => {
                self.scope.cancel();
                Err(payload)
            }
        };
        self.scope.end(result)
    }

    fn fail(&self, error: E) {
        let mut first = self.first.lock();
        // Dropped without the lock.
        let later = match &*first {
            None => first.replace(error),
            Some(_) => Some(error),
        };
        drop(first);
        shielded(|| drop(later));
        self.scope.cancel();
    }

    /// Starts a routine of the scope that runs `f`; its `Err` cancels the others.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// As [`routine::spawn`](crate::routine::spawn).
    ///
    /// # Go
    /// `group.Go(f)`.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> TryJoinHandle<'scope, T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(None, f) {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`spawn`](TryScope::spawn), with what `builder` says.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> io::Result<TryJoinHandle<'scope, T>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Some(builder.request()?), f)
    }

    #[track_caller]
    fn start<F, T>(
        &'scope self,
        request: Option<Request>,
        f: F,
    ) -> io::Result<TryJoinHandle<'scope, T>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        let f = move || match f() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(error);
                None
            }
        };
        let handle = self.scope.start(request, f)?;
        Ok(TryJoinHandle { handle })
    }

    /// As [`Scope::cancel`].
    pub fn cancel(&self) {
        self.scope.cancel();
    }

    /// As [`Scope::is_cancelled`]; also after a failure.
    pub fn is_cancelled(&self) -> bool {
        self.scope.is_cancelled()
    }
}

impl<'env, E: 'env> fmt::Debug for TryScope<'_, 'env, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope")
            .field("is_cancelled", &self.scope.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// The handle of a routine of a [`try_scope`]. As a future and as an arm of a select it gives what `join` does.
pub struct TryJoinHandle<'scope, T> {
    handle: ScopedJoinHandle<'scope, Option<T>>,
}

impl<T> TryJoinHandle<'_, T> {
    /// Waits for the routine's end and returns its value.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the payload; [`JoinError::Cancelled`] if it was cancelled, or if it has failed:
    /// the scope returns its error.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if the routine has not ended yet.
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        unless_failed(self.handle.join())
    }

    /// Cancels the routine; see [`JoinHandle::abort`](crate::routine::JoinHandle::abort).
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As there.
    pub fn abort(&self) -> Result<(), Unsupported> {
        self.handle.abort()
    }

    /// See [`JoinHandle::abort_handle`](crate::routine::JoinHandle::abort_handle).
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.abort_handle()
    }

    /// Whether the routine has ended.
    ///
    /// **Blocks**: never.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The routine's number.
    pub fn id(&self) -> Id {
        self.handle.id()
    }

    /// The name it was given by [`Builder::name`].
    pub fn name(&self) -> Option<&str> {
        self.handle.name()
    }

    /// The routine itself, to unpark it.
    pub fn routine(&self) -> Routine {
        self.handle.routine()
    }
}

/// What the routine returns, unless it has failed.
fn unless_failed<T>(joined: Result<Option<T>, JoinError>) -> Result<T, JoinError> {
    joined?.ok_or(JoinError::Cancelled)
}

impl<T> Future for TryJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(&mut self.handle), cx).map(unless_failed)
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for TryJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(&mut self.handle), cx).map(unless_failed)
    }
}

impl<T> fmt::Debug for TryJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryJoinHandle")
            .field("id", &self.id())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
