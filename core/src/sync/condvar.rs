//! A condition: waiting, without the lock, until somebody says that it may have come true.
//!
//! - I1: who waits stands in the line before it lets go of the mutex. So whoever changes what it waits for
//!   under the mutex, and notifies after that, finds it there.
//! - I2: `has_waiters` is set under the line's lock before the mutex is released, so who has the mutex after
//!   that sees it. It spares the lock where nobody waits.

use std::fmt;
use std::time::Duration;

use super::line::{Line, Wait};
use super::mutex_guard::{MutexGuard, unlock};
use super::raw::RawMutex;
use super::watch;
use crate::control::{Outcome, Reason};
use crate::prim::{AtomicBool, Ordering, SpinLock};
use crate::queue::locks::{Entry, Line as _};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, shielded, wait_for};

/// A condition variable: who waits for something that others change under a [`Mutex`](super::Mutex).
///
/// No wake-up is spurious, and the one who has waited longest is notified first; still the condition
/// has to be looked at again, because others may have been there before.
///
/// # Go
/// `sync.Cond`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, sync::{Condvar, Mutex}};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// let waits = routine::spawn(|| {
///     let mut ready = READY.lock();
///     CHANGED.wait_while(&mut ready, |ready| !*ready);
/// });
/// *READY.lock() = true;
/// CHANGED.notify_one();
/// waits.join().unwrap();
/// ```
pub struct Condvar {
    has_waiters: AtomicBool,
    line: SpinLock<Line>,
}

/// What reports call the lock that is waited for.
const KIND: &str = "mutex of a condition";

/// Whether a wait with a time-out was ended by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time-out came before a notification.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition that nobody waits for.
    pub const fn new() -> Condvar {
        Condvar {
            has_waiters: AtomicBool::new(false),
            line: SpinLock::new(Line::new()),
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks it again.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread. A routine that is cancelled has the
    /// lock again before it unwinds.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park).
    ///
    /// # Go
    /// `c.Wait()`.
    #[track_caller]
    pub fn wait<T: ?Sized, M>(&self, guard: &mut MutexGuard<'_, T, M>) {
        self.wait_on(MutexGuard::raw(guard), None);
    }

    /// Waits as long as `condition` says so.
    ///
    /// **Blocks** as [`wait`](Condvar::wait), again and again; not if the condition is false at once.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// `for condition() { c.Wait() }`.
    #[track_caller]
    pub fn wait_while<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        while condition(guard) {
            self.wait(guard);
        }
    }

    /// As [`wait`](Condvar::wait), for at most `timeout`.
    ///
    /// The time until the lock is had again comes on top.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{sync::{Condvar, Mutex}, time::Duration};
    ///
    /// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    /// let mut guard = mutex.lock();
    /// let result = condvar.wait_timeout(&mut guard, Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// ```
    #[track_caller]
    pub fn wait_timeout<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_on(MutexGuard::raw(guard), Some(clock::deadline(timeout)))
    }

    /// As [`wait`](Condvar::wait), until `deadline` at most.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_on(MutexGuard::raw(guard), Some(deadline.nanos()))
    }

    /// [`wait_timeout`](Condvar::wait_timeout), as parking_lot calls it.
    #[track_caller]
    pub fn wait_for<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_timeout(guard, timeout)
    }

    /// Waits as long as `condition` says so, for at most `timeout` in all.
    ///
    /// **Blocks** as [`wait_while`](Condvar::wait_while). Timed out: the condition still holds.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout_while<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> WaitTimeoutResult {
        self.wait_while_before(guard, clock::deadline(timeout), condition)
    }

    #[track_caller]
    fn wait_while_before<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        deadline: Nanos,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> WaitTimeoutResult {
        let mut timed_out = false;
        while condition(guard) {
            if timed_out {
                return WaitTimeoutResult(true);
            }
            let result = self.wait_on(MutexGuard::raw(guard), Some(deadline));
            timed_out = result.timed_out();
        }
        WaitTimeoutResult(false)
    }

    /// [`wait_timeout_while`](Condvar::wait_timeout_while), as parking_lot calls it.
    #[track_caller]
    pub fn wait_while_for<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_timeout_while(guard, timeout, condition)
    }

    /// [`wait_while_for`](Condvar::wait_while_for), until `deadline` at most.
    ///
    /// **Blocks** as there.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_while_until<T: ?Sized, M>(
        &self,
        guard: &mut MutexGuard<'_, T, M>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_while_before(guard, deadline.nanos(), condition)
    }

    /// Wakes the one who has waited longest; whether anybody waited.
    ///
    /// The lock need not be held.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `c.Signal()`.
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.has_waiters.load(Ordering::Relaxed) && self.notify_one_slow()
    }

    #[inline(never)]
    fn notify_one_slow(&self) -> bool {
        let mut line = self.line.lock();
        let first = line.pop();
        if line.is_empty() {
            self.has_waiters.store(false, Ordering::Relaxed);
        }
        drop(line);
        let Some(first) = first else {
            return false;
        };
        first.wake();
        true
    }

    /// Wakes all who wait; how many there were.
    ///
    /// The lock need not be held.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `c.Broadcast()`.
    #[inline]
    pub fn notify_all(&self) -> usize {
        if !self.has_waiters.load(Ordering::Relaxed) {
            return 0;
        }
        let mut wakes = Wakes::NONE;
        let mut count = 0;
        let mut line = self.line.lock();
        while let Some(waiter) = line.pop() {
            wakes.add(waiter);
            count += 1;
        }
        self.has_waiters.store(false, Ordering::Relaxed);
        drop(line);
        wakes.wake();
        count
    }

    #[inline(never)]
    #[track_caller]
    fn wait_on(&self, mutex: &RawMutex, deadline: Option<Nanos>) -> WaitTimeoutResult {
        let waiter = Waiter::here();
        let was_noted = self.stand(&waiter, mutex);
        let wait = Wait {
            line: &self.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        let outcome = unsafe { wait_for(&waiter, &wait, Reason::Condvar, deadline) };
        if !mutex.lock_free() {
            relock(mutex);
        }
        watch::held_again(mutex, was_noted);
        if outcome == Outcome::Cancelled {
            park::raise();
        }
        WaitTimeoutResult(outcome == Outcome::TimedOut)
    }

    /// Stands in the line, and lets go of the mutex. A frame of its own, which is gone when the routine
    /// parks.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter, mutex: &RawMutex) -> bool {
        let mut line = self.line.lock();
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { line.push(waiter, 0, Entry::Back) };
        self.has_waiters.store(true, Ordering::Relaxed);
        drop(line);
        unlock(mutex)
    }
}

/// Whatever happens the mutex is locked again: the caller has a guard, which unlocks it.
#[cold]
#[track_caller]
fn relock(mutex: &RawMutex) {
    let _waiting = watch::waiting_for_good(mutex, KIND);
    shielded(|| mutex.lock_slow(None));
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar { .. }")
    }
}
