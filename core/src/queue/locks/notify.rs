//! The word of a notification: a permit for one, or news for all who wait.
//!
//! ```text
//! wait                                         notify one
//! W1 CAS PERMIT out: done                      N1 nobody QUEUED: CAS PERMIT in
//! W2 under the line's lock: QUEUED goes in;    N2 under the line's lock: grant it to the first; nobody
//!    PERMIT was there: take it                    there: PERMIT goes in
//!    else enter the line, block                notify all
//!                                              A1 ROUND goes on; QUEUED: grant it to all
//! ```
//!
//! - I1: who stands in the line has set QUEUED, under its lock, in a word without PERMIT; while it is
//!   set, PERMIT goes in under that lock only, and only if nobody stands there.
//! - I2: a task that notify-one has told and that does not come passes it on: nothing is lost.

use super::{Line, Right};
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};

const PERMIT: u32 = 1;
const QUEUED: u32 = 2;
/// How often all have been notified: for futures that were made before and not yet polled.
const ROUND: u32 = 4;

#[repr(C)]
pub(crate) struct NotifyWord<L> {
    word: AtomicU32,
    pub(crate) line: SpinLock<L>,
}

impl<L> NotifyWord<L> {
    const_fn! {
        pub(crate) fn new(line: L) -> NotifyWord<L> {
            NotifyWord {
                word: AtomicU32::new(0),
                line: SpinLock::new(line),
            }
        }
    }

    /// W1.
    #[inline(always)]
    pub(crate) fn try_take(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & PERMIT != 0 {
            // ORDER: Acquire pairs with the Release in `notify_one`.
            match self.word.compare_exchange_weak(
                word,
                word & !PERMIT,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// The number of the round.
    pub(crate) fn round(&self) -> u32 {
        // ORDER: Acquire pairs with the Release in `notify_all`.
        self.word.load(Ordering::Acquire) / ROUND
    }

    /// W2, under the line's lock: `true`: it took the permit.
    pub(crate) fn enter(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let has_permit = word & PERMIT != 0;
            let new = if has_permit {
                word & !PERMIT
            } else {
                word | QUEUED
            };
            // ORDER: Acquire pairs with the Release in `notify_one`.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return has_permit,
                Err(now) => word = now,
            }
        }
    }
}

impl<L: Line> NotifyWord<L> {
    /// N1, N2.
    pub(crate) fn notify_one(&self, mut wake: impl FnMut(L::Right)) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 {
            // Written also if the permit is there: what was done before this notification is to be seen.
            // ORDER: Release pairs with the Acquire of whoever takes it; Acquire keeps those before us.
            match self.word.compare_exchange_weak(
                word,
                word | PERMIT,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        let mut line = self.line.lock();
        match line.pop() {
            Some(mut first) => {
                first.grant();
                wake(first);
            }
            None => {
                // ORDER: as above.
                self.word.fetch_or(PERMIT, Ordering::AcqRel);
            }
        }
        if line.is_empty() {
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// A1.
    pub(crate) fn notify_all(&self, mut wake: impl FnMut(L::Right)) {
        // ORDER: Release pairs with the Acquire in `round`.
        let word = self.word.fetch_add(ROUND, Ordering::Release);
        if word & QUEUED == 0 {
            return;
        }
        let mut line = self.line.lock();
        while let Some(first) = line.pop() {
            wake(first);
        }
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::Entry;
    use super::super::modelled::{Note, Notes, wake_all};
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        notify: NotifyWord<Notes>,
    }

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                notify: NotifyWord::new(Notes::default()),
            })
        }

        fn stand(&self, note: &Arc<Note>) -> bool {
            let mut line = self.notify.line.lock();
            if self.notify.enter() {
                return false;
            }
            line.push(note, Entry::Back);
            true
        }

        fn wait(&self) {
            let note = Note::blocked(0);
            if !self.notify.try_take() && self.stand(&note) {
                note.sleep();
            }
        }

        fn one(&self) {
            let mut woken = Vec::new();
            self.notify.notify_one(|note| woken.push(note));
            wake_all(woken);
        }

        fn all(&self) {
            let mut woken = Vec::new();
            self.notify.notify_all(|note| woken.push(note));
            wake_all(woken);
        }

        /// A future that is polled once, and dropped if it has to wait; whether it was notified.
        fn poll_and_drop(&self) -> bool {
            let note = Note::task(0);
            if !self.stand(&note) {
                return true;
            }
            let left = self.notify.line.lock().remove(&note);
            if !left && note.is_granted() {
                self.one();
            }
            false
        }
    }

    /// Two are notified, each by its own notification, and two wait: a permit holds one only, so the second
    /// comes when the first has been taken.
    #[test]
    fn each_notification_wakes_one() {
        loom::model(|| {
            let world = World::new();
            let other = {
                let world = world.clone();
                thread::spawn(move || {
                    world.wait();
                    world.one();
                    world.wait();
                })
            };
            world.one();
            other.join().unwrap();
            assert!(!world.notify.try_take(), "no permit is left");
        });
    }

    /// A future that was chosen and is dropped passes it on.
    #[test]
    fn a_task_is_dropped() {
        loom::model(|| {
            let world = World::new();
            let task = {
                let world = world.clone();
                thread::spawn(move || world.poll_and_drop())
            };
            let notifier = {
                let world = world.clone();
                thread::spawn(move || world.one())
            };
            let notified = {
                let note = Note::blocked(0);
                if world.notify.try_take() || !world.stand(&note) {
                    1
                } else if world.notify.line.lock().remove(&note) {
                    0
                } else {
                    note.sleep();
                    1
                }
            };
            notifier.join().unwrap();
            let notified = notified + u32::from(task.join().unwrap());
            assert_eq!(notified + u32::from(world.notify.try_take()), 1);
        });
    }

    /// News for all wake who stood there, and leave no permit.
    #[test]
    fn all_are_woken() {
        loom::model(|| {
            let world = World::new();
            let (a, b) = (Note::blocked(0), Note::blocked(0));
            assert!(world.stand(&a));
            let other = {
                let world = world.clone();
                thread::spawn(move || {
                    let stands = world.stand(&b);
                    assert!(stands, "there is no permit");
                    world.one();
                    b
                })
            };
            let round = world.notify.round();
            world.all();
            a.sleep();
            assert_ne!(world.notify.round(), round);
            let b = other.join().unwrap();
            // By the news for all, or by its own notification; then a permit may be left of that.
            b.sleep();
        });
    }
}
