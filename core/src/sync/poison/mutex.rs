//! A mutex that poisons: ours, and a flag.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use super::flag::{Entered, Flag};
use crate::sync::mutex_guard::MutexGuard as Guard;

/// [`sync::Mutex`](crate::sync::Mutex), with poisoning and std's face.
///
/// # Go
/// `sync.Mutex`, which does not poison.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::poison::Mutex};
/// use std::sync::Arc;
///
/// let mutex = Arc::new(Mutex::new(1));
/// let other = mutex.clone();
/// let failed = routine::spawn(move || {
///     let _guard = other.lock().unwrap();
///     panic!("while it is held");
/// });
/// assert!(failed.join().is_err());
/// assert!(mutex.is_poisoned());
/// let value = mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
/// assert_eq!(*value, 1);
/// ```
pub struct Mutex<T: ?Sized> {
    flag: Flag,
    inner: crate::sync::Mutex<T>,
}

/// The right to the value of a [`Mutex`]; unlocks it when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    flag: &'a Flag,
    entered: Entered,
    pub(super) inner: Guard<'a, T>,
}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            flag: Flag::new(),
            inner: crate::sync::Mutex::new(value),
        }
    }

    /// The value, without the lock.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock).
    pub fn into_inner(self) -> LockResult<T> {
        let Mutex { flag, inner } = self;
        flag.judge(inner.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    #[inline]
    fn guard<'a>(&'a self, inner: Guard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard {
            flag: &self.flag,
            entered: self.flag.enter(),
            inner,
        }
    }

    /// Takes the lock.
    ///
    /// **Blocks** as [`sync::Mutex::lock`](crate::sync::Mutex::lock).
    ///
    /// # Errors
    /// The guard, if somebody has panicked while it held the lock.
    ///
    /// # Panics
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = self.inner.lock();
        self.flag.judge(self.guard(guard))
    }

    /// Takes the lock if it is free.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `WouldBlock` if it is held; `Poisoned` as [`lock`](Mutex::lock).
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Some(guard) => Ok(self.flag.judge(self.guard(guard))?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Whether somebody has panicked while it held the lock.
    pub fn is_poisoned(&self) -> bool {
        self.flag.is_set()
    }

    /// As if nobody had.
    pub fn clear_poison(&self) {
        self.flag.clear();
    }

    /// The value, through a unique reference that needs no lock.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock).
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let Mutex { flag, inner } = self;
        flag.judge(inner.get_mut())
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    pub(super) fn judged(self) -> LockResult<MutexGuard<'a, T>> {
        if self.flag.is_set() {
            Err(PoisonError::new(self))
        } else {
            Ok(self)
        }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.flag.leave(self.entered);
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mutex");
        match self.inner.try_lock() {
            Some(guard) => debug.field("data", &&*guard),
            None => debug.field("data", &format_args!("<locked>")),
        };
        debug
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
