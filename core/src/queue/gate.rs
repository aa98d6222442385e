//! Who is inside of an object that can be closed, and who puts the light out.
//!
//! A socket can be closed while others wait in calls on it. Its descriptor must stay open until the
//! last of them has left: a number that the system gives out anew would receive what they write.
//!
//! ```text
//! enter: CAS word + USER, unless CLOSED          close: word |= CLOSED; nobody inside: finish
//! leave: word - USER; CLOSED and the last: finish
//! ```
//!
//! - I1: "finish" comes exactly once, after everybody has left, and nobody enters afterwards.

use crate::prim::{AtomicU32, Ordering};

pub(crate) struct Gate {
    word: AtomicU32,
}

const CLOSED: u32 = 1;
const USER: u32 = 2;

/// What `close` found.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Closing {
    /// Somebody has closed it before.
    Before,
    /// Nobody is inside: the caller finishes.
    Empty,
    /// The last of so many that leaves finishes.
    Later { users: u32 },
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate {
            word: AtomicU32::new(0),
        }
    }

    /// `false`: closed.
    #[inline]
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            match self.word.compare_exchange_weak(
                word,
                word + USER,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// `true`: it is closed, the caller was the last inside and finishes.
    #[inline]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // ORDER: Release: what was done inside comes before the finish; Acquire: the one that
        // finishes sees what all others did. Pairs with itself and with `close`.
        self.word.fetch_sub(USER, Ordering::AcqRel) == USER | CLOSED
    }

    pub(crate) fn close(&self) -> Closing {
        // ORDER: AcqRel, as in `leave`.
        match self.word.fetch_or(CLOSED, Ordering::AcqRel) {
            0 => Closing::Empty,
            word if word & CLOSED != 0 => Closing::Before,
            word => Closing::Later { users: word / USER },
        }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CLOSED != 0
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct World {
        gate: Gate,
        /// Whether the object is open: read inside, written by the one that finishes.
        open: UnsafeCell<bool>,
    }

    // SAFETY: what the model checks: the cell is read inside and written once, after all have left.
    unsafe impl Sync for World {}
    // SAFETY: as above.
    unsafe impl Send for World {}

    impl World {
        fn finish(&self) {
            self.open.with_mut(|open| {
                // SAFETY: I1; loom reports any concurrent access.
                assert!(
                    unsafe { std::mem::replace(&mut *open, false) },
                    "finished twice"
                );
            });
        }

        fn visit(&self) {
            if self.gate.enter() {
                // SAFETY: inside.
                self.open.with(|open| assert!(unsafe { *open }));
                if self.gate.leave() {
                    self.finish();
                }
            }
        }

        fn close(&self) {
            if self.gate.close() == Closing::Empty {
                self.finish();
            }
        }
    }

    #[test]
    fn the_last_one_finishes_once() {
        loom::model(|| {
            let world = Arc::new(World {
                gate: Gate::new(),
                open: UnsafeCell::new(true),
            });
            let others: Vec<_> = [World::visit, World::close]
                .map(|act| {
                    let world = world.clone();
                    thread::spawn(move || act(&world))
                })
                .into();
            world.visit();
            world.close();
            for other in others {
                other.join().unwrap();
            }
            // SAFETY: everybody has ended.
            world
                .open
                .with(|open| assert!(!unsafe { *open }, "never finished"));
        });
    }
}
