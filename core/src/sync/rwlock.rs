//! Many readers or one writer around a value.

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Moves;
use super::raw::{RawRwLock, RwSeek};
use super::rwlock_guard::{
    ArcRwLockReadGuard, ArcRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use super::seek::{Seeking, future};
use super::watch;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// A lock around a `T` that many may read at once and one may change, for routines, plain threads and
/// futures.
///
/// A writer that waits keeps new readers out, so it is not starved; when it unlocks, all readers that
/// wait are woken before the next writer, so neither are they. Who finds the lock free may have it before
/// those that were woken and are on their way, until one of them has waited for 1 ms: then it is given to
/// them in their order. ([`RawRwLock`] always does that, as Go's.) Whoever reads must not read again: with a writer
/// in between that is a deadlock (found where deadlocks are looked for). It does not poison;
/// [`poison::RwLock`](super::poison::RwLock) does.
///
/// # Go
/// `sync.RWMutex`, with the data inside.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::RwLock};
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// let ages = Arc::new(RwLock::new(HashMap::new()));
/// let of_writer = ages.clone();
/// routine::spawn(move || of_writer.write().insert("Go", 17)).join().unwrap();
/// assert_eq!(ages.read().get("Go"), Some(&17));
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) raw: RawRwLock,
    pub(super) value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one writer at a time, which may be on any thread.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: as above, and to many readers at once.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// What reports call it.
const KIND: &str = "read-write lock";

