//! The word of a mutex: barging, and a reservation for who has waited too long.
//!
//! ```text
//! lock                                        unlock
//! L1 CAS 0 -> LOCKED: done                    U1 CAS LOCKED -> 0: done
//! L2 neither LOCKED nor STARVING: CAS in      U2 nobody QUEUED, or one is WOKEN already: LOCKED goes
//!    LOCKED (barging)                         U3 else, under the line's lock: tell the first one; does it
//! L3 under the line's lock: QUEUED goes in,      block: WOKEN goes in, LOCKED goes
//!    enter the line, block                    U4 wake it
//! L4 woken: not LOCKED: LOCKED goes in, WOKEN
//!    goes; else to the front of the line, and
//!    STARVING goes in after 1 ms of waiting
//! ```
//!
//! The woken one competes with newcomers, so that the lock is not idle while somebody is being switched
//! to. After 1 ms STARVING reserves the free lock for the one that is WOKEN, each unlock wakes the next
//! in turn, and newcomers queue; that ends when the line is empty or who takes it has waited less.
//!
//! A woken routine cannot say that it has waited too long while a home-mate that locks and unlocks
//! without ever having to park keeps it from running. So who barges past a woken one counts that, and
//! looks at the clock every `BARGES` times (Go preempts the home-mate instead).
//!
//! - I1: LOCKED|QUEUED without WOKEN changes under the line's lock only.
//! - I2: WOKEN stands for one who blocks, was woken and has not come yet; it is set under the line's
//!   lock and cleared by that one.
//! - I3: STARVING without LOCKED implies WOKEN: the lock is never reserved for nobody. (With LOCKED, and
//!   nobody WOKEN, it implies QUEUED, which is cleared only with it: by `tell`, or by the last in the line.)
//! - I4: nobody is left in the line of a lock that is free, unless somebody is WOKEN or a task was told.
//!   A lock is never reserved for a task, and a task that was told holds up nobody who blocks.

#[cfg(all(test, loom))]
mod model;

use super::{Comer, Entry, Line, NotHeld, Right};
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};

const LOCKED: u32 = 1;
const WOKEN: u32 = 2;
const STARVING: u32 = 4;
const QUEUED: u32 = 8;
/// One who has barged past the woken one.
const BARGED: u32 = 16;
const BARGES: u32 = 64;

/// Microseconds of waiting, by a clock that may wrap, after which the lock is reserved.
pub(crate) const PATIENCE: u32 = 1000;

#[repr(C)]
pub(crate) struct MutexWord<L> {
    word: AtomicU32,
    /// When the one that WOKEN stands for began to wait.
    since: AtomicU32,
    pub(crate) line: SpinLock<L>,
}

impl<L> MutexWord<L> {
    const_fn! {
        pub(crate) fn new(line: L) -> MutexWord<L> {
            MutexWord {
                word: AtomicU32::new(0),
                since: AtomicU32::new(0),
                line: SpinLock::new(line),
            }
        }
    }

    /// L1. Looks first: a failed exchange takes as long as one that succeeds, and while somebody is WOKEN it
    /// would fail each time.
    #[inline(always)]
    pub(crate) fn lock_free(&self) -> bool {
        // ORDER: Acquire pairs with the Release of each unlock.
        self.word.load(Ordering::Relaxed) == 0
            && self
                .word
                .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// L2, from one who never waits.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (LOCKED | STARVING) == 0 {
            // ORDER: Acquire pairs with the Release of each unlock.
            match self.word.compare_exchange_weak(
                word,
                word | LOCKED,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    #[inline]
    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// Whether another look, soon, may find it free: it is held, and nobody has waited too long.
    #[inline]
    pub(crate) fn is_worth_a_look(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STARVING == 0
    }

    /// L2, counting; `now` is a clock of microseconds.
    pub(crate) fn barge(&self, now: impl Fn() -> u32) -> bool {
        self.barge_if(|| Some(now()))
    }

    /// As [`barge`](MutexWord::barge), unless it is time to look at the clock: without a call, so that its
    /// caller needs no frame.
    #[inline(always)]
    pub(crate) fn barge_now(&self) -> bool {
        self.barge_if(|| None)
    }

    #[inline(always)]
    fn barge_if(&self, now: impl Fn() -> Option<u32>) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (LOCKED | STARVING) == 0 {
            let mut new = word | LOCKED;
            if word & WOKEN != 0 && word >= BARGED * BARGES {
                match now() {
                    None => return false,
                    Some(now) if self.is_late(now) => new = word | STARVING,
                    Some(_) => new &= BARGED - 1,
                }
            } else if word & WOKEN != 0 {
                new += BARGED;
            }
            // ORDER: Acquire pairs with the Release of each unlock.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return new & LOCKED != 0,
                Err(now) => word = now,
            }
        }
        false
    }

