//! The word of a read-write lock, in Go's order: a writer that waits keeps new readers out; when a
//! writer leaves, all readers that wait go before the next writer.
//!
//! ```text
//! read                                         unlock read
//! R1 CAS w -> w + READER, if neither WRITER    V1 w - READER; the last one, and QUEUED:
//!    nor QUEUED                                   under the lines' lock: settle, writers first
//! R2 under the lines' lock: QUEUED goes in;    unlock write
//!    no writer holds or waits: + READER        X1 CAS WRITER -> 0
//!    else enter the readers' line, block       X2 under the lines' lock: WRITER goes; settle,
//! write                                           readers first
//! W1 CAS 0 -> WRITER                           settle (the lock is free)
//! W2 under the lines' lock: QUEUED goes in;    S1 grant it to all readers of their line, or to the
//!    free and nobody blocks in a line: WRITER     first writer
//!    else enter the writers' line, block       S2 tasks among them are told; if none of them
//!                                                 blocks, wake, ungranted, the next one who does
//! ```
//!
//! - I1: while QUEUED is set, newcomers come under the lines' lock; without it only the count of readers
//!   changes, downwards.
//! - I2: of a lock that was left free by S2 somebody who blocks was woken, if there was one, and comes to
//!   look. A task that was told holds up nobody who blocks.
//! - I3: who finds QUEUED set, the lock free and nobody who blocks in the lines takes it: only tasks
//!   wait, and those that were told may never come.

use super::{Comer, Entry, Line, NotHeld, Right};
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};

const WRITER: u32 = 1;
const QUEUED: u32 = 2;
const READER: u32 = 4;
/// More readers than Go allows at once.
const FULL: u32 = 1 << 31;

#[repr(C)]
pub(crate) struct RwWord<L> {
    word: AtomicU32,
    pub(crate) lines: SpinLock<Lines<L>>,
}

/// Those who wait.
pub(crate) struct Lines<L> {
    pub(crate) readers: L,
    pub(crate) writers: L,
}

/// Whom a free lock goes to first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Readers,
    Writer,
}

impl<L> RwWord<L> {
    const_fn! {
        pub(crate) fn new(readers: L, writers: L) -> RwWord<L> {
            RwWord {
                word: AtomicU32::new(0),
                lines: SpinLock::new(Lines { readers, writers }),
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
        self.word
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & !QUEUED != 0
    }

    #[inline]
    pub(crate) fn is_written(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WRITER != 0
    }

    /// V1, from one who certainly reads; `true`: to be settled.
    #[inline(always)]
    #[must_use]
    pub(crate) fn leave_read(&self) -> bool {
        // ORDER: Release pairs with the Acquire of the next writer.
        self.word.fetch_sub(READER, Ordering::Release) == READER | QUEUED
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
                Ok(_) => return Ok(word == READER | QUEUED),
                Err(now) => word = now,
            }
        }
        Err(NotHeld)
    }

    /// X1.
    #[inline(always)]
    pub(crate) fn leave_write(&self) -> bool {
        // ORDER: Release pairs with the Acquire of whoever takes it next.
        self.word
            .compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// A writer becomes a reader, without a moment between; `true`: to be settled.
    pub(crate) fn downgrade(&self) -> bool {
        // ORDER: Release pairs with the Acquire of the readers to come.
        self.word.fetch_add(READER - WRITER, Ordering::Release) & QUEUED != 0
    }
}

impl<L: Line> RwWord<L> {
    /// R2, under the lines' lock.
    pub(crate) fn enter_read(&self, lines: &Lines<L>, comer: Comer) -> Entry {
        let word = self.word.fetch_or(QUEUED, Ordering::Relaxed);
        let may_read = match comer {
            Comer::Told => word & WRITER == 0,
            // A writer that waits comes first; only tasks do: I3.
            Comer::New if word & !QUEUED == 0 => self.blocked(lines) == 0,
            Comer::New => word & WRITER == 0 && lines.writers.is_empty(),
        };
        if may_read && word < FULL {
            // ORDER: Acquire pairs with the Release of the last writer.
            self.word.fetch_add(READER, Ordering::Acquire);
            self.clear(lines);
            return Entry::Got;
        }
        Self::place(comer)
    }

    /// W2, under the lines' lock.
    pub(crate) fn enter_write(&self, lines: &Lines<L>, comer: Comer) -> Entry {
        let word = self.word.fetch_or(QUEUED, Ordering::Relaxed);
        let may_write = word & !QUEUED == 0 && (comer == Comer::Told || self.blocked(lines) == 0);
        if may_write {
            // ORDER: Acquire pairs with the Release of all who held it.
            self.word.fetch_or(WRITER, Ordering::Acquire);
            self.clear(lines);
            return Entry::Got;
        }
        Self::place(comer)
    }

    fn place(comer: Comer) -> Entry {
        match comer {
            Comer::New => Entry::Back,
            Comer::Told => Entry::Front,
        }
    }

