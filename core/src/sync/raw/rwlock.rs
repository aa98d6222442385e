//! A read-write lock without a value and without guards; [`RwLock`](crate::sync::RwLock) is made of it.
//!
//! How it is shared out stands in `queue::locks::rwlock`; here are the waits.

use std::fmt;
use std::time::Duration;

use super::mutex::NotLockedError;
use super::{is_late, look_again, now};
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::SpinLock;
use crate::queue::locks::rwlock::{Lines, RwWord, Side};
use crate::queue::locks::{Comer, Entry};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::sync::line::{Line, is_granted};
use crate::sync::seek::Seek;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

/// A read-write lock that protects nothing by itself, for mirrors of other languages' locks.
///
/// It is locked and unlocked by calls, from any routine or thread, not necessarily the same; misuse is an
/// error, whose words are the caller's. A writer that waits keeps new readers out; when a writer
/// unlocks, all readers that wait go before the next writer.
///
/// # Go
/// `sync.RWMutex`.
///
/// # Examples
/// ```
/// use rust_routines::sync::RawRwLock;
///
/// static LOCK: RawRwLock = RawRwLock::new();
///
/// LOCK.read();
/// assert!(LOCK.try_read());
/// assert!(!LOCK.try_write());
/// LOCK.unlock_read().expect("two read");
/// LOCK.unlock_read().expect("one reads");
/// assert!(LOCK.unlock_read().is_err());
/// assert!(LOCK.unlock_write().is_err());
/// ```
pub struct RawRwLock {
    word: RwWord<Line>,
}

struct Wait<'a> {
    lines: &'a SpinLock<Lines<Line>>,
    waiter: &'a Waiter,
    side: Side,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.lines.lock().line(self.side).remove(self.waiter)
    }
}

impl RawRwLock {
    /// A lock that nobody holds.
    pub const fn new() -> RawRwLock {
        RawRwLock {
            word: RwWord::new(Line::new(), Line::new(), true),
        }
    }

    /// A lock that is not always in order: for [`RwLock`](crate::sync::RwLock).
    pub(in crate::sync) const fn barging() -> RawRwLock {
        RawRwLock {
            word: RwWord::new(Line::new(), Line::new(), false),
        }
    }

    /// Locks it for reading, with other readers.
    ///
    /// **Blocks** the calling routine while a writer holds it or waits for it; on a plain thread, the
    /// thread. So who reads already may not read again: a writer may have come in between.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `mu.RLock()`.
    #[inline(always)]
    #[track_caller]
    pub fn read(&self) {
        if !self.word.try_read() {
            self.read_slow(None);
        }
    }

    /// Locks it for reading, if no writer holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryRLock()`.
    #[inline]
    pub fn try_read(&self) -> bool {
        self.word.try_read()
    }

    /// As [`read`](RawRwLock::read), if that is possible within `timeout`; whether it was.
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> bool {
        self.read_until_nanos(clock::deadline(timeout))
    }

    /// As [`read`](RawRwLock::read), if that is possible before `deadline`; whether it was.
    #[track_caller]
    pub fn read_until(&self, deadline: Instant) -> bool {
        self.read_until_nanos(deadline.nanos())
    }

    #[track_caller]
    pub(in crate::sync) fn read_until_nanos(&self, deadline: Nanos) -> bool {
        self.word.try_read() || self.read_slow(Some(deadline))
    }

    /// Locks it for writing, alone.
    ///
    /// **Blocks** the calling routine while anybody else holds it; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `mu.Lock()`.
    #[inline(always)]
    #[track_caller]
    pub fn write(&self) {
        if !self.word.try_write() {
            self.write_slow(None);
        }
    }

    /// Locks it for writing, if nobody holds it or waits for it.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `mu.TryLock()`.
    #[inline]
    pub fn try_write(&self) -> bool {
        self.word.try_write()
    }

    /// As [`write`](RawRwLock::write), if that is possible within `timeout`; whether it was.
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> bool {
        self.write_until_nanos(clock::deadline(timeout))
    }

    /// As [`write`](RawRwLock::write), if that is possible before `deadline`; whether it was.
    #[track_caller]
    pub fn write_until(&self, deadline: Instant) -> bool {
        self.write_until_nanos(deadline.nanos())
    }

    #[track_caller]
    pub(in crate::sync) fn write_until_nanos(&self, deadline: Nanos) -> bool {
        self.word.try_write() || self.write_slow(Some(deadline))
    }

    /// Whether anybody holds it; old news at once.
    pub fn is_locked(&self) -> bool {
        self.word.is_locked()
    }

    /// Whether a writer holds it; old news at once.
    pub fn is_locked_exclusively(&self) -> bool {
        self.word.is_written()
    }

    /// Ends one reading.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// [`NotLockedError`] if nobody reads; nothing has changed then.
    ///
    /// # Go
    /// `mu.RUnlock()`, which ends the process then.
    pub fn unlock_read(&self) -> Result<(), NotLockedError> {
        if self.word.try_leave_read()? {
            self.settle();
        }
        Ok(())
    }

    /// As `unlock_read`, from a guard, which is proof that there is a reader.
    #[inline(always)]
    pub(in crate::sync) fn unlock_read_held(&self) {
        if self.word.leave_read() {
            self.settle();
        }
    }