impl<T> RwLock<T> {
    /// A lock around `value` that nobody holds.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            raw: RawRwLock::barging(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading, with other readers.
    ///
    /// **Blocks** the calling routine while a writer holds it or waits for it; on a plain thread, the
    /// thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block. Where deadlocks are looked
    /// for: if it would wait for good.
    ///
    /// # Go
    /// `mu.RLock()`.
    #[inline(always)]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.lock_read();
        watch::held_shared(&self.raw);
        RwLockReadGuard::new(self)
    }

    #[inline(always)]
    #[track_caller]
    fn lock_read(&self) {
        if !self.raw.try_read() {
            let _waiting = watch::waiting_to_read(&self.raw, KIND);
            self.raw.read_slow(None);
        }
    }

    /// Takes the lock for reading, if no writer holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryRLock()`.
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.read_if(self.raw.try_read())
    }

    /// As [`read`](RwLock::read), if that is possible within `timeout`.
    ///
    /// **Blocks** as there, for at most `timeout`.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        self.read_until_nanos(clock::deadline(timeout))
    }

    /// As [`read`](RwLock::read), if that is possible before `deadline`.
    ///
    /// **Blocks** as there, until `deadline` at most.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        self.read_until_nanos(deadline.nanos())
    }

    /// [`read_timeout`](RwLock::read_timeout), as parking_lot calls it.
    #[track_caller]
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        self.read_timeout(timeout)
    }

    /// [`read_until`](RwLock::read_until), as parking_lot calls it.
    #[track_caller]
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        self.read_until(deadline)
    }

    #[track_caller]
    fn read_until_nanos(&self, deadline: Nanos) -> Option<RwLockReadGuard<'_, T>> {
        self.read_if(self.raw.read_until_nanos(deadline))
    }

    #[inline]
    #[track_caller]
    fn read_if(&self, is_locked: bool) -> Option<RwLockReadGuard<'_, T>> {
        if !is_locked {
            return None;
        }
        watch::held_shared(&self.raw);
        Some(RwLockReadGuard::new(self))
    }

    /// Takes the lock for writing, alone.
    ///
    /// **Blocks** the calling routine while anybody else holds it; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block. Where deadlocks are looked
    /// for: if it would wait for good.
    ///
    /// # Go
    /// `mu.Lock()`.
    #[inline(always)]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.lock_write();
        watch::held(&self.raw);
        RwLockWriteGuard::new(self)
    }

    #[inline(always)]
    #[track_caller]
    fn lock_write(&self) {
        if !self.raw.try_write() {
            let _waiting = watch::waiting(&self.raw, KIND);
            self.raw.write_slow(None);
        }
    }

    /// Takes the lock for writing, if nobody holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryLock()`.
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_if(self.raw.try_write())
    }

    /// As [`write`](RwLock::write), if that is possible within `timeout`.
    ///
    /// **Blocks** as there, for at most `timeout`.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::RwLock, time::Duration};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.read();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_until_nanos(clock::deadline(timeout))
    }

    /// As [`write`](RwLock::write), if that is possible before `deadline`.
    ///
    /// **Blocks** as there, until `deadline` at most.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_until_nanos(deadline.nanos())
    }

    /// [`write_timeout`](RwLock::write_timeout), as parking_lot calls it.
    #[track_caller]
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_timeout(timeout)
    }

    /// [`write_until`](RwLock::write_until), as parking_lot calls it.
    #[track_caller]
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_until(deadline)
    }

    #[track_caller]
    fn write_until_nanos(&self, deadline: Nanos) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_if(self.raw.write_until_nanos(deadline))
    }

    #[inline]
    #[track_caller]
    fn write_if(&self, is_locked: bool) -> Option<RwLockWriteGuard<'_, T>> {
        if !is_locked {
            return None;
        }
        watch::held(&self.raw);
        Some(RwLockWriteGuard::new(self))
    }

    /// Takes the lock for reading in a task of any executor.
    ///
    /// Cancel-safe: dropped before it is ready, it has no lock, and keeps nobody from it. It is told when
    /// it may read, and competes with others when it is polled; one that is not polled holds up no routine
    /// and no thread.
    ///
    /// **Blocks**: never; the future waits.
    pub fn read_async(&self) -> ReadFuture<'_, T> {
        ReadFuture {
            object: self,
            seeking: Seeking::new(self.raw.seek_read()),
        }
    }

    /// Takes the lock for writing in a task of any executor; else as [`read_async`](RwLock::read_async).
    ///
    /// While it waits, as a writer that blocks does, it keeps new readers out.
    ///
    /// **Blocks**: never; the future waits.
    pub fn write_async(&self) -> WriteFuture<'_, T> {
        WriteFuture {
            object: self,
            seeking: Seeking::new(self.raw.seek_write()),
        }
    }

    /// Whether anybody holds it; old news at once.
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether a writer holds it; old news at once.
    pub fn is_locked_exclusively(&self) -> bool {
        self.raw.is_locked_exclusively()
    }

    /// The value, through a unique reference that needs no lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// As [`read`](RwLock::read), with a guard that owns the lock's `Arc` and may be sent.
    #[track_caller]
    pub fn read_arc(self: &Arc<Self>) -> ArcRwLockReadGuard<T> {
        self.lock_read();
        ArcRwLockReadGuard::new(self.clone())
    }

    /// As [`write`](RwLock::write), with a guard that owns the lock's `Arc` and may be sent.
    #[track_caller]
    pub fn write_arc(self: &Arc<Self>) -> ArcRwLockWriteGuard<T> {
        self.lock_write();
        watch::held_by_unknown(&self.raw);
        ArcRwLockWriteGuard::new(self.clone())
    }

    /// As [`try_read`](RwLock::try_read), with a guard as from [`read_arc`](RwLock::read_arc).
    pub fn try_read_arc(self: &Arc<Self>) -> Option<ArcRwLockReadGuard<T>> {
        // No guard may come into being if it is not locked: it would unlock when dropped.
        if !self.raw.try_read() {
            return None;
        }
        Some(ArcRwLockReadGuard::new(self.clone()))
    }

    /// As [`try_write`](RwLock::try_write), with a guard as from [`write_arc`](RwLock::write_arc).
    pub fn try_write_arc(self: &Arc<Self>) -> Option<ArcRwLockWriteGuard<T>> {
        if !self.raw.try_write() {
            return None;
        }
        watch::held_by_unknown(&self.raw);
        Some(ArcRwLockWriteGuard::new(self.clone()))
    }
}

future! {
    /// The future of [`RwLock::read_async`], and an arm of a select.
    ReadFuture<'a, T>(&'a RwLock<T>) over RwSeek<'a> => RwLockReadGuard<'a, T, Moves> =
        |lock| RwLockReadGuard::new(lock)
}

future! {
    /// The future of [`RwLock::write_async`], and an arm of a select.
    WriteFuture<'a, T>(&'a RwLock<T>) over RwSeek<'a> => RwLockWriteGuard<'a, T, Moves> =
        |lock| {
            watch::held_by_unknown(&lock.raw);
            RwLockWriteGuard::new(lock)
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
        match self.try_read() {
            Some(guard) => f.debug_struct("RwLock").field("value", &&*guard).finish(),
            None => f.write_str("RwLock { <locked> }"),
        }
    }
}
