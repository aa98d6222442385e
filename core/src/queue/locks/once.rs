//! The word of something that happens once: who does it, and who waits for that.
//!
//! ```text
//! IDLE or FAILED --begin--> BUSY --finish--> DONE, FAILED or IDLE again
//! ```
//!
//! - I1: between a `begin` that said `Mine` and its `finish` nobody else is told `Mine`.
//! - I2: who stands in the line has seen BUSY and set QUEUED under the line's lock, so the finish finds it
//!   there. All who wait are woken, and look again.

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
            // ORDER: Acquire pairs with the Release in `finish` of one who failed or was undone.
            match self
                .word
                .compare_exchange(word, BUSY, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(before) => {
                    return Begin::Mine {
                        after_failure: before == FAILED,
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Under the line's lock: whether the caller is to stand in the line; else it looks again.
    pub(crate) fn enter(&self) -> bool {
        self.word
            .compare_exchange(BUSY, BUSY | QUEUED, Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|word| word == BUSY | QUEUED, |_| true)
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
