//! What is decided under the lock of the lines: R3, W3, C, V1 and X3 for those who find no way past them, and the
//! settling, S1 to S3.

use super::super::mutex::PATIENCE;
use super::super::{Comer, Entry, Line, NotHeld, Right};
use super::{
    Lines, QUEUED, READER, RwWord, STARVING, Side, WOKEN, WRITER, is_free, is_open, share,
};
use crate::prim::Ordering;

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
