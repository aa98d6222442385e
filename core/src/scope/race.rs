//! `join!` and `race!`: a few closures at once, as routines of a scope.
//!
//! Macros by example, over ordinary calls: each closure has a type of its own, and a tuple of results is
//! something that no function can return for any number of them.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use super::{Scope, ScopedJoinHandle};
use crate::prim::SpinLock;
use crate::sched::forbid;
use crate::sched::park::raise_if_due_here;
use crate::spawn::JoinError;

/// Runs closures at the same time, as routines that may borrow from here, and waits for all of them: the tuple of
/// their results.
///
/// **Blocks** the calling routine; on a plain thread, the thread.
///
/// # Panics
/// With the panic of the first closure, in the order in which they are written, that has panicked, when all have
/// ended. As [`routine::scope`](crate::routine::scope) otherwise: who is cancelled in it cancels them.
///
/// # Go
/// A `sync.WaitGroup` with a variable for each result.
///
/// # Examples
/// ```
/// use rust_routines::join;
///
/// let text = String::from("some text");
/// let (words, letters) = join!(|| text.split(' ').count(), || text.len());
/// assert_eq!((words, letters), (2, 9));
/// ```
#[macro_export]
macro_rules! join {
    ($($f:expr),+ $(,)?) => {
        $crate::routine::scope(|scope| $crate::__join!(scope [] $($f,)+))
    };
}

/// The steps of `join!`: spawns one after the other, then joins; not for use by hand.
#[doc(hidden)]
#[macro_export]
macro_rules! __join {
    ($scope:ident [$($handle:ident)*] $f:expr, $($rest:expr,)*) => {{
        let handle = $scope.spawn($f);
        $crate::__join!($scope [$($handle)* handle] $($rest,)*)
    }};
    ($scope:ident [$($handle:ident)+]) => {
        ($($crate::__private::join_or_rethrow($handle),)+)
    };
}

/// Runs closures at the same time, as routines that may borrow from here; the first one that returns wins: the others
/// are cancelled, and when they have ended, its result is returned.
///
/// They unwind where they wait, or where they wait next; one that never waits runs on to its end, and the race waits
/// for it ([`check_cancelled`](crate::routine::check_cancelled) helps). All return the same type.
///
/// **Blocks** the calling routine, until all have ended; on a plain thread, the thread.
///
/// # Panics
/// If one panics: the others are cancelled, and the panic goes on when they have ended, even if another one has won
/// before. If the runtime is being shut down, so that nobody wins. As
/// [`routine::scope`](crate::routine::scope) otherwise: who is cancelled in it cancels them.
///
/// # Go
/// A `select` over a channel for each, and a context to cancel the others with.
///
/// # Examples
/// ```
/// use rust_routines::{race, time::{self, Duration}};
///
/// let first = race!(
///     || {
///         time::sleep(Duration::from_secs(3600));
///         "slow"
///     },
///     || "fast",
/// );
/// assert_eq!(first, "fast");
/// ```
#[macro_export]
macro_rules! race {
    ($($f:expr),+ $(,)?) => {
        $crate::__private::race(|racers| {
            $(racers.enter($f);)+
        })
    };
}

/// The closures of a race.
pub struct Racers<'scope, 'env: 'scope, T> {
    scope: Scope<'scope, 'env>,
    winner: SpinLock<Option<T>>,
}

/// Expanded: runs what `enter` enters.
#[track_caller]
pub fn race<'env, T, F>(enter: F) -> T
where
    T: Send,
    F: for<'scope> FnOnce(&'scope Racers<'scope, 'env, T>),
{
    forbid::check();
    let racers = Racers {
        scope: Scope::new(true),
        winner: SpinLock::new(None),
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| enter(&racers)));
    if result.is_err() {
        racers.scope.cancel();
    }
    racers.scope.end(result);
    let winner = racers.winner.lock().take();
    winner.unwrap_or_else(|| gone("race!"))
}

impl<'scope, T: Send> Racers<'scope, '_, T> {
    /// Expanded: starts one.
    #[track_caller]
    pub fn enter<F: FnOnce() -> T + Send + 'scope>(&'scope self, f: F) {
        drop(self.scope.spawn(move || {
            let value = f();
            let mut winner = self.winner.lock();
            // Dropped without the lock.
            let late = match &*winner {
                None => winner.replace(value),
                Some(_) => Some(value),
            };
            drop(winner);
            self.scope.cancel();
            drop(late);
        }));
    }
}

/// Expanded: the result of one of the closures.
#[track_caller]
pub fn join_or_rethrow<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(JoinError::Panicked(payload)) => panic::resume_unwind(payload),
        Err(JoinError::Cancelled) => gone("join!"),
    }
}

/// Nobody has a result: they were cancelled with their runtime, and so is a caller that is one of its routines.
#[track_caller]
fn gone(what: &str) -> ! {
    raise_if_due_here();
    panic!("{what}: the runtime was shut down before the routines ended")
}

impl<T> fmt::Debug for Racers<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Racers { .. }")
    }
}
