//! Mutual exclusion.
//!
//! One byte of state: `LOCKED`; `QUEUED` while the list of waiters may hold somebody; `HANDOFF` when
//! the first of them has lost once. The fast paths are one compare-and-swap each.
//!
//! ```text
//! lock                                       unlock
//! L1 CAS 0 -> LOCKED: done                   U1 CAS LOCKED -> 0: done
//! L2 under the list's lock: state |= QUEUED; U2 under the list's lock: take the first waiter off
//!    was it free? then try again             U3 HANDOFF: it gets the lock, which stays LOCKED;
//! L3 enter the list, block                      else state = 0, or QUEUED if there are others
//! L4 granted: done; else try again, and      U4 wake it
//!    set HANDOFF in L2 if that fails
//! ```
//!
//! - I1: a waiter in the list has seen the lock held after QUEUED was set (L2), so the holder's
//!   unlock, later, goes through U2 and finds it.
//! - I2: while the lock is held, only the holder of the list's lock changes the state.
//! - A newcomer may take the lock before the one that was woken (*barging*: the lock is not idle
//!   while a routine is being switched to). The loser goes to the front of the list and is handed
//!   the lock next time, so that nobody starves.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::control::{Reason, Unlink};
use crate::prim::{AtomicU8, Ordering, SpinLock};
use crate::wait::{WaitList, Waiter, block};

const LOCKED: u8 = 1;
const QUEUED: u8 = 2;
const HANDOFF: u8 = 4;

/// A lock around a `T`, for routines and plain threads.
///
/// It does not poison: a panic while it is held unlocks it.
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
    state: AtomicU8,
    waiters: SpinLock<WaitList>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one holder at a time, which may be on any thread.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// The right to the value of a [`Mutex`]; unlocks it when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// As std's: not `Send`, so that a lock is released where it was taken.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard is a shared value.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            state: AtomicU8::new(0),
            waiters: SpinLock::new(WaitList::new()),
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
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is held.
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
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if !self.try_acquire(0) {
            self.lock_slow();
        }
        MutexGuard {
            mutex: self,
            not_send: PhantomData,
        }
    }

    /// Takes the lock if it is free.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryLock()`.
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
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        if !self.try_lock_any() {
            // No guard may come into being here: it would unlock when dropped.
            return None;
        }
        Some(MutexGuard {
            mutex: self,
            not_send: PhantomData,
        })
    }

    /// The value, through a unique reference that needs no lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Takes the lock if it is free, whatever the other bits say.
    #[inline]
    fn try_lock_any(&self) -> bool {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & LOCKED != 0 {
                return false;
            }
            if self.try_acquire(state) {
                return true;
            }
        }
    }

    #[inline]
    fn try_acquire(&self, state: u8) -> bool {
        // ORDER: Acquire pairs with the Release in `unlock` and `unlock_slow`.
        self.state
            .compare_exchange(state, state | LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[cold]
    #[track_caller]
    fn lock_slow(&self) {
        // Free, but with bits that the fast path does not expect: that is no park.
        if self.try_lock_any() {
            return;
        }
        let waiter = Waiter::here();
        let granted = UnsafeCell::new(false);
        waiter.set_slot(granted.get().cast());
        let mut has_lost = false;
        loop {
            if self.try_lock_any() {
                return;
            }
            let mut waiters = self.waiters.lock();
            let wish = if has_lost { QUEUED | HANDOFF } else { QUEUED };
            if self.state.fetch_or(wish, Ordering::Relaxed) & LOCKED == 0 {
                continue;
            }
            // SAFETY: not linked (new, or woken); it stays here until `block` returns, which is
            // after it has been unlinked.
            unsafe {
                if has_lost {
                    waiters.push_front(&waiter)
                } else {
                    waiters.push_back(&waiter)
                }
            }
            drop(waiters);
            let wait = Wait {
                list: &self.waiters,
                waiter: &waiter,
            };
            // SAFETY: made here, linked just now; `wait` takes this waiter out.
            unsafe { block(&waiter, &wait, Reason::Mutex, None) };
            // SAFETY: written before the wake, by the one who unlinked us.
            if unsafe { *granted.get() } {
                return;
            }
            waiter.reset();
            has_lost = true;
        }
    }

    #[inline]
    fn unlock(&self) {
        // ORDER: Release pairs with the Acquire in `try_acquire`.
        let unlocked = self
            .state
            .compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if unlocked.is_err() {
            self.unlock_slow();
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        let mut waiters = self.waiters.lock();
        let handed_over = self.state.load(Ordering::Relaxed) & HANDOFF != 0;
        let next = waiters.pop_front();
        let queued = if waiters.is_empty() { 0 } else { QUEUED };
        // We hold the lock and the list, so nobody else changes the state until this store.
        match &next {
            Some(next) if handed_over => {
                self.state.store(LOCKED | queued, Ordering::Relaxed);
                // SAFETY: the slot of a waiter of this mutex, ours since it was unlinked.
                unsafe { *next.slot().cast::<bool>() = true };
            }
            // ORDER: Release pairs with the Acquire in `try_acquire`.
            _ => self.state.store(queued, Ordering::Release),
        }
        drop(waiters);
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// A wait in a list that has a lock to itself.
struct Wait<'a> {
    list: &'a SpinLock<WaitList>,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.list.lock().remove(self.waiter)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard is the right to the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the right to the value.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
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
