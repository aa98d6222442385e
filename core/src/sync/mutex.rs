//! Mutual exclusion around a value.

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Moves;
use super::mutex_guard::{ArcMutexGuard, MutexGuard};
use super::raw::{MutexSeek, RawMutex};
use super::seek::{Seeking, future};
use super::watch;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// A lock around a `T`, for routines, plain threads and futures.
///
/// Whoever comes may have it before those who wait (*barging*), until one of them has waited for 1 ms:
/// then they have it in turn. It does not poison: a panic while it is held unlocks it;
/// [`poison::Mutex`](super::poison::Mutex) does. In debug builds, and with the feature
/// `deadlock-detection`, a deadlock among locks is a panic that names all parties.
///
/// # Go
/// `sync.Mutex`, with the data inside.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::Mutex};
/// use std::sync::Arc;
///
/// let count = Arc::new(Mutex::new(0));
/// let handles: Vec<_> = (0..10)
///     .map(|_| {
///         let count = count.clone();
///         routine::spawn(move || *count.lock() += 1)
///     })
///     .collect();
/// handles.into_iter().for_each(|handle| handle.join().unwrap());
/// assert_eq!(*count.lock(), 10);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) raw: RawMutex,
    pub(super) value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one holder at a time, which may be on any thread.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// What reports call it.
const KIND: &str = "mutex";

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            raw: RawMutex::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock.
    ///
    /// **Blocks** the calling routine until it is free; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is held. Where deadlocks are looked for:
    /// if it would wait for good, for itself or in a circle of locks.
    ///
    /// # Go
    /// `mu.Lock()`; like Go's it is not re-entrant.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::Mutex;
    ///
    /// static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    /// NAMES.lock().push("Rob");
    /// assert_eq!(*NAMES.lock(), ["Rob"]);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if !self.raw.lock_free() {
            let _waiting = watch::waiting(&self.raw, KIND);
            self.raw.lock_slow(None);
        }
        watch::held(&self.raw);
        MutexGuard::new(self)
    }

    /// Takes the lock if it is free.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryLock()`: `None` also if others have waited too long.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.guard_if(self.raw.try_lock())
    }

    /// Takes the lock, if it is free within `timeout`.
    ///
    /// **Blocks** as [`lock`](Mutex::lock), for at most `timeout`.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is held.
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::Mutex, time::Duration};
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        self.lock_until_nanos(clock::deadline(timeout))
    }

    /// Takes the lock, if it is free before `deadline`.
    ///
    /// **Blocks** as [`lock`](Mutex::lock), until `deadline` at most.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is held.
    ///
    /// # Go
    /// No counterpart.
    #[track_caller]
    pub fn lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_until_nanos(deadline.nanos())
    }

    /// [`lock_timeout`](Mutex::lock_timeout), as parking_lot calls it.
    #[track_caller]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        self.lock_timeout(timeout)
    }

    /// [`lock_until`](Mutex::lock_until), as parking_lot calls it.
    #[track_caller]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_until(deadline)
    }

    #[track_caller]
    fn lock_until_nanos(&self, deadline: Nanos) -> Option<MutexGuard<'_, T>> {
        self.guard_if(self.raw.lock_until_nanos(deadline))
    }

    #[inline]
    #[track_caller]
    fn guard_if(&self, is_locked: bool) -> Option<MutexGuard<'_, T>> {
        // No guard may come into being if it is not: it would unlock when dropped.
        if !is_locked {
            return None;
        }
        watch::held(&self.raw);
        Some(MutexGuard::new(self))
    }

    /// Takes the lock in a task of any executor.
    ///
    /// Cancel-safe: dropped before it is ready, it has no lock, and who waits behind it is told. It is told
    /// of the free lock, and competes for it with others when it is polled; one that is not polled holds up
    /// no routine and no thread, and other futures until the next unlock.
    ///
    /// **Blocks**: never; the future waits.
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{select, sync::Mutex, time::{self, Duration}};
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// let came = rust_routines::select! {
    ///     _ = mutex.lock_async() => true,
    ///     time::after(Duration::from_millis(1)) => false,
    /// };
    /// assert!(!came);
    /// ```
    pub fn lock_async(&self) -> LockFuture<'_, T> {
        LockFuture {
            object: self,
            seeking: Seeking::new(self.raw.seek()),
        }
    }

    /// Whether somebody holds it; old news at once.
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The value, through a unique reference that needs no lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// As [`lock`](Mutex::lock), with a guard that owns the mutex's `Arc` and may be sent.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, sync::Mutex};
    /// use std::sync::Arc;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = mutex.lock_arc();
    /// let handle = routine::spawn(move || *guard + 1);
    /// assert_eq!(handle.join().unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>) -> ArcMutexGuard<T> {
        if !self.raw.lock_free() {
            let _waiting = watch::waiting(&self.raw, KIND);
            self.raw.lock_slow(None);
        }
        watch::held_by_unknown(&self.raw);
        ArcMutexGuard::new(self.clone())
    }

    /// As [`try_lock`](Mutex::try_lock), with a guard as from [`lock_arc`](Mutex::lock_arc).
    pub fn try_lock_arc(self: &Arc<Self>) -> Option<ArcMutexGuard<T>> {
        if !self.raw.try_lock() {
            return None;
        }
        watch::held_by_unknown(&self.raw);
        Some(ArcMutexGuard::new(self.clone()))
    }
}

future! {
    /// The future of [`Mutex::lock_async`], and an arm of a select.
    LockFuture<'a, T>(&'a Mutex<T>) over MutexSeek<'a> => MutexGuard<'a, T, Moves> =
        |mutex| {
            watch::held_by_unknown(&mutex.raw);
            MutexGuard::new(mutex)
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
        match self.try_lock() {
            Some(guard) => f.debug_struct("Mutex").field("value", &&*guard).finish(),
            None => f.write_str("Mutex { <locked> }"),
        }
    }
}
