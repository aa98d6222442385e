//! A condition with std's face: guards go in and come back.

use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use super::mutex::MutexGuard;
use crate::sync::condvar::WaitTimeoutResult;

/// [`sync::Condvar`](crate::sync::Condvar), for guards of the mutex that poisons, with std's face.
///
/// # Go
/// `sync.Cond`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::poison::{Condvar, Mutex}};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// let waits = routine::spawn(|| {
///     let mut ready = READY.lock().unwrap();
///     while !*ready {
///         ready = CHANGED.wait(ready).unwrap();
///     }
/// });
/// *READY.lock().unwrap() = true;
/// CHANGED.notify_one();
/// waits.join().unwrap();
/// ```
#[derive(Default, Debug)]
pub struct Condvar {
    inner: crate::sync::Condvar,
}

impl Condvar {
    /// A condition that nobody waits for.
    pub const fn new() -> Condvar {
        Condvar {
            inner: crate::sync::Condvar::new(),
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks it again.
    ///
    /// **Blocks** as [`sync::Condvar::wait`](crate::sync::Condvar::wait).
    ///
    /// # Errors
    /// The guard, if somebody has panicked meanwhile while it held the lock.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
    ) -> LockResult<MutexGuard<'a, T>> {
        self.inner.wait(&mut guard.inner);
        guard.judged()
    }

    /// Waits as long as `condition` says so.
    ///
    /// **Blocks** as [`wait`](Condvar::wait), again and again.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), for at most `timeout`.
    ///
    /// **Blocks** as there.
    ///
    /// # Errors
    /// As there, with the result.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let result = self.inner.wait_timeout(&mut guard.inner, timeout);
        pair(guard.judged(), result)
    }

    /// Waits as long as `condition` says so, for at most `timeout` in all.
    ///
    /// **Blocks** as [`wait_while`](Condvar::wait_while).
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait), with the result.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let result = self
            .inner
            .wait_timeout_while(&mut guard.inner, timeout, condition);
        pair(guard.judged(), result)
    }

    /// Wakes the one who has waited longest.
    ///
    /// **Blocks**: never.
    #[inline]
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// Wakes all who wait.
    ///
    /// **Blocks**: never.
    #[inline]
    pub fn notify_all(&self) {
        self.inner.notify_all();
    }
}

fn pair<G>(guard: LockResult<G>, result: WaitTimeoutResult) -> LockResult<(G, WaitTimeoutResult)> {
    match guard {
        Ok(guard) => Ok((guard, result)),
        Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), result))),
    }
}
