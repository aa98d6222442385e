//! A mutex without a value and without a guard; [`Mutex`](crate::sync::Mutex) is made of it.
//!
//! How it is shared out stands in `queue::locks::mutex`; here are the waits.

use std::fmt;
use std::time::Duration;

use super::{is_late, look_again, now};
use crate::control::{Outcome, Reason};
use crate::prim::SpinLock;
use crate::queue::locks::mutex::MutexWord;
use crate::queue::locks::{Comer, Entry, NotHeld};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::sync::line::{Line, Wait};
use crate::sync::seek::Seek;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// A mutex that protects nothing by itself, for mirrors of other languages' locks.
///
/// It is locked and unlocked by calls, from any routine or thread, not necessarily the same; misuse is an
/// error, whose words are the caller's.
///
/// # Go
/// `sync.Mutex`.
///
/// # Examples
/// ```
/// use rust_routines::sync::RawMutex;
///
/// static LOCK: RawMutex = RawMutex::new();
///
/// LOCK.lock();
/// assert!(!LOCK.try_lock());
/// LOCK.unlock().expect("it is locked");
/// let error = LOCK.unlock().map_err(|_| "sync: unlock of unlocked mutex");
/// assert_eq!(error, Err("sync: unlock of unlocked mutex"));
/// ```
pub struct RawMutex {
    word: MutexWord<Line>,
}

/// The error of an unlock of what is not locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotLockedError;

impl fmt::Display for NotLockedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unlock of what is not locked")
    }
}

impl std::error::Error for NotLockedError {}

impl From<NotHeld> for NotLockedError {
    fn from(_: NotHeld) -> NotLockedError {
        NotLockedError
    }
}

impl RawMutex {
    /// An unlocked mutex.
    pub const fn new() -> RawMutex {
        RawMutex {
            word: MutexWord::new(Line::new()),
        }
    }

    /// Locks it.
    ///
    /// **Blocks** the calling routine until it is free; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it is locked.
    ///
    /// # Go
    /// `mu.Lock()`.
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self) {
        if !self.word.lock_free() {
            self.lock_slow(None);
        }
    }

    /// Locks it if it is free.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryLock()`: `false` also if others have waited too long (C4).
    #[inline]
    pub fn try_lock(&self) -> bool {
        self.word.try_lock()
    }

    /// Locks it if it is free within `timeout`; whether it was.
    ///
    /// **Blocks** as [`lock`](RawMutex::lock), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> bool {
        self.lock_until_nanos(clock::deadline(timeout))
    }

    /// Locks it if it is free before `deadline`; whether it was.
    ///
    /// **Blocks** as [`lock`](RawMutex::lock), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn lock_until(&self, deadline: Instant) -> bool {
        self.lock_until_nanos(deadline.nanos())
    }

    /// The first half of `lock`, for those who have something to say before they wait.
    #[inline(always)]
    pub(in crate::sync) fn lock_free(&self) -> bool {
        self.word.lock_free()
    }

    #[track_caller]
    pub(in crate::sync) fn lock_until_nanos(&self, deadline: Nanos) -> bool {
        self.word.lock_free() || self.lock_slow(Some(deadline))
    }

    /// Whether somebody has locked it; old news at once.
    pub fn is_locked(&self) -> bool {
        self.word.is_locked()
    }

    /// Unlocks it.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// [`NotLockedError`] if it is not locked; nothing has changed then.
    ///
    /// # Go
    /// `mu.Unlock()`, which ends the process if it is not locked.
    #[inline(always)]
    pub fn unlock(&self) -> Result<(), NotLockedError> {
        if self.word.unlock_free() {
            return Ok(());
        }
        self.unlock_slow()
    }

    #[inline(never)]
    fn unlock_slow(&self) -> Result<(), NotLockedError> {
        let mut wakes = Wakes::NONE;
        self.word.unlock(|first| wakes.add(first))?;
        wakes.wake();
        Ok(())
    }

    /// Looks again for a moment: the holder may be about to let go.
    fn spin(&self) -> bool {
        look_again(|| self.word.barge(now), || self.word.is_worth_a_look())
    }

    /// Locks it or blocks; `false`: the deadline came first.
    ///
    /// The first look has no frame of its own: while somebody is on its way here, all others come by.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(in crate::sync) fn lock_slow(&self, deadline: Option<Nanos>) -> bool {
        if self.word.barge_now() {
            return true;
        }
        self.lock_slower(deadline)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lock_slower(&self, deadline: Option<Nanos>) -> bool {
        if self.spin() {
            return true;
        }
        let waiter = Waiter::here();
        let since = now();
        let mut is_woken = false;
        loop {
            if !self.stand(&waiter, since, is_woken) {
                return true;
            }
            let wait = Wait {
                line: &self.word.line,
                waiter: &waiter,
            };
            // SAFETY: made here, linked just now; `wait` takes this waiter out.
            match unsafe { wait_for(&waiter, &wait, Reason::Mutex, deadline) } {
                Outcome::Woken => is_woken = true,
                Outcome::TimedOut => return false,
                Outcome::Cancelled => park::raise(),
            }
        }
    }

    /// Locks it, or stands in the line (`true`). A frame of its own, which is gone when the routine parks.
    #[inline(never)]
    fn stand(&self, waiter: &Waiter, since: u32, is_woken: bool) -> bool {
        loop {
            if is_woken && self.word.lock_woken(|| is_late(since)) {
                return false;
            }
            if !is_woken && self.word.barge(now) {
                return false;
            }
            let late = is_woken && is_late(since);
            let mut line = self.word.line.lock();
            let entry = if is_woken {
                self.word.enter_woken(late)
            } else {
                self.word.enter(Comer::New)
            };
            if let Some(entry) = entry {
                waiter.reset();
                // SAFETY: new or woken, so not linked; it stays in the caller's frame until it is
                // unlinked.
                unsafe { line.push(waiter, u64::from(since), entry) };
                return true;
            }
        }
    }

    pub(in crate::sync) fn seek(&self) -> MutexSeek<'_> {
        MutexSeek(self)
    }
}

/// What a future does with a mutex.
pub(in crate::sync) struct MutexSeek<'a>(&'a RawMutex);

impl Seek for MutexSeek<'_> {
    type Under = Line;

    fn under(&self) -> &SpinLock<Line> {
        &self.0.word.line
    }

    fn line<'a>(&self, under: &'a mut Line) -> &'a mut Line {
        under
    }

    fn try_now(&self, _: Comer) -> bool {
        self.0.word.try_lock()
    }

    fn enter(&self, _: &mut Line, comer: Comer, _: bool) -> (Option<Entry>, Wakes) {
        (self.0.word.enter(comer), Wakes::NONE)
    }

    fn pass_on(&self, _: bool) {
        let mut wakes = Wakes::NONE;
        self.0.word.pass_on(|next| wakes.add(next));
        wakes.wake();
    }
}

impl Default for RawMutex {
    fn default() -> RawMutex {
        RawMutex::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex")
            .field("is_locked", &self.is_locked())
            .finish()
    }
}