    fn is_late(&self, now: u32) -> bool {
        now.wrapping_sub(self.since.load(Ordering::Relaxed)) > PATIENCE
    }

    /// L4, from the one that WOKEN stands for; `is_late` says whether it has waited too long.
    pub(crate) fn lock_woken(&self, is_late: impl Fn() -> bool) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED == 0 {
            let is_over = word & QUEUED == 0 || word & STARVING == 0 || !is_late();
            let kept = if is_over { QUEUED } else { QUEUED | STARVING };
            // ORDER: Acquire pairs with the Release of each unlock.
            match self.word.compare_exchange_weak(
                word,
                word & kept | LOCKED,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// L3, under the line's lock, from a newcomer, or from a task that was told. Never `Got`, but `None`:
    /// it may be had without waiting; try again.
    pub(crate) fn enter(&self, comer: Comer) -> Option<Entry> {
        self.queue(LOCKED | STARVING, 0, 0)?;
        Some(comer.place())
    }

    /// L4, under the line's lock, from the one that WOKEN stands for: to the front, unless it is free
    /// (`None`).
    pub(crate) fn enter_woken(&self, is_late: bool) -> Option<Entry> {
        let add = if is_late { STARVING } else { 0 };
        self.queue(LOCKED, add, !(LOCKED | QUEUED | STARVING))?;
        Some(Entry::Front)
    }

    fn queue(&self, taken: u32, add: u32, remove: u32) -> Option<()> {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & taken != 0 {
            let new = word & !remove | QUEUED | add;
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(()),
                Err(now) => word = now,
            }
        }
        None
    }

    /// U1, and the first try of U2: one locked instruction in either case.
    #[inline(always)]
    pub(crate) fn unlock_free(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire of whoever locks it next.
        Self::tells_nobody(word)
            && self
                .word
                .compare_exchange(word, word & !LOCKED, Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether an unlock has to tell nobody: nobody is QUEUED, or somebody WOKEN already.
    #[inline(always)]
    fn tells_nobody(word: u32) -> bool {
        word & LOCKED != 0 && (word & QUEUED == 0 || word & WOKEN != 0)
    }
}

impl<L: Line> MutexWord<L> {
    /// U2 to U4; `wake` gets those who are to be woken once the line has been released.
    pub(crate) fn unlock(&self, mut wake: impl FnMut(L::Right)) -> Result<(), NotHeld> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                return Err(NotHeld);
            }
            if Self::tells_nobody(word) {
                if self.unlock_free() {
                    return Ok(());
                }
                continue;
            }
            let mut line = self.line.lock();
            // Again: it may have changed before we had the line.
            let word = self.word.load(Ordering::Relaxed);
            if word & (LOCKED | QUEUED | WOKEN) == LOCKED | QUEUED {
                let free = self.tell(&mut line, word, &mut wake);
                // ORDER: Release pairs with the Acquire of whoever locks it next. A plain store: I1.
                self.word.store(free, Ordering::Release);
                return Ok(());
            }
        }
    }

    /// U3: takes off those who are to go on; the word of the free lock.
    fn tell(&self, line: &mut L, word: u32, wake: &mut impl FnMut(L::Right)) -> u32 {
        let mut free = 0;
        // Reserved only where no task was told: else tasks would have no turn among the impatient.
        let mut reserve = word & STARVING;
        // Tasks that stand before the first who blocks are told as well as that one: I4.
        while let Some(first) = line.pop() {
            let (is_task, since) = (first.is_task(), first.ask());
            wake(first);
            if !is_task {
                self.since.store(since as u32, Ordering::Relaxed);
                free = WOKEN | reserve;
                break;
            }
            reserve = 0;
            if line.blocked() == 0 {
                break;
            }
        }
        free | if line.is_empty() { 0 } else { QUEUED }
    }

    /// A task that was told does not come: so whoever is next is told, unless somebody will do that at
    /// the next unlock.
    pub(crate) fn pass_on(&self, wake: impl FnMut(L::Right)) {
        if self.try_lock() {
            let unlocked = self.unlock(wake);
            debug_assert!(unlocked.is_ok(), "locked just now");
        }
    }
}