    /// Ends the writing.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// [`NotLockedError`] if nobody writes; nothing has changed then.
    ///
    /// # Go
    /// `mu.Unlock()`, which ends the process then.
    #[inline(always)]
    pub fn unlock_write(&self) -> Result<(), NotLockedError> {
        if self.word.leave_write() {
            return Ok(());
        }
        self.unlock_write_slow()
    }

    #[inline(never)]
    fn unlock_write_slow(&self) -> Result<(), NotLockedError> {
        let mut wakes = Wakes::NONE;
        self.word.unlock_write(now, |next| wakes.add(next))?;
        wakes.wake();
        Ok(())
    }

    /// From a writer's guard: it reads on, and no writer comes in between.
    pub(in crate::sync) fn downgrade_held(&self) {
        if self.word.downgrade() {
            self.settle();
        }
    }

    #[inline(never)]
    fn settle(&self) {
        let mut wakes = Wakes::NONE;
        self.word.settle(now, |next| wakes.add(next));
        wakes.wake();
    }

    /// Reads or blocks; `false`: the deadline came first.
    ///
    /// The first look has no frame: while somebody is on its way to the lock, all others come by here.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(in crate::sync) fn read_slow(&self, deadline: Option<Nanos>) -> bool {
        self.word.barge_now(Side::Read) || self.lock_slow(Side::Read, deadline)
    }

    /// Writes or blocks; as `read_slow`.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(in crate::sync) fn write_slow(&self, deadline: Option<Nanos>) -> bool {
        self.word.barge_now(Side::Write) || self.lock_slow(Side::Write, deadline)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lock_slow(&self, side: Side, deadline: Option<Nanos>) -> bool {
        let is_got = look_again(
            || self.word.barge(side, now),
            || self.word.is_worth_a_look(),
        );
        if is_got {
            return true;
        }
        let waiter = Waiter::here();
        let since = now();
        let mut is_woken = false;
        loop {
            if !self.stand(side, &waiter, since, is_woken) {
                return true;
            }
            let wait = Wait {
                lines: &self.word.lines,
                waiter: &waiter,
                side,
            };
            let reason = match side {
                Side::Read => Reason::RwRead,
                Side::Write => Reason::RwWrite,
            };
            // SAFETY: made here, linked just now; `wait` takes this waiter out.
            let outcome = unsafe { wait_for(&waiter, &wait, reason, deadline) };
            match outcome {
                Outcome::Woken if is_granted(&waiter) => return true,
                Outcome::Woken => is_woken = true,
                Outcome::TimedOut => {
                    self.settle();
                    return false;
                }
                Outcome::Cancelled => {
                    self.settle();
                    park::raise();
                }
            }
        }
    }

    /// Locks it, or stands in the line (`true`). A frame of its own, which is gone when the routine parks.
    #[inline(never)]
    fn stand(&self, side: Side, waiter: &Waiter, since: u32, is_woken: bool) -> bool {
        let late = is_woken && is_late(since);
        let mut lines = self.word.lines.lock();
        let entry = if is_woken {
            self.word.come(&mut lines, side, late)
        } else {
            self.word.enter(&lines, side, Comer::New)
        };
        if entry == Entry::Got {
            return false;
        }
        waiter.reset();
        // SAFETY: new or woken, so not linked; it stays in the caller's frame until it is unlinked.
        unsafe { lines.line(side).push(waiter, u64::from(since), entry) };
        true
    }

    pub(in crate::sync) fn seek_read(&self) -> RwSeek<'_> {
        RwSeek {
            lock: self,
            side: Side::Read,
        }
    }

    pub(in crate::sync) fn seek_write(&self) -> RwSeek<'_> {
        RwSeek {
            lock: self,
            side: Side::Write,
        }
    }

    fn settle_under(&self, lines: &mut Lines<Line>) -> Wakes {
        let mut wakes = Wakes::NONE;
        self.word.settle_under(lines, now, |next| wakes.add(next));
        wakes
    }
}

/// What a future does with a read-write lock.
pub(in crate::sync) struct RwSeek<'a> {
    lock: &'a RawRwLock,
    side: Side,
}

impl Seek for RwSeek<'_> {
    type Under = Lines<Line>;

    fn under(&self) -> &SpinLock<Lines<Line>> {
        &self.lock.word.lines
    }

    fn line<'a>(&self, under: &'a mut Lines<Line>) -> &'a mut Line {
        under.line(self.side)
    }

    fn try_now(&self, _: Comer) -> bool {
        self.lock.word.try_lock(self.side)
    }

    fn enter(&self, under: &mut Lines<Line>, comer: Comer, _: bool) -> (Option<Entry>, Wakes) {
        let entry = self.lock.word.enter(under, self.side, comer);
        (Some(entry), Wakes::NONE)
    }

    fn left(&self, under: &mut Lines<Line>) -> Wakes {
        self.lock.settle_under(under)
    }

    fn pass_on(&self, _: bool) {
        self.lock.settle();
    }
}

impl Default for RawRwLock {
    fn default() -> RawRwLock {
        RawRwLock::new()
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRwLock")
            .field("is_locked", &self.is_locked())
            .finish()
    }
}
