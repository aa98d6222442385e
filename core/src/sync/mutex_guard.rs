//! The guards of a mutex: of a borrowed one, of one in an `Arc`, and of a part of a value.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::guard::{Moves, Stays, deref_mut};
use super::mutex::Mutex;
use super::raw::RawMutex;
use super::watch;
use crate::sched::forbid;
use crate::sys::signal::write_stderr;

/// The right to the value of a [`Mutex`]; unlocks it when dropped.
///
/// As std's it is not `Send`: the lock is released where it was taken. Those of futures, of the kind
/// [`Moves`], are.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized, M = Stays> {
    mutex: &'a Mutex<T>,
    kind: PhantomData<M>,
}

/// The right to the value of a [`Mutex`] in an [`Arc`]; unlocks it when dropped.
///
/// From [`Mutex::lock_arc`]; it borrows nothing, and may be sent.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcMutexGuard<T: ?Sized> {
    mutex: Arc<Mutex<T>>,
}

/// The right to a part of the value of a [`Mutex`]; unlocks it when dropped. From [`MutexGuard::map`].
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedMutexGuard<'a, T: ?Sized, M = Stays> {
    raw: &'a RawMutex,
    value: *mut T,
    kind: PhantomData<(&'a mut T, M)>,
}

// SAFETY: a shared guard is a shared value, and, by `mutex`, the mutex, which is shared if the value may be sent.
unsafe impl<T: ?Sized + Send + Sync, M> Sync for MutexGuard<'_, T, M> {}
// SAFETY: a shared guard is a shared value.
unsafe impl<T: ?Sized + Sync, M> Sync for MappedMutexGuard<'_, T, M> {}
// SAFETY: a mapped guard is the unique borrow of its part.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T, Moves> {}
// SAFETY: a shared guard is a shared value.
unsafe impl<T: ?Sized + Send + Sync> Sync for ArcMutexGuard<T> {}

deref_mut!(MutexGuard<'a, T, M>, guard => guard.mutex.value.get());
deref_mut!(ArcMutexGuard<T>, guard => guard.mutex.value.get());
deref_mut!(MappedMutexGuard<'a, T, M>, guard => guard.value);

/// Lets go of a mutex that a guard stands for; whether its taker was noted.
#[inline(always)]
pub(super) fn unlock(raw: &RawMutex) -> bool {
    let was_noted = watch::released(raw);
    let unlocked = raw.unlock();
    debug_assert!(unlocked.is_ok(), "a guard is proof of the lock");
    was_noted
}

impl<'a, T: ?Sized, M> MutexGuard<'a, T, M> {
    /// For one who has just taken the lock.
    #[inline(always)]
    pub(super) fn new(mutex: &'a Mutex<T>) -> MutexGuard<'a, T, M> {
        MutexGuard {
            mutex,
            kind: PhantomData,
        }
    }

    pub(super) fn raw(this: &MutexGuard<'a, T, M>) -> &'a RawMutex {
        &this.mutex.raw
    }

    /// The mutex that it locks.
    pub fn mutex(this: &MutexGuard<'a, T, M>) -> &'a Mutex<T> {
        this.mutex
    }

    /// The guard of a part of the value.
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(pair.lock(), |pair| &mut pair.0);
    /// *number += 1;
    /// assert!(pair.try_lock().is_none());
    /// drop(number);
    /// assert_eq!(*pair.lock(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(
        this: MutexGuard<'a, T, M>,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U, M> {
        // SAFETY: the guard is the right to the value; if `part` panics it is dropped and unlocks.
        let value = part(unsafe { &mut *this.mutex.value.get() }) as *mut U;
        let raw = &ManuallyDrop::new(this).mutex.raw;
        MappedMutexGuard {
            raw,
            value,
            kind: PhantomData,
        }
    }

    /// As [`map`](MutexGuard::map), for a part that may not be there.
    ///
    /// # Errors
    /// The guard itself, if it is not.
    pub fn try_map<U: ?Sized>(
        this: MutexGuard<'a, T, M>,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U, M>, MutexGuard<'a, T, M>> {
        // SAFETY: as in `map`.
        let part = part(unsafe { &mut *this.mutex.value.get() }).map(|part| part as *mut U);
        match part {
            None => Err(this),
            Some(value) => Ok(MappedMutexGuard {
                raw: &ManuallyDrop::new(this).mutex.raw,
                value,
                kind: PhantomData,
            }),
        }
    }

    /// Unlocks the mutex for the duration of `f`.
    ///
    /// **Blocks** after `f` until the mutex is free again, as [`Mutex::lock`]. A routine that is cancelled
    /// meanwhile has it again before it unwinds.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), before `f`. If `f` leaves such a guard behind and the mutex
    /// is taken, the process ends.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(1);
    /// let mut guard = mutex.lock();
    /// MutexGuard::unlocked(&mut guard, || *mutex.lock() += 1);
    /// assert_eq!(*guard, 2);
    /// ```
    #[track_caller]
    pub fn unlocked<R>(this: &mut MutexGuard<'a, T, M>, f: impl FnOnce() -> R) -> R {
        struct Relock<'a>(&'a RawMutex);
        impl Drop for Relock<'_> {
            fn drop(&mut self) {
                // The guard that is borrowed unlocks it once more, so there is no way on without the lock.
                if self.0.try_lock() {
                    return;
                }
                if forbid::is_forbidden() {
                    write_stderr(b"rust-routines: MutexGuard::unlocked may not wait for its mutex under forbid_park\n");
                    std::process::abort();
                }
                crate::wait::shielded(|| self.0.lock());
            }
        }
        forbid::check();
        let raw = &this.mutex.raw;
        let was_noted = unlock(raw);
        let relock = Relock(raw);
        let result = f();
        drop(relock);
        watch::held_again(raw, was_noted);
        result
    }
}

impl<T: ?Sized> ArcMutexGuard<T> {
    #[inline]
    pub(super) fn new(mutex: Arc<Mutex<T>>) -> ArcMutexGuard<T> {
        ArcMutexGuard { mutex }
    }

    /// The mutex that it locks.
    pub fn mutex(this: &ArcMutexGuard<T>) -> &Arc<Mutex<T>> {
        &this.mutex
    }
}

impl<'a, T: ?Sized, M> MappedMutexGuard<'a, T, M> {
    /// The guard of a part of the part.
    pub fn map<U: ?Sized>(
        this: MappedMutexGuard<'a, T, M>,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U, M> {
        // SAFETY: the guard is the right to the part; if `part` panics it is dropped and unlocks.
        let value = part(unsafe { &mut *this.value }) as *mut U;
        MappedMutexGuard {
            raw: ManuallyDrop::new(this).raw,
            value,
            kind: PhantomData,
        }
    }
}

impl<T: ?Sized, M> Drop for MutexGuard<'_, T, M> {
    #[inline(always)]
    fn drop(&mut self) {
        unlock(&self.mutex.raw);
    }
}

impl<T: ?Sized> Drop for ArcMutexGuard<T> {
    #[inline]
    fn drop(&mut self) {
        unlock(&self.mutex.raw);
    }
}

impl<T: ?Sized, M> Drop for MappedMutexGuard<'_, T, M> {
    #[inline]
    fn drop(&mut self) {
        unlock(self.raw);
    }
}
