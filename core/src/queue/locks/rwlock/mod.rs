//! The word of a read-write lock: a writer that waits keeps new readers out; when a writer leaves, all
//! readers that wait go before the next writer.
//!
//! ```text
//! read                                         unlock read
//! R1 CAS w -> w + READER, if neither WRITER    V1 w - READER; the last one, QUEUED and nobody WOKEN:
//!    nor QUEUED                                   under the lines' lock: settle, writers first
//! R2 free, and not STARVING: CAS + READER      unlock write
//!    (barging)                                 X1 CAS WRITER -> 0
//! R3 under the lines' lock: QUEUED goes in;    X2 one is WOKEN: CAS WRITER out
//!    no writer holds or waits: + READER        X3 under the lines' lock: WRITER goes; settle, readers
//!    else enter the readers' line, block          first
//! write                                        settle (the lock is free)
//! W1 CAS 0 -> WRITER                           S1 STARVING: grant it to all readers of their line, or to
//! W2 as R2, WRITER                                the first writer, and wake them
//! W3 as R3; free: WRITER                       S2 else wake them, ungranted; WOKEN goes in
//!    else enter the writers' line, block       S3 tasks among them are told; if none of them blocks,
//! C  woken, ungranted: under the lines' lock:     wake, ungranted, the next one who does
//!    take it, or go to the front of the line;
//!    waited for 1 ms: STARVING goes in
//! ```
//!
//! Here is what is decided by the word alone; `lines` has what needs the lines' lock.
//!
//! The order is kept while the lock is held. When it is free, whoever runs may have it before those that
//! have been woken and are on their way (*barging*), as with the mutex, and for the same reason: handed to
//! one that sleeps, it stays idle for longer than it is ever held, all who run pile up behind it, and that
//! does not end. After 1 ms STARVING ends the barging, until who is granted it has waited less. A *strict*
//! lock is always STARVING: in Go's order at any time, at that price.
//!
//! - I1: while QUEUED is set, which it is while anybody is in a line or WOKEN, newcomers do not pass R1 and
//!   W1; all but the count of readers, and a barger's CAS on a free lock, changes under the lines' lock or
//!   by the one holder.
//! - I2: WOKEN stands for `Lines::woken`, those who block, were woken ungranted and have not come yet. They
//!   come, and either take it or see, in the same step in which WOKEN goes, that somebody holds it, who
//!   will settle.
//! - I3: a lock that is free, with QUEUED, has somebody WOKEN, or only tasks wait, one of which was told, or
//!   the one who left it free is about to settle.
//! - I4: a task that was told holds up nobody who blocks; if only tasks wait, nor any newcomer.

mod lines;
#[cfg(all(test, loom))]
mod model;

use super::NotHeld;
use super::mutex::PATIENCE;
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};

const WRITER: u32 = 1;
const QUEUED: u32 = 2;
const WOKEN: u32 = 4;
const STARVING: u32 = 8;
const READER: u32 = 16;
/// No more readers than that.
const FULL: u32 = 1 << 31;

/// Barging past a woken one so often, one looks at the clock.
const BARGES: u32 = 64;

#[repr(C)]
pub(crate) struct RwWord<L> {
    word: AtomicU32,
    /// How often somebody has barged past those that WOKEN stands for.
    barged: AtomicU32,
    /// When the one of them that has waited longest began to wait.
    since: AtomicU32,
    is_strict: bool,
    pub(crate) lines: SpinLock<Lines<L>>,
}

/// Those who wait.
pub(crate) struct Lines<L> {
    pub(crate) readers: L,
    pub(crate) writers: L,
    /// I2.
    woken: u32,
}

/// Who reads, who writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Read,
    Write,
}

/// Whether a lock that is held by these may be taken too.
#[inline]
fn is_open(word: u32, side: Side) -> bool {
    match side {
        Side::Read => word & (WRITER | FULL) == 0,
        Side::Write => is_free(word),
    }
}

#[inline]
fn is_free(word: u32) -> bool {
    word & WRITER == 0 && word < READER
}

#[inline]
fn share(side: Side) -> u32 {
    match side {
        Side::Read => READER,
        Side::Write => WRITER,
    }
}

impl<L> Lines<L> {
    pub(crate) fn line(&mut self, side: Side) -> &mut L {
        match side {
            Side::Read => &mut self.readers,
            Side::Write => &mut self.writers,
        }
    }
}

impl<L> RwWord<L> {
    const_fn! {
        pub(crate) fn new(readers: L, writers: L, is_strict: bool) -> RwWord<L> {
            RwWord {
                word: AtomicU32::new(0),
                barged: AtomicU32::new(0),
                since: AtomicU32::new(0),
                is_strict,
                lines: SpinLock::new(Lines { readers, writers, woken: 0 }),
            }
        }
    }

