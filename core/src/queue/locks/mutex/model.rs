//! The models of the mutex: reserved for who has waited too long and not, with waits that are given up and futures
//! that are dropped.

use super::super::Comer;
use super::super::modelled::{Note, Notes, wake_all};
use super::MutexWord;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

struct World {
    mutex: MutexWord<Notes>,
    count: UnsafeCell<u32>,
    /// Whether all who are woken have waited too long.
    late: bool,
}

// SAFETY: what the model checks: the count is touched under the mutex only.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    fn new(late: bool) -> Arc<World> {
        Arc::new(World {
            mutex: MutexWord::new(Notes::default()),
            count: UnsafeCell::new(0),
            late,
        })
    }

    /// Stands in the line, or has the lock (`false`).
    fn stand(&self, note: &Arc<Note>, is_woken: bool) -> bool {
        loop {
            let locked = if is_woken {
                self.mutex.lock_woken(|| self.late)
            } else {
                self.mutex.barge_now() || self.mutex.barge(|| 0)
            };
            if locked {
                return false;
            }
            let mut line = self.mutex.line.lock();
            let entry = if is_woken {
                self.mutex.enter_woken(self.late)
            } else {
                self.mutex.enter(Comer::New)
            };
            if let Some(entry) = entry {
                line.push(note, entry);
                return true;
            }
        }
    }

    fn lock(&self) {
        if self.mutex.lock_free() {
            return;
        }
        let note = Note::blocked(0);
        let mut is_woken = false;
        while self.stand(&note, is_woken) {
            note.sleep();
            is_woken = true;
        }
    }

    /// Locks it, or gives up at some moment while it waits, perhaps for the second time.
    fn lock_or_leave(&self) -> bool {
        let note = Note::blocked(0);
        let mut is_woken = false;
        while self.stand(&note, is_woken) {
            if self.mutex.line.lock().remove(&note) {
                return false;
            }
            note.sleep();
            is_woken = true;
        }
        true
    }

    fn unlock(&self) {
        if self.mutex.unlock_free() {
            return;
        }
        let mut woken = Vec::new();
        self.mutex.unlock(|note| woken.push(note)).unwrap();
        wake_all(woken);
    }

    /// A future that is polled once, and dropped if it has to wait.
    fn poll_and_drop(&self) {
        if self.mutex.try_lock() {
            return self.unlock();
        }
        let note = Note::task(0);
        {
            let mut line = self.mutex.line.lock();
            let Some(entry) = self.mutex.enter(Comer::New) else {
                return;
            };
            line.push(&note, entry);
        }
        if !self.mutex.line.lock().remove(&note) {
            let mut woken = Vec::new();
            self.mutex.pass_on(|note| woken.push(note));
            wake_all(woken);
        }
    }

    fn visit(&self) {
        self.lock();
        self.inside();
        self.unlock();
    }

    fn inside(&self) {
        self.count.with_mut(|count| {
            // SAFETY: under the mutex; loom reports any concurrent access.
            unsafe { *count += 1 };
        });
    }

    fn count(&self) -> u32 {
        self.lock();
        // SAFETY: under the mutex.
        let count = self.count.with(|count| unsafe { *count });
        self.unlock();
        count
    }
}

fn three(late: bool, act: fn(&World)) {
    loom::model(move || {
        let world = World::new(late);
        let others: Vec<_> = [World::visit, act]
            .map(|act| {
                let world = world.clone();
                thread::spawn(move || act(&world))
            })
            .into();
        world.visit();
        for other in others {
            other.join().unwrap();
        }
        assert!(world.count() >= 2);
        assert!(world.mutex.lock_free(), "nothing is left in the word");
    });
}

/// Everybody has it, one at a time, also with the lock reserved for who has waited long.
#[test]
fn three_have_it_in_turn() {
    three(false, World::visit);
}

#[test]
fn three_who_are_impatient_have_it_in_turn() {
    three(true, World::visit);
}

/// One that gives up its wait at any moment holds up nobody.
#[test]
fn one_leaves() {
    for late in [false, true] {
        three(late, |world| {
            if world.lock_or_leave() {
                world.inside();
                world.unlock();
            }
        });
    }
}

/// A future that is dropped, told or not, holds up nobody.
#[test]
fn a_task_is_dropped() {
    three(false, World::poll_and_drop);
}

/// A task that was told does not come: the next one is told.
#[test]
fn a_task_that_is_dropped_tells_the_next() {
    loom::model(|| {
        let world = World::new(false);
        assert!(world.mutex.lock_free());
        let tasks = [Note::task(0), Note::task(0)];
        for task in &tasks {
            let mut line = world.mutex.line.lock();
            let entry = world.mutex.enter(Comer::New).unwrap();
            line.push(task, entry);
        }
        let other = {
            let (world, task) = (world.clone(), tasks[0].clone());
            thread::spawn(move || {
                if !world.mutex.line.lock().remove(&task) {
                    let mut woken = Vec::new();
                    world.mutex.pass_on(|note| woken.push(note));
                    wake_all(woken);
                }
            })
        };
        world.unlock();
        tasks[1].sleep();
        other.join().unwrap();
        assert!(world.mutex.try_lock());
    });
}

/// A task is told and never comes: one that blocks has the lock all the same.
#[test]
fn a_task_that_never_comes_holds_up_nobody_who_blocks() {
    loom::model(|| {
        let world = World::new(false);
        assert!(world.mutex.lock_free());
        let task = Note::task(0);
        {
            let mut line = world.mutex.line.lock();
            let entry = world.mutex.enter(Comer::New).unwrap();
            line.push(&task, entry);
        }
        let other = {
            let world = world.clone();
            thread::spawn(move || world.visit())
        };
        world.unlock();
        other.join().unwrap();
        assert_eq!(world.count(), 1);
    });
}

/// Two unlocks of one lock: one of them is an error, and the lock is as it was.
#[test]
fn an_unlock_too_many_is_an_error() {
    loom::model(|| {
        let world = World::new(false);
        assert!(world.mutex.lock_free());
        let unlock = |world: &World| world.mutex.unlock(|_| ()).is_ok();
        let other = {
            let world = world.clone();
            thread::spawn(move || unlock(&world))
        };
        let mine = unlock(&world);
        assert_ne!(mine, other.join().unwrap());
        assert!(world.mutex.lock_free());
    });
}