    fn blocked(&self, lines: &Lines<L>) -> u32 {
        lines.readers.blocked() + lines.writers.blocked()
    }

    /// Under the lines' lock: newcomers need not come here if nobody waits.
    fn clear(&self, lines: &Lines<L>) {
        if lines.readers.is_empty() && lines.writers.is_empty() {
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// V1, after `leave_read` has said so.
    pub(crate) fn settle(&self, wake: impl FnMut(L::Right)) {
        self.settle_under(&mut self.lines.lock(), wake);
    }

    /// X2.
    pub(crate) fn unlock_write(&self, wake: impl FnMut(L::Right)) -> Result<(), NotHeld> {
        let mut lines = self.lines.lock();
        let word = self.word.load(Ordering::Relaxed);
        if word & WRITER == 0 {
            return Err(NotHeld);
        }
        // I1: with QUEUED set nobody takes it before we let go of the lines.
        self.word.fetch_or(QUEUED, Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire of whoever takes it next.
        self.word.fetch_and(!WRITER, Ordering::Release);
        self.give(&mut lines, First::Readers, wake);
        Ok(())
    }

    /// Under the lines' lock, after somebody has left a line, or a task that was told does not come: what
    /// it has kept from others is theirs.
    pub(crate) fn settle_under(&self, lines: &mut Lines<L>, mut wake: impl FnMut(L::Right)) {
        // ORDER: Acquire pairs with the Release of all who held it: who is granted it may touch what they
        // have used, and is ordered after us by its wake.
        let word = self.word.fetch_or(QUEUED, Ordering::Acquire);
        if word & !QUEUED == 0 {
            self.give(lines, First::Writer, wake);
        } else if word & WRITER == 0 && lines.writers.is_empty() {
            // It is being read, and no writer waits any more.
            self.admit(lines, &mut wake);
            self.clear(lines);
        } else {
            self.clear(lines);
        }
    }

    /// Settle: the lock is free, and QUEUED set.
    fn give(&self, lines: &mut Lines<L>, first: First, mut wake: impl FnMut(L::Right)) {
        let readers_first = first == First::Readers || lines.writers.is_empty();
        let mut told = readers_first && !lines.readers.is_empty();
        let mut is_given = readers_first && self.admit(lines, &mut wake);
        while !is_given {
            let Some(mut writer) = lines.writers.pop() else {
                break;
            };
            is_given = !writer.is_task();
            if is_given && !told {
                self.word.fetch_or(WRITER, Ordering::Relaxed);
                writer.grant();
            }
            told = true;
            wake(writer);
            if self.blocked(lines) == 0 {
                break;
            }
        }
        // S2: writers were told, all of them tasks, and only readers block.
        while !is_given && self.blocked(lines) > 0 {
            let Some(reader) = lines.readers.pop() else {
                break;
            };
            is_given = !reader.is_task();
            wake(reader);
        }
        self.clear(lines);
    }

    /// Lets all in who wait to read: whether any of them blocks, so that the lock is held now.
    fn admit(&self, lines: &mut Lines<L>, wake: &mut impl FnMut(L::Right)) -> bool {
        let mut count = 0;
        while let Some(mut reader) = lines.readers.pop() {
            if !reader.is_task() {
                count += 1;
                reader.grant();
            }
            wake(reader);
        }
        // Before the lines are released, so before any of them goes on.
        self.word.fetch_add(count * READER, Ordering::Relaxed);
        count > 0
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::modelled::{Note, Notes, wake_all};
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        lock: RwWord<Notes>,
        count: UnsafeCell<u32>,
    }

    // SAFETY: what the model checks: the count is changed by writers and read by readers.
    unsafe impl Sync for World {}
    // SAFETY: as above.
    unsafe impl Send for World {}

    #[derive(Clone, Copy, PartialEq)]
    enum How {
        Read,
        Write,
    }

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                lock: RwWord::new(Notes::default(), Notes::default()),
                count: UnsafeCell::new(0),
            })
        }

        fn try_now(&self, how: How) -> bool {
            match how {
                How::Read => self.lock.try_read(),
                How::Write => self.lock.try_write(),
            }
        }

        fn stand(&self, how: How, note: &Arc<Note>, comer: Comer) -> bool {
            let mut lines = self.lock.lines.lock();
            let entry = match how {
                How::Read => self.lock.enter_read(&lines, comer),
                How::Write => self.lock.enter_write(&lines, comer),
            };
            if entry == Entry::Got {
                return false;
            }
            Self::line(how, &mut lines).push(note, entry);
            true
        }

        fn line(how: How, lines: &mut Lines<Notes>) -> &mut Notes {
            match how {
                How::Read => &mut lines.readers,
                How::Write => &mut lines.writers,
            }
        }

        fn lock(&self, how: How) {
            if self.try_now(how) {
                return;
            }
            let note = Note::blocked(0);
            let mut comer = Comer::New;
            while self.stand(how, &note, comer) {
                if note.sleep() {
                    return;
                }
                comer = Comer::Told;
            }
        }