    /// R1.
    #[inline(always)]
    pub(crate) fn try_read(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & (WRITER | QUEUED | FULL) == 0 {
            // ORDER: Acquire pairs with the Release of the last writer's unlock.
            match self.word.compare_exchange_weak(
                word,
                word + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// W1.
    #[inline(always)]
    pub(crate) fn try_write(&self) -> bool {
        // ORDER: Acquire pairs with the Release of all who held it.
        self.word.load(Ordering::Relaxed) == 0
            && self
                .word
                .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    #[inline]
    pub(crate) fn try_lock(&self, side: Side) -> bool {
        match side {
            Side::Read => self.try_read(),
            Side::Write => self.try_write(),
        }
    }

    #[inline]
    pub(crate) fn is_locked(&self) -> bool {
        !is_free(self.word.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn is_written(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WRITER != 0
    }

    /// Whether another look, soon, may find it open to newcomers.
    pub(crate) fn is_worth_a_look(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & QUEUED == 0 || !self.is_in_order(word)
    }

    /// Whether it is granted in turn.
    fn is_in_order(&self, word: u32) -> bool {
        self.is_strict || word & STARVING != 0
    }

    /// R1, R2, W1, W2; `now` is a clock of microseconds.
    pub(crate) fn barge(&self, side: Side, now: impl Fn() -> u32) -> bool {
        self.barge_if(side, || Some(now()))
    }

    /// As [`barge`](RwWord::barge), unless it is time to look at the clock: without a call, so that its caller
    /// needs no frame.
    #[inline(always)]
    pub(crate) fn barge_now(&self, side: Side) -> bool {
        self.barge_if(side, || None)
    }

    #[inline(always)]
    fn barge_if(&self, side: Side, now: impl Fn() -> Option<u32>) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while is_open(word, side) && (word & QUEUED == 0 || self.may_barge(word)) {
            let mut new = word + share(side);
            if word & WOKEN != 0 && self.count_barge() {
                match now() {
                    None => return false,
                    Some(now) if self.is_late(now) => new = word | STARVING,
                    Some(_) => {}
                }
            }
            // ORDER: Acquire pairs with the Release of all who held it.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return new & STARVING == 0,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Of one that is open and has somebody QUEUED.
    #[inline]
    fn may_barge(&self, word: u32) -> bool {
        is_free(word) && !self.is_in_order(word)
    }

    /// Whether it is time to look at the clock. Two at once may count as one.
    fn count_barge(&self) -> bool {
        let barged = self.barged.load(Ordering::Relaxed);
        self.barged.store(barged + 1, Ordering::Relaxed);
        barged >= BARGES
    }

    fn is_late(&self, now: u32) -> bool {
        self.barged.store(0, Ordering::Relaxed);
        now.wrapping_sub(self.since.load(Ordering::Relaxed)) > PATIENCE
    }

    /// V1, from one who certainly reads; `true`: to be settled.
    #[inline(always)]
    #[must_use]
    pub(crate) fn leave_read(&self) -> bool {
        // ORDER: Release pairs with the Acquire of the next writer.
        let word = self.word.fetch_sub(READER, Ordering::Release) - READER;
        word & (QUEUED | WOKEN) == QUEUED && is_free(word)
    }

    /// V1, from one who may be wrong.
    pub(crate) fn try_leave_read(&self) -> Result<bool, NotHeld> {
        let mut word = self.word.load(Ordering::Relaxed);
        while word >= READER {
            // ORDER: Release pairs with the Acquire of the next writer.
            match self.word.compare_exchange_weak(
                word,
                word - READER,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    let word = word - READER;
                    return Ok(word & (QUEUED | WOKEN) == QUEUED && is_free(word));
                }
                Err(now) => word = now,
            }
        }
        Err(NotHeld)
    }

    /// X1, and the first try of X2: one locked instruction in either case.
    #[inline(always)]
    pub(crate) fn leave_write(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire of whoever takes it next.
        Self::tells_nobody(word)
            && self
                .word
                .compare_exchange(word, word & !WRITER, Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether a writer that unlocks has to tell nobody: nobody is QUEUED, or somebody WOKEN already.
    #[inline(always)]
    fn tells_nobody(word: u32) -> bool {
        word & WRITER != 0 && (word & QUEUED == 0 || word & WOKEN != 0)
    }

    /// A writer becomes a reader, without a moment between; `true`: to be settled.
    pub(crate) fn downgrade(&self) -> bool {
        // ORDER: Release pairs with the Acquire of the readers to come.
        self.word.fetch_add(READER - WRITER, Ordering::Release) & QUEUED != 0
    }
}
