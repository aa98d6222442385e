//! The models of the read-write lock, in order and barging.

use super::super::modelled::{Note, Notes, wake_all};
use super::super::{Comer, Entry};
use super::{RwWord, Side};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use Side::{Read, Write};

struct World {
    lock: RwWord<Notes>,
    count: UnsafeCell<u32>,
    /// Whether all who are woken have waited too long.
    late: bool,
}

/// Whether it is strict, and whether all who are woken have waited too long.
type Mode = (bool, bool);

const MODES: [Mode; 3] = [(true, false), (false, false), (false, true)];

/// The clock of the late.
const LATER: u32 = 1_000_000;

// SAFETY: what the model checks: the count is changed by writers and read by readers.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    fn new((is_strict, late): Mode) -> Arc<World> {
        Arc::new(World {
            lock: RwWord::new(Notes::default(), Notes::default(), is_strict),
            count: UnsafeCell::new(0),
            late,
        })
    }

    fn now(&self) -> u32 {
        if self.late { LATER } else { 0 }
    }

    /// Stands in a line, or has the lock (`false`).
    fn stand(&self, side: Side, note: &Arc<Note>, is_woken: bool) -> bool {
        if !is_woken && (self.lock.barge_now(side) || self.lock.barge(side, || self.now())) {
            return false;
        }
        let mut lines = self.lock.lines.lock();
        let entry = if is_woken {
            self.lock.come(&mut lines, side, self.late)
        } else {
            self.lock.enter(&lines, side, Comer::New)
        };
        if entry == Entry::Got {
            return false;
        }
        lines.line(side).push(note, entry);
        true
    }

    /// Goes on after it has entered a line.
    fn wait(&self, side: Side, note: &Arc<Note>) {
        while !note.sleep() && self.stand(side, note, true) {}
    }

    fn lock(&self, side: Side) {
        let note = Note::blocked(0);
        if self.stand(side, &note, false) {
            self.wait(side, &note);
        }
    }

    fn settle(&self) {
        let mut woken = Vec::new();
        self.lock.settle(|| self.now(), |note| woken.push(note));
        wake_all(woken);
    }

    fn unlock(&self, side: Side) {
        match side {
            Read if self.lock.leave_read() => self.settle(),
            Write if !self.lock.leave_write() => {
                let mut woken = Vec::new();
                let unlocked = self
                    .lock
                    .unlock_write(|| self.now(), |note| woken.push(note));
                unlocked.unwrap();
                wake_all(woken);
            }
            _ => {}
        }
    }

    fn visit(&self, side: Side) {
        self.lock(side);
        self.inside(side);
        self.unlock(side);
    }

    fn inside(&self, side: Side) {
        match side {
            // SAFETY: a reader; loom reports a concurrent write.
            Read => self.count.with(|count| assert!(unsafe { *count } < 9)),
            // SAFETY: the writer; loom reports any concurrent access.
            Write => self.count.with_mut(|count| unsafe { *count += 1 }),
        }
    }

    /// Waits, and gives up at some moment.
    fn leave(&self, side: Side) {
        let note = Note::blocked(0);
        if self.stand(side, &note, false) {
            if self.lock.lines.lock().line(side).remove(&note) {
                return self.settle();
            }
            self.wait(side, &note);
        }
        self.inside(side);
        self.unlock(side);
    }

    /// A future that waits in its line, for good.
    fn stand_as_task(&self, side: Side) -> Option<Arc<Note>> {
        let note = Note::task(0);
        let mut lines = self.lock.lines.lock();
        let entry = self.lock.enter(&lines, side, Comer::New);
        if entry == Entry::Got {
            return None;
        }
        lines.line(side).push(&note, entry);
        Some(note)
    }

    /// A future that is polled once, and dropped if it has to wait.
    fn poll_and_drop(&self, side: Side) {
        let Some(note) = self.stand_as_task(side) else {
            self.inside(side);
            return self.unlock(side);
        };
        let mut lines = self.lock.lines.lock();
        lines.line(side).remove(&note);
        // Told or not: what it has kept from others is theirs.
        let mut woken = Vec::new();
        self.lock
            .settle_under(&mut lines, || self.now(), |note| woken.push(note));
        drop(lines);
        wake_all(woken);
    }
}

