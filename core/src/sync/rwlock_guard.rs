//! The guards of a read-write lock: of a borrowed one, of one in an `Arc`, and of a part of a value.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::guard::{Moves, Stays, deref, deref_mut};
use super::raw::RawRwLock;
use super::rwlock::RwLock;
use super::watch;

/// The right to read the value of a [`RwLock`]; given up when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized, M = Stays> {
    lock: &'a RwLock<T>,
    kind: PhantomData<M>,
}

/// The right to change the value of a [`RwLock`]; given up when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized, M = Stays> {
    lock: &'a RwLock<T>,
    kind: PhantomData<M>,
}

/// As [`RwLockReadGuard`], of a lock in an [`Arc`]: it borrows nothing, and may be sent.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcRwLockReadGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

/// As [`RwLockWriteGuard`], of a lock in an [`Arc`]: it borrows nothing, and may be sent.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcRwLockWriteGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

/// The right to read a part of the value of a [`RwLock`]. From [`RwLockReadGuard::map`].
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockReadGuard<'a, T: ?Sized, M = Stays> {
    raw: &'a RawRwLock,
    value: *const T,
    kind: PhantomData<(&'a T, M)>,
}

/// The right to change a part of the value of a [`RwLock`]. From [`RwLockWriteGuard::map`].
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized, M = Stays> {
    raw: &'a RawRwLock,
    value: *mut T,
    kind: PhantomData<(&'a mut T, M)>,
}

// SAFETY: a shared guard is a shared value.
unsafe impl<T: ?Sized + Sync, M> Sync for RwLockReadGuard<'_, T, M> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync, M> Sync for RwLockWriteGuard<'_, T, M> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync, M> Sync for MappedRwLockReadGuard<'_, T, M> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync, M> Sync for MappedRwLockWriteGuard<'_, T, M> {}
// SAFETY: it is a shared borrow.
unsafe impl<T: ?Sized + Sync> Send for MappedRwLockReadGuard<'_, T, Moves> {}
// SAFETY: it is the unique borrow of its part.
unsafe impl<T: ?Sized + Send> Send for MappedRwLockWriteGuard<'_, T, Moves> {}

deref!(RwLockReadGuard<'a, T, M>, guard => guard.lock.value.get());
deref!(ArcRwLockReadGuard<T>, guard => guard.lock.value.get());
deref!(MappedRwLockReadGuard<'a, T, M>, guard => guard.value);
deref_mut!(RwLockWriteGuard<'a, T, M>, guard => guard.lock.value.get());
deref_mut!(ArcRwLockWriteGuard<T>, guard => guard.lock.value.get());
deref_mut!(MappedRwLockWriteGuard<'a, T, M>, guard => guard.value);

#[inline(always)]
fn unlock_read(raw: &RawRwLock) {
    watch::released_shared(raw);
    raw.unlock_read_held();
}

#[inline(always)]
fn unlock_write(raw: &RawRwLock) {
    watch::released(raw);
    let unlocked = raw.unlock_write();
    debug_assert!(unlocked.is_ok(), "a guard is proof of the lock");
}

impl<'a, T: ?Sized, M> RwLockReadGuard<'a, T, M> {
    /// For one who has just taken the lock.
    #[inline(always)]
    pub(super) fn new(lock: &'a RwLock<T>) -> RwLockReadGuard<'a, T, M> {
        RwLockReadGuard {
            lock,
            kind: PhantomData,
        }
    }

    /// The guard of a part of the value.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::{RwLock, RwLockReadGuard};
    ///
    /// let pair = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(pair.read(), |pair| &pair.1);
    /// assert_eq!(*name, "one");
    /// assert!(pair.try_write().is_none());
    /// ```
    pub fn map<U: ?Sized>(
        this: RwLockReadGuard<'a, T, M>,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedRwLockReadGuard<'a, U, M> {
        // SAFETY: the guard is the right to the value; if `part` panics it is dropped and unlocks.
        let value: *const U = part(unsafe { &*this.lock.value.get() });
        MappedRwLockReadGuard {
            raw: &ManuallyDrop::new(this).lock.raw,
            value,
            kind: PhantomData,
        }
    }
}

impl<'a, T: ?Sized, M> RwLockWriteGuard<'a, T, M> {
    /// For one who has just taken the lock.
    #[inline(always)]
    pub(super) fn new(lock: &'a RwLock<T>) -> RwLockWriteGuard<'a, T, M> {
        RwLockWriteGuard {
            lock,
            kind: PhantomData,
        }
    }

    /// The guard of a part of the value.
    pub fn map<U: ?Sized>(
        this: RwLockWriteGuard<'a, T, M>,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U, M> {
        // SAFETY: the guard is the right to the value; if `part` panics it is dropped and unlocks.
        let value: *mut U = part(unsafe { &mut *this.lock.value.get() });
        MappedRwLockWriteGuard {
            raw: &ManuallyDrop::new(this).lock.raw,
            value,
            kind: PhantomData,
        }
    }

    /// Reads on, with other readers; no writer comes in between.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write();
    /// *guard = 2;
    /// let guard = RwLockWriteGuard::downgrade(guard);
    /// assert_eq!((*guard, *lock.read()), (2, 2));
    /// ```
    #[track_caller]
    pub fn downgrade(this: RwLockWriteGuard<'a, T, M>) -> RwLockReadGuard<'a, T, M> {
        let lock = ManuallyDrop::new(this).lock;
        let was_noted = watch::released(&lock.raw);
        lock.raw.downgrade_held();
        if was_noted {
            watch::held_shared(&lock.raw);
        }
        RwLockReadGuard::new(lock)
    }
}

impl<T: ?Sized> ArcRwLockReadGuard<T> {
    pub(super) fn new(lock: Arc<RwLock<T>>) -> ArcRwLockReadGuard<T> {
        ArcRwLockReadGuard { lock }
    }
}

impl<T: ?Sized> ArcRwLockWriteGuard<T> {
    pub(super) fn new(lock: Arc<RwLock<T>>) -> ArcRwLockWriteGuard<T> {
        ArcRwLockWriteGuard { lock }
    }
}

impl<T: ?Sized, M> Drop for RwLockReadGuard<'_, T, M> {
    #[inline(always)]
    fn drop(&mut self) {
        unlock_read(&self.lock.raw);
    }
}

impl<T: ?Sized, M> Drop for RwLockWriteGuard<'_, T, M> {
    #[inline(always)]
    fn drop(&mut self) {
        unlock_write(&self.lock.raw);
    }
}

impl<T: ?Sized> Drop for ArcRwLockReadGuard<T> {
    fn drop(&mut self) {
        unlock_read(&self.lock.raw);
    }
}

impl<T: ?Sized> Drop for ArcRwLockWriteGuard<T> {
    fn drop(&mut self) {
        unlock_write(&self.lock.raw);
    }
}

impl<T: ?Sized, M> Drop for MappedRwLockReadGuard<'_, T, M> {
    fn drop(&mut self) {
        unlock_read(self.raw);
    }
}

impl<T: ?Sized, M> Drop for MappedRwLockWriteGuard<'_, T, M> {
    fn drop(&mut self) {
        unlock_write(self.raw);
    }
}
