//! The token with which a worker is woken, whichever bed it sleeps in.
//!
//! A worker without sockets sleeps in its parker, which is the cheapest to wake; one with sockets
//! sleeps in its poller, where their events come in. Who rings has to know which of the two to shake,
//! and a ring that comes while the worker is about to lie down must not be lost:
//!
//! ```text
//! ringer                              worker
//! 1 swap word -> RUNG                 a CAS word: AWAKE -> its bed; RUNG: do not sleep, word -> AWAKE
//! 2 it was a bed: shake that          b sleep in that bed until shaken or due
//!                                     c swap word -> AWAKE
//! ```
//!
//! - I1: between a and c exactly one ringer finds the bed in the word, and shakes it.
//! - I2: both beds keep a token (a parker's, an eventfd's count), so a shake between a and b, or one
//!   that comes after c, is at worst one sleep that ends early.

use crate::prim::{AtomicU32, Ordering};

/// Where a worker sleeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bed {
    Parker,
    Poller,
}

pub(crate) struct Bell {
    word: AtomicU32,
}

const AWAKE: u32 = 0;
const RUNG: u32 = 1;
const IN_PARKER: u32 = 2;
const IN_POLLER: u32 = 3;

impl Bell {
    pub(crate) fn new() -> Bell {
        Bell {
            word: AtomicU32::new(AWAKE),
        }
    }

    /// Anyone: the bed that the caller has to shake, if the worker sleeps.
    #[must_use]
    pub(crate) fn ring(&self) -> Option<Bed> {
        // ORDER: Release: what the ringer did before is seen by the worker, whose swaps acquire.
        match self.word.swap(RUNG, Ordering::Release) {
            IN_PARKER => Some(Bed::Parker),
            IN_POLLER => Some(Bed::Poller),
            _ => None,
        }
    }

    /// Worker: about to sleep; `false` means that it was rung, and must look around instead.
    #[must_use]
    pub(crate) fn lie_down(&self, bed: Bed) -> bool {
        let word = match bed {
            Bed::Parker => IN_PARKER,
            Bed::Poller => IN_POLLER,
        };
        let lain = self
            .word
            .compare_exchange(AWAKE, word, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if !lain {
            self.get_up();
        }
        lain
    }

    /// Worker: awake again; uses up the ring, if there was one.
    pub(crate) fn get_up(&self) {
        // ORDER: Acquire pairs with the Release in `ring`.
        self.word.swap(AWAKE, Ordering::Acquire);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[derive(Default)]
    struct Token {
        set: loom::sync::Mutex<bool>,
        changed: loom::sync::Condvar,
    }

    impl Token {
        fn shake(&self) {
            *self.set.lock().unwrap() = true;
            self.changed.notify_one();
        }

        fn sleep(&self) {
            let mut set = self.set.lock().unwrap();
            while !*set {
                set = self.changed.wait(set).unwrap();
            }
            *set = false;
        }
    }

    struct World {
        bell: Bell,
        parker: Token,
        poller: Token,
        news: AtomicU32,
    }

    /// Two ringers, a worker that changes beds: it sees all news, or loom reports a deadlock.
    #[test]
    fn no_ring_is_lost() {
        loom::model(|| {
            let world = Arc::new(World {
                bell: Bell::new(),
                parker: Token::default(),
                poller: Token::default(),
                news: AtomicU32::new(0),
            });
            let ringers: Vec<_> = (0..2)
                .map(|_| {
                    let world = world.clone();
                    thread::spawn(move || {
                        world.news.fetch_add(1, Ordering::Relaxed);
                        match world.bell.ring() {
                            Some(Bed::Parker) => world.parker.shake(),
                            Some(Bed::Poller) => world.poller.shake(),
                            None => {}
                        }
                    })
                })
                .collect();
            let mut bed = Bed::Parker;
            while world.news.load(Ordering::Relaxed) < 2 {
                if world.bell.lie_down(bed) {
                    match bed {
                        Bed::Parker => world.parker.sleep(),
                        Bed::Poller => world.poller.sleep(),
                    }
                    world.bell.get_up();
                }
                bed = Bed::Poller;
            }
            for ringer in ringers {
                ringer.join().unwrap();
            }
        });
    }
}
