//! `join!` and `race!`: a few closures at once, as routines of a scope.
//!
//! The macros, in lib.rs, are macros by example over what is here: each closure has a type of its own, and a tuple
//! of results is something that no function can return for any number of them.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use super::{Scope, ScopedJoinHandle};
use crate::prim::SpinLock;
use crate::sched::forbid;
use crate::sched::park::raise_if_due_here;
use crate::spawn::JoinError;
use crate::wait::shielded;

/// The closures of a race. `T: 'env` as in [`TryScope`](super::TryScope).
pub struct Racers<'scope, 'env: 'scope, T: 'env> {
    scope: Scope<'scope, 'env>,
    winner: SpinLock<Option<T>>,
}

/// Expanded: runs what `enter` enters.
#[track_caller]
pub fn race<'env, T, F>(enter: F) -> T
where
    T: Send + 'env,
    F: for<'scope> FnOnce(&'scope Racers<'scope, 'env, T>),
{
    if cfg!(panic = "abort") {
        refuse();
    }
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
            shielded(|| drop(late));
        }));
    }
}

/// Expanded: the result of one of the closures.
#[track_caller]
pub fn join_or_rethrow<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(JoinError::Panicked(payload)) => payload.resume(),
        Err(JoinError::Cancelled) => gone("join!"),
    }
}

#[cold]
#[track_caller]
fn refuse() -> ! {
    panic!(
        "race!: this program is built with `panic = \"abort\"`, so those who lose cannot be unwound; \
         let them look at a `CancelToken`, or build with `panic = \"unwind\"`"
    )
}

/// Nobody has a result: they were cancelled with their runtime, and so is a caller that is one of its routines.
#[track_caller]
fn gone(what: &str) -> ! {
    raise_if_due_here();
    panic!("{what}: the runtime was shut down before the routines ended")
}

impl<'env, T: 'env> fmt::Debug for Racers<'_, 'env, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Racers { .. }")
    }
}
