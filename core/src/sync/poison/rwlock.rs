//! A read-write lock that poisons: ours, and a flag. Only writers poison: who reads changes nothing.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, TryLockError, TryLockResult};

use super::flag::{Entered, Flag};
use crate::sync::rwlock_guard::{RwLockReadGuard as ReadGuard, RwLockWriteGuard as WriteGuard};

/// [`sync::RwLock`](crate::sync::RwLock), with poisoning and std's face.
///
/// # Go
/// `sync.RWMutex`, which does not poison.
///
/// # Examples
/// ```
/// use rust_routines::sync::poison::RwLock;
///
/// let lock = RwLock::new(1);
/// *lock.write().unwrap() += 1;
/// assert_eq!(*lock.read().unwrap(), 2);
/// ```
pub struct RwLock<T: ?Sized> {
    flag: Flag,
    inner: crate::sync::RwLock<T>,
}

/// The right to read the value of a [`RwLock`]; given up when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    inner: ReadGuard<'a, T>,
}

/// The right to change the value of a [`RwLock`]; given up when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    flag: &'a Flag,
    entered: Entered,
    inner: WriteGuard<'a, T>,
}

impl<T> RwLock<T> {
    /// A lock around `value` that nobody holds.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            flag: Flag::new(),
            inner: crate::sync::RwLock::new(value),
        }
    }

    /// The value, without the lock.
    ///
    /// # Errors
    /// As [`read`](RwLock::read).
    pub fn into_inner(self) -> LockResult<T> {
        let RwLock { flag, inner } = self;
        flag.judge(inner.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    fn writer<'a>(&'a self, inner: WriteGuard<'a, T>) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard {
            flag: &self.flag,
            entered: self.flag.enter(),
            inner,
        }
    }

    /// Takes the lock for reading, with other readers.
    ///
    /// **Blocks** as [`sync::RwLock::read`](crate::sync::RwLock::read).
    ///
    /// # Errors
    /// The guard, if somebody has panicked while it wrote.
    ///
    /// # Panics
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let inner = self.inner.read();
        self.flag.judge(RwLockReadGuard { inner })
    }

    /// Takes the lock for reading, if no writer holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `WouldBlock` if one does; `Poisoned` as [`read`](RwLock::read).
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        match self.inner.try_read() {
            Some(inner) => Ok(self.flag.judge(RwLockReadGuard { inner })?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Takes the lock for writing, alone.
    ///
    /// **Blocks** as [`sync::RwLock::write`](crate::sync::RwLock::write).
    ///
    /// # Errors
    /// As [`read`](RwLock::read).
    ///
    /// # Panics
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let inner = self.inner.write();
        self.flag.judge(self.writer(inner))
    }

    /// Takes the lock for writing, if nobody holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `WouldBlock` if somebody does; `Poisoned` as [`read`](RwLock::read).
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        match self.inner.try_write() {
            Some(inner) => Ok(self.flag.judge(self.writer(inner))?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Whether somebody has panicked while it wrote.
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
    /// As [`read`](RwLock::read).
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let RwLock { flag, inner } = self;
        flag.judge(inner.get_mut())
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.flag.leave(self.entered);
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.inner.try_read() {
            Some(guard) => debug.field("data", &&*guard),
            None => debug.field("data", &format_args!("<locked>")),
        };
        debug
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
