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

use super::{Comer, Entry, Line, NotHeld, Right};
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};
use crate::queue::locks::mutex::PATIENCE;

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
fn is_open(word: u32, side: Side) -> bool {
    match side {
        Side::Read => word & (WRITER | FULL) == 0,
        Side::Write => is_free(word),
    }
}

fn is_free(word: u32) -> bool {
    word & WRITER == 0 && word < READER
}

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

impl<L: Line> RwWord<L> {
    /// R3, W3, under the lines' lock.
    pub(crate) fn enter(&self, lines: &Lines<L>, side: Side, comer: Comer) -> Entry {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let may_enter = is_open(word, side)
                && match comer {
                    Comer::Told => true,
                    // Only tasks wait (I4), or it is free for who comes first.
                    Comer::New if is_free(word) => {
                        !self.is_in_order(word) || self.blocked(lines) + lines.woken == 0
                    }
                    // A writer that waits comes first.
                    Comer::New => lines.writers.is_empty(),
                };
            let new = if may_enter {
                word + share(side)
            } else {
                word | QUEUED
            };
            // ORDER: Acquire pairs with the Release of all who held it.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if may_enter => {
                    self.clear(lines);
                    return Entry::Got;
                }
                Ok(_) => return comer.place(),
                Err(now) => word = now,
            }
        }
    }

    /// C, under the lines' lock.
    pub(crate) fn come(&self, lines: &mut Lines<L>, side: Side, is_late: bool) -> Entry {
        lines.woken -= 1;
        let gone = if lines.woken == 0 { WOKEN } else { 0 };
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let may_enter = is_open(word, side);
            let new = if may_enter {
                (word & !gone) + share(side)
            } else {
                (word & !gone) | QUEUED | if is_late { STARVING } else { 0 }
            };
            // ORDER: Acquire pairs with the Release of all who held it.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if may_enter => {
                    self.clear(lines);
                    return Entry::Got;
                }
                Ok(_) => return Entry::Front,
                Err(now) => word = now,
            }
        }
    }

    fn blocked(&self, lines: &Lines<L>) -> u32 {
        lines.readers.blocked() + lines.writers.blocked()
    }

    /// Under the lines' lock: newcomers need not come here if nobody waits.
    fn clear(&self, lines: &Lines<L>) {
        if lines.readers.is_empty() && lines.writers.is_empty() && lines.woken == 0 {
            self.word.fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
        }
    }

    /// V1, after `leave_read` has said so.
    pub(crate) fn settle(&self, now: impl Fn() -> u32, wake: impl FnMut(L::Right)) {
        self.settle_under(&mut self.lines.lock(), now, wake);
    }

    /// X2, X3.
    pub(crate) fn unlock_write(
        &self,
        now: impl Fn() -> u32,
        wake: impl FnMut(L::Right),
    ) -> Result<(), NotHeld> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & WRITER == 0 {
                return Err(NotHeld);
            }
            if !Self::tells_nobody(word) {
                break;
            }
            if self.leave_write() {
                return Ok(());
            }
        }
        let mut lines = self.lines.lock();
        // ORDER: Release pairs with the Acquire of whoever takes it next.
        let word = self.word.fetch_and(!WRITER, Ordering::Release);
        if word & WRITER == 0 {
            return Err(NotHeld);
        }
        if word & (QUEUED | WOKEN) == QUEUED {
            self.give(&mut lines, Side::Read, now, wake);
        }
        Ok(())
    }

    /// Under the lines' lock, after somebody has left a line, or a task that was told does not come: what
    /// it has kept from others is theirs.
    pub(crate) fn settle_under(
        &self,
        lines: &mut Lines<L>,
        now: impl Fn() -> u32,
        mut wake: impl FnMut(L::Right),
    ) {
        // ORDER: Acquire pairs with the Release of all who held it: who is granted it may touch what they
        // have used, and is ordered after us by its wake.
        let word = self.word.fetch_or(QUEUED, Ordering::Acquire);
        if is_free(word) {
            if word & WOKEN == 0 {
                self.give(lines, Side::Write, now, wake);
            }
        } else if word & WRITER == 0 && lines.writers.is_empty() {
            // It is being read, and no writer waits any more. A barging writer may be there before them.
            if self.is_in_order(word) {
                self.admit(lines, &now, &mut wake);
            } else {
                self.call(lines, Side::Read, false, &mut wake);
            }
        }
        self.clear(lines);
    }

    /// Settle: the lock is free or barged into by now, nobody is WOKEN, and QUEUED is set.
    fn give(
        &self,
        lines: &mut Lines<L>,
        first: Side,
        now: impl Fn() -> u32,
        mut wake: impl FnMut(L::Right),
    ) {
        let in_order = self.is_in_order(self.word.load(Ordering::Relaxed));
        let readers_first = first == Side::Read || lines.writers.is_empty();
        let mut told = !in_order || (readers_first && !lines.readers.is_empty());
        let mut is_given = false;
        if readers_first {
            is_given = if in_order {
                self.admit(lines, &now, &mut wake)
            } else {
                self.call(lines, Side::Read, false, &mut wake)
            };
        }
        while !is_given {
            let Some(mut writer) = lines.writers.pop() else {
                break;
            };
            is_given = !writer.is_task();
            if is_given && !told {
                self.word.fetch_or(WRITER, Ordering::Relaxed);
                if self.is_calm(&writer, &now) {
                    self.word.fetch_and(!STARVING, Ordering::Relaxed);
                }
                writer.grant();
            } else if is_given {
                self.note_woken(lines, &writer);
            }
            told = true;
            wake(writer);
            if self.blocked(lines) == 0 {
                break;
            }
        }
        if !is_given && self.blocked(lines) > 0 {
            // S3: writers were told, all of them tasks, and only readers block.
            self.call(lines, Side::Read, true, &mut wake);
        }
        self.clear(lines);
    }

    /// Granted to one who has not waited long: the order has served its purpose.
    fn is_calm(&self, granted: &L::Right, now: &impl Fn() -> u32) -> bool {
        !self.is_strict && now().wrapping_sub(granted.ask() as u32) <= PATIENCE
    }

    /// Wakes those of a line, ungranted; all, or up to the first who blocks; whether any blocks.
    fn call(
        &self,
        lines: &mut Lines<L>,
        side: Side,
        one: bool,
        wake: &mut impl FnMut(L::Right),
    ) -> bool {
        let mut any = false;
        while !(one && any) {
            let Some(waiter) = lines.line(side).pop() else {
                break;
            };
            if !waiter.is_task() {
                any = true;
                self.note_woken(lines, &waiter);
            }
            wake(waiter);
        }
        any
    }

    fn note_woken(&self, lines: &mut Lines<L>, waiter: &L::Right) {
        if lines.woken == 0 {
            self.since.store(waiter.ask() as u32, Ordering::Relaxed);
            self.barged.store(0, Ordering::Relaxed);
            self.word.fetch_or(WOKEN | QUEUED, Ordering::Relaxed);
        }
        lines.woken += 1;
    }

    /// Lets all in who wait to read: whether any of them blocks, so that the lock is held now. Only in
    /// order: nobody barges.
    fn admit(
        &self,
        lines: &mut Lines<L>,
        now: &impl Fn() -> u32,
        wake: &mut impl FnMut(L::Right),
    ) -> bool {
        let (mut count, mut is_calm) = (0, false);
        while let Some(mut reader) = lines.readers.pop() {
            if !reader.is_task() {
                count += 1;
                self.word.fetch_add(READER, Ordering::Relaxed);
                if count == 1 {
                    is_calm = self.is_calm(&reader, now);
                }
                reader.grant();
            }
            wake(reader);
        }
        if is_calm {
            self.word.fetch_and(!STARVING, Ordering::Relaxed);
        }
        count > 0
    }
}