fn three(mode: Mode, acts: [fn(&World); 3]) {
    loom::model(move || {
        let world = World::new(mode);
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

/// In all modes, one after the other: each of them takes its time.
fn each(acts: [fn(&World); 3]) {
    for mode in MODES {
        three(mode, acts);
    }
}

#[test]
fn a_writer_excludes_a_writer_and_a_reader() {
    each([
        |world| world.visit(Write),
        |world| world.visit(Write),
        |world| world.visit(Read),
    ]);
}

#[test]
fn a_writer_excludes_readers() {
    each([
        |world| world.visit(Read),
        |world| world.visit(Write),
        |world| world.visit(Read),
    ]);
}

#[test]
fn a_writer_leaves() {
    each([
        |world| world.visit(Read),
        |world| world.leave(Write),
        |world| world.visit(Read),
    ]);
}

#[test]
fn a_reader_leaves() {
    each([
        |world| world.visit(Write),
        |world| world.leave(Read),
        |world| world.visit(Write),
    ]);
}

#[test]
fn a_task_that_would_write_is_dropped() {
    each([
        |world| world.visit(Write),
        |world| world.poll_and_drop(Write),
        |world| world.visit(Read),
    ]);
}

#[test]
fn a_task_that_would_read_is_dropped() {
    each([
        |world| world.visit(Write),
        |world| world.poll_and_drop(Read),
        |world| world.visit(Write),
    ]);
}

/// A writer that gives up lets a reader in that it has kept out, although another goes on reading.
#[test]
fn a_writer_that_leaves_lets_readers_in() {
    for mode in MODES {
        loom::model(move || {
            let world = World::new(mode);
            assert!(world.lock.try_read());
            let acts: [fn(&World); 2] = [|world| world.leave(Write), |world| world.visit(Read)];
            let others = acts.map(|act| {
                let world = world.clone();
                thread::spawn(move || act(&world))
            });
            for other in others {
                other.join().unwrap();
            }
            world.unlock(Read);
        });
    }
}

/// The same, while the other stops reading and goes on to write: who is let in and who barges exclude each
/// other.
#[test]
fn a_writer_that_leaves_lets_nobody_in_beside_a_writer() {
    for mode in MODES {
        loom::model(move || {
            let world = World::new(mode);
            assert!(world.lock.try_read());
            let acts: [fn(&World); 2] = [|world| world.leave(Write), |world| world.visit(Read)];
            let others = acts.map(|act| {
                let world = world.clone();
                thread::spawn(move || act(&world))
            });
            world.unlock(Read);
            world.visit(Write);
            for other in others {
                other.join().unwrap();
            }
        });
    }
}

/// Tasks are told and never come: those who block have the lock all the same.
#[test]
fn a_task_that_never_comes_holds_up_nobody_who_blocks() {
    for mode in MODES {
        for (held, task, other) in [
            (Write, Write, Write),
            (Write, Write, Read),
            (Write, Read, Write),
            (Write, Read, Read),
            (Read, Write, Write),
            (Read, Write, Read),
        ] {
            loom::model(move || {
                let world = World::new(mode);
                assert!(world.lock.try_lock(held));
                assert!(world.stand_as_task(task).is_some());
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

/// Granted in order, because one has waited too long, to one who has not: whoever comes may barge again.
#[test]
fn the_order_ends_with_one_who_has_not_waited_long() {
    loom::model(|| {
        let world = World::new((false, false));
        let (first, second) = (Note::blocked(0), Note::blocked(0));
        assert!(world.lock.try_write() && world.stand(Write, &first, false));
        world.unlock(Write);
        assert!(world.lock.barge_now(Write), "the first is on its way");
        let entry = {
            let mut lines = world.lock.lines.lock();
            let entry = world.lock.come(&mut lines, Write, true);
            lines.line(Write).push(&first, entry);
            entry
        };
        assert_eq!(entry, Entry::Front);
        assert!(world.stand(Write, &second, false));
        world.unlock(Write);
        assert!(first.is_granted());
        world.unlock(Write);
        assert!(!second.is_granted() && world.lock.barge_now(Write));
    });
}