        fn settle(&self) {
            let mut woken = Vec::new();
            self.lock.settle(|note| woken.push(note));
            wake_all(woken);
        }

        fn unlock(&self, how: How) {
            match how {
                How::Read if self.lock.leave_read() => self.settle(),
                How::Write if !self.lock.leave_write() => {
                    let mut woken = Vec::new();
                    self.lock.unlock_write(|note| woken.push(note)).unwrap();
                    wake_all(woken);
                }
                _ => {}
            }
        }

        fn visit(&self, how: How) {
            self.lock(how);
            self.inside(how);
            self.unlock(how);
        }

        fn inside(&self, how: How) {
            match how {
                // SAFETY: a reader; loom reports a concurrent write.
                How::Read => self.count.with(|count| assert!(unsafe { *count } < 9)),
                // SAFETY: the writer; loom reports any concurrent access.
                How::Write => self.count.with_mut(|count| unsafe { *count += 1 }),
            }
        }

        /// Waits, and gives up at some moment.
        fn leave(&self, how: How) {
            let note = Note::blocked(0);
            if self.stand(how, &note, Comer::New) {
                let left = Self::line(how, &mut self.lock.lines.lock()).remove(&note);
                if left {
                    return self.settle();
                }
                let mut granted = note.sleep();
                while !granted && self.stand(how, &note, Comer::Told) {
                    granted = note.sleep();
                }
            }
            self.inside(how);
            self.unlock(how);
        }

        /// A future that is polled once, and dropped if it has to wait.
        fn poll_and_drop(&self, how: How) {
            let note = Note::task(0);
            if !self.stand(how, &note, Comer::New) {
                self.inside(how);
                return self.unlock(how);
            }
            let mut lines = self.lock.lines.lock();
            Self::line(how, &mut lines).remove(&note);
            // Told or not: what it has kept from others is theirs.
            let mut woken = Vec::new();
            self.lock.settle_under(&mut lines, |note| woken.push(note));
            drop(lines);
            wake_all(woken);
        }
    }

    fn three(acts: [fn(&World); 3]) {
        loom::model(move || {
            let world = World::new();
            let [mine, others @ ..] = acts;
            let others: Vec<_> = others
                .map(|act| {
                    let world = world.clone();
                    thread::spawn(move || act(&world))
                })
                .into();
            mine(&world);
            for other in others {
                other.join().unwrap();
            }
            assert!(world.lock.try_write(), "nothing is left in the word");
        });
    }

    #[test]
    fn writers_exclude_all_others() {
        three([
            |world| world.visit(How::Write),
            |world| world.visit(How::Write),
            |world| world.visit(How::Read),
        ]);
        three([
            |world| world.visit(How::Read),
            |world| world.visit(How::Write),
            |world| world.visit(How::Read),
        ]);
    }

    /// A writer that gives up its wait lets the readers in that it has kept out; a reader likewise holds up
    /// nobody.
    #[test]
    fn one_leaves() {
        three([
            |world| world.visit(How::Read),
            |world| world.leave(How::Write),
            |world| world.visit(How::Read),
        ]);
        three([
            |world| world.visit(How::Write),
            |world| world.leave(How::Read),
            |world| world.visit(How::Write),
        ]);
    }

    #[test]
    fn a_task_is_dropped() {
        three([
            |world| world.visit(How::Write),
            |world| world.poll_and_drop(How::Write),
            |world| world.visit(How::Read),
        ]);
        three([
            |world| world.visit(How::Write),
            |world| world.poll_and_drop(How::Read),
            |world| world.visit(How::Write),
        ]);
    }

    /// A writer that gives up lets a reader in that it has kept out, although another goes on reading.
    #[test]
    fn a_writer_that_leaves_lets_readers_in() {
        loom::model(|| {
            let world = World::new();
            assert!(world.lock.try_read());
            let acts: [fn(&World); 2] = [
                |world| world.leave(How::Write),
                |world| world.visit(How::Read),
            ];
            let others = acts.map(|act| {
                let world = world.clone();
                thread::spawn(move || act(&world))
            });
            for other in others {
                other.join().unwrap();
            }
            world.unlock(How::Read);
        });
    }

    /// Tasks are told and never come: those who block have the lock all the same.
    #[test]
    fn a_task_that_never_comes_holds_up_nobody_who_blocks() {
        use How::{Read, Write};
        for (held, task, other) in [
            (Write, Write, Write),
            (Write, Write, Read),
            (Write, Read, Write),
            (Write, Read, Read),
            (Read, Write, Write),
            (Read, Write, Read),
        ] {
            loom::model(move || {
                let world = World::new();
                assert!(world.try_now(held));
                assert!(world.stand(task, &Note::task(0), Comer::New));
                let visits = {
                    let world = world.clone();
                    thread::spawn(move || world.visit(other))
                };
                world.unlock(held);
                visits.join().unwrap();
            });
        }
    }
}
