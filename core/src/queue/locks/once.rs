//! The word of something that happens once: who does it, and who waits for that.
//!
//! ```text
//! IDLE or FAILED --begin--> BUSY --finish--> DONE, FAILED or IDLE again
//! ```
//!
//! - I1: between a `begin` that said `Mine` and its `finish` nobody else is told `Mine`.
//! - I2: who stands in the line has set QUEUED, under its lock, in a word that was not finished, so the
//!   next finish finds it there. All who wait are woken, and look again.

use super::Line;
use crate::prim::{AtomicU32, Ordering, SpinLock, const_fn};

const IDLE: u32 = 0;
const BUSY: u32 = 1;
const FAILED: u32 = 2;
const DONE: u32 = 3;
const STATE: u32 = 3;
const QUEUED: u32 = 4;

#[repr(C)]
pub(crate) struct OnceWord<L> {
    word: AtomicU32,
    pub(crate) line: SpinLock<L>,
}

/// What is to be done by one who wants it done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// It is done.
    Done,
    /// The caller does it, and then says `finish`.
    Mine {
        /// The one before has failed.
        after_failure: bool,
    },
    /// The one before has failed, and the caller does not accept that.
    Failed,
    /// Somebody is at it.
    Busy,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finish {
    Done,
    Failed,
    /// As if it had not begun.
    Undone,
}

impl<L> OnceWord<L> {
    const_fn! {
        pub(crate) fn new(line: L) -> OnceWord<L> {
            OnceWord {
                word: AtomicU32::new(IDLE),
                line: SpinLock::new(line),
            }
        }
    }

    #[inline(always)]
    pub(crate) fn is_done(&self) -> bool {
        // ORDER: Acquire pairs with the Release in `finish`.
        self.word.load(Ordering::Acquire) == DONE
    }

    /// With unique access: as if it had never been done.
    pub(crate) fn reset(&mut self) {
        self.word.store(IDLE, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_failed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == FAILED
    }

    pub(crate) fn begin(&self, accepts_failure: bool) -> Begin {
        // ORDER: Acquire pairs with the Release in `finish`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            match word & STATE {
                DONE => return Begin::Done,
                BUSY => return Begin::Busy,
                FAILED if !accepts_failure => return Begin::Failed,
                _ => {}
            }
            let busy = word & QUEUED | BUSY;
            // ORDER: Acquire pairs with the Release in `finish` of one who failed or was undone.
            match self
                .word
                .compare_exchange(word, busy, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(before) => {
                    return Begin::Mine {
                        after_failure: before & STATE == FAILED,
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Under the line's lock: whether the caller is to stand in the line; else it looks again. It waits for
    /// one who is at it, or (`for_any`) for one who is yet to come too.
    pub(crate) fn enter(&self, for_any: bool) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let state = word & STATE;
            if state != BUSY && !(for_any && state == IDLE) {
                return false;
            }
            match self.word.compare_exchange(
                word,
                word | QUEUED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }
}

impl<L: Line> OnceWord<L> {
    pub(crate) fn finish(&self, finish: Finish, mut wake: impl FnMut(L::Right)) {
        let word = match finish {
            Finish::Done => DONE,
            Finish::Failed => FAILED,
            Finish::Undone => IDLE,
        };
        // ORDER: Release pairs with the Acquire in `is_done` and `begin`.
        if self.word.swap(word, Ordering::Release) & QUEUED != 0 {
            let mut line = self.line.lock();
            while let Some(right) = line.pop() {
                wake(right);
            }
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::Entry;
    use super::super::modelled::{Note, Notes, wake_all};
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        once: OnceWord<Notes>,
        value: UnsafeCell<u32>,
    }

    // SAFETY: what the model checks: written by the one who does it, read when it is done.
    unsafe impl Sync for World {}
    // SAFETY: as above.
    unsafe impl Send for World {}

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                once: OnceWord::new(Notes::default()),
                value: UnsafeCell::new(0),
            })
        }

        fn wait(&self, for_any: bool) {
            let note = Note::blocked(0);
            let mut line = self.once.line.lock();
            if !self.once.enter(for_any) {
                return;
            }
            line.push(&note, Entry::Back);
            drop(line);
            note.sleep();
        }

        fn call(&self, finish: Finish) {
            loop {
                match self.once.begin(true) {
                    Begin::Busy => self.wait(false),
                    Begin::Mine { .. } => {
                        // SAFETY: I1; loom reports any concurrent access.
                        self.value.with_mut(|value| unsafe { *value += 1 });
                        let mut woken = Vec::new();
                        self.once.finish(finish, |note| woken.push(note));
                        return wake_all(woken);
                    }
                    Begin::Done | Begin::Failed => return self.read(),
                }
            }
        }

        fn read(&self) {
            // SAFETY: done.
            self.value.with(|value| assert!(unsafe { *value } > 0));
        }
    }

    fn three(acts: [fn(&World); 3], done: u32) {
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
            assert!(world.once.is_done());
            // SAFETY: everybody has ended.
            let value = world.value.with(|value| unsafe { *value });
            assert!((1..=done).contains(&value), "{value}");
        });
    }

    #[test]
    fn it_happens_once() {
        three([|world| world.call(Finish::Done); 3], 1);
    }

    /// One that fails or is undone: the next one does it, and nobody sleeps on.
    #[test]
    fn one_fails() {
        for finish in [Finish::Failed, Finish::Undone] {
            let fails: fn(&World) = match finish {
                Finish::Failed => |world| world.call(Finish::Failed),
                _ => |world| world.call(Finish::Undone),
            };
            let does: fn(&World) = |world| world.call(Finish::Done);
            three([does, fails, does], 2);
        }
    }

    /// Who waits without doing it is woken too, whether it comes before or after the one who does.
    #[test]
    fn one_only_waits() {
        let does: fn(&World) = |world| world.call(Finish::Done);
        let waits: fn(&World) = |world| {
            while !world.once.is_done() {
                world.wait(true);
            }
            world.read();
        };
        three([does, waits, does], 1);
    }
}
