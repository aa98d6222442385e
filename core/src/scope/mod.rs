//! Scopes: routines that borrow from one that waits for them.
//!
//! The owner's frame holds the [`Children`]; `spawn::children` says why nothing of it is touched after the
//! scope has returned. Between the first spawn and the end of the last wait nothing unwinds past the
//! owner: what the body panics with is caught and kept, the wait neither panics nor is cancelled. So
//! leaking handles, guards or scopes changes nothing: it is the owner's wait that makes it sound, not
//! a destructor.
//!
//! | file | what |
//! |---|---|
//! | `handle` | `ScopedJoinHandle` |
//! | `fallible` | `try_scope` |
//! | `race` | `join!`, `race!` |

mod fallible;
mod handle;
mod race;

pub use fallible::{TryJoinHandle, TryScope, try_scope};
pub use handle::ScopedJoinHandle;
pub use race::{Racers, join_or_rethrow, race};

use std::any::Any;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};

use crate::control::Outcome;
use crate::sched::forbid;
use crate::sched::park::{self, is_raised_here};
use crate::spawn::{Builder, Children, Request, is_restart_here, spawn_scoped};
use crate::sys::unwind::contain;
use crate::wait::shielded;

/// A scope to spawn routines in that may borrow; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    children: Children,
    /// Invariant in both, as that of `std::thread`: else `'scope` could shrink, and routines borrow what the scope
    /// outlives.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs `f`, which may spawn routines that borrow from the caller, and waits until all of them have ended.
///
/// `f` runs here, on the caller's stack. What it spawns with [`Scope::spawn`] may borrow whatever outlives
/// the scope, and from the scope itself, so routines can spawn others in it; and scopes nest. Works on plain
/// threads too: there the routines run on the global runtime.
///
/// A cancelled routine inside of a scope cancels those of the scope, waits for their end, and unwinds then;
/// so does one whose [`timeout`](crate::time::timeout) has passed: `time::timeout(duration, || routine::scope(..))` is a
/// scope with a deadline.
///
/// **Blocks** the calling routine, until all have ended; on a plain thread, the thread.
///
/// # Panics
/// Goes on with the panic of `f`, or with the first one of a routine whose handle nobody has joined, when all
/// have ended; a cancellation or a [`restart`](crate::routine::restart) in `f` gives way to that. A panic cancels
/// nobody: see [`try_scope`] for that. Under [`forbid_park`](crate::routine::forbid_park).
///
/// # Go
/// A `sync.WaitGroup` with `wg.Go(..)` and `wg.Wait()`.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let mut numbers = vec![1, 2, 3];
/// let mut squares = vec![0; 3];
/// let sum = routine::scope(|s| {
///     for (square, number) in squares.iter_mut().zip(&numbers) {
///         s.spawn(move || *square = number * number);
///     }
///     let sum = s.spawn(|| numbers.iter().sum::<i32>());
///     sum.join().unwrap()
/// });
/// numbers.push(4);
/// assert_eq!((sum, squares), (6, vec![1, 4, 9]));
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    forbid::check();
    let scope = Scope::new(false);
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.end(result)
}

/// Drops what nobody gets, before something else unwinds: its destructor is anybody's code, which neither takes
/// the place of that nor is cut short.
fn discard<X>(left: X) {
    contain(|| shielded(|| drop(left)));
}

impl<'scope, 'env> Scope<'scope, 'env> {
    fn new(fails_fast: bool) -> Self {
        Scope {
            children: Children::new(fails_fast),
            scope: PhantomData,
            env: PhantomData,
        }
    }

    /// Waits for the children, whatever has become of the body, and only then goes on or unwinds.
    fn end<T>(&self, result: Result<T, Box<dyn Any + Send>>) -> T {
        if result
            .as_ref()
            .is_err_and(|payload| is_raised_here(&**payload))
        {
            self.children.cancel();
        }
        let outcome = self.children.finish();
        let gathered = self.children.take_panic();
        match (result, gathered) {
            // A panic is news: a cancellation is met again, and a restart would hide it.
            (Err(payload), Some(gathered))
                if is_raised_here(&*payload) || is_restart_here(&*payload) =>
            {
                discard(payload);
                panic::resume_unwind(gathered)
            }
            (Err(payload), gathered) => {
                discard(gathered);
                panic::resume_unwind(payload)
            }
            (Ok(value), Some(gathered)) => {
                discard(value);
                panic::resume_unwind(gathered)
            }
            (Ok(value), None) if outcome == Outcome::Cancelled => {
                shielded(|| drop(value));
                park::raise()
            }
            (Ok(value), None) => value,
        }
    }

    /// Starts a routine of the scope that runs `f`.
    ///
    /// It may borrow whatever outlives the scope. The handle's `join` gives its result; without one the scope
    /// waits for it all the same.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// As [`routine::spawn`](crate::routine::spawn).
    ///
    /// # Go
    /// `wg.Go(f)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine;
    ///
    /// let text = String::from("text");
    /// routine::scope(|s| {
    ///     s.spawn(|| {
    ///         s.spawn(|| assert_eq!(text.len(), 4));
    ///     });
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(None, f) {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`spawn`](Scope::spawn), with what `builder` says; the same as [`Builder::spawn_scoped`].
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, Builder, Priority};
    ///
    /// let text = String::from("text");
    /// routine::scope(|s| {
    ///     let low = Builder::new().priority(Priority::Low);
    ///     let length = s.spawn_with(low, || text.len())?;
    ///     assert_eq!(length.join().unwrap(), 4);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Some(builder.request()?), f)
    }

    #[track_caller]
    fn start<F, T>(
        &'scope self,
        request: Option<Request>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: `&'scope self` is held by the body, which runs before the owner's `finish`, or by a routine
        // of the scope: nobody else can name `'scope`, in which it is invariant. `F` and `T` live as long as
        // that, and the owner leaves `scope` or unwinds past it after all ties have gone.
        let handle = unsafe { spawn_scoped(&self.children, request, f) }?;
        Ok(ScopedJoinHandle::new(handle, &self.children))
    }

    /// Cancels the routines of this scope, as [`abort`](crate::routine::JoinHandle::abort) does, and those that are spawned
    /// in it from now on; not the one that runs the scope.
    ///
    /// With `panic = "abort"` nothing is cancelled.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// The `cancel` of the context that all of them look at.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, time::{self, Duration}};
    ///
    /// routine::scope(|s| {
    ///     let ticker = s.spawn(|| time::sleep(Duration::from_secs(3600)));
    ///     s.cancel();
    ///     assert!(ticker.join().unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn cancel(&self) {
        self.children.cancel();
    }

    /// Whether its routines have been cancelled all together: by [`cancel`](Scope::cancel), or with the one that runs the
    /// scope.
    ///
    /// **Blocks**: never.
    pub fn is_cancelled(&self) -> bool {
        self.children.is_cancelled()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Starts a routine of `scope` that runs `f`, with what the builder says.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As [`spawn`](Builder::spawn).
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, Builder};
    ///
    /// let numbers = [1, 2, 3];
    /// routine::scope(|s| {
    ///     let sum = Builder::new().name("sum").spawn_scoped(s, || numbers.iter().sum::<i32>())?;
    ///     assert_eq!(sum.name(), Some("sum"));
    ///     assert_eq!(sum.join().unwrap(), 6);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.start(Some(self.request()?), f)
    }
}
