//! The word of one who waits for several things at once: exactly one of them wins.
//!
//! A waiter that stands in several queues can be taken off several of them at the same time, under
//! different locks. So taking it off gives no right by itself: the right to wake it is claimed here.
//!
//! ```text
//! IDLE --open--> OPEN --claim--> CLAIMED       (the claimer completes one arm and wakes)
//!   |              '--abort--> IDLE            (the owner: time-out, cancel, or it saw an arm ready)
//!   '--notify--> NOTIFIED --open fails--> IDLE (a foreign arm is worth another look; nothing to wake)
//! OPEN --notify--> CLAIMED                     (as a claim that completes nothing)
//! CLAIMED --reset--> IDLE                      (the owner, woken)
//! ```
//!
//! - I1: `open`, `abort` and `reset` are the owner's; the others may come from anywhere.
//! - I2: between an `open` and the next IDLE exactly one of claim, notify and abort succeeds.

use crate::prim::{AtomicU32, Ordering};

pub(crate) struct Claim {
    word: AtomicU32,
}

const IDLE: u32 = 0;
const NOTIFIED: u32 = 1;
const OPEN: u32 = 2;
const CLAIMED: u32 = 3;

impl Claim {
    pub(crate) fn new() -> Claim {
        Claim {
            word: AtomicU32::new(IDLE),
        }
    }

    /// Owner: about to be queued; `false`: notified since the last look, so look again.
    #[must_use]
    pub(crate) fn open(&self) -> bool {
        // ORDER: Release: what the owner has made ready for its next wait is there for the claimer and
        // the notifier, whose exchanges acquire; Acquire on failure pairs with the Release in `notify`.
        let opened = self
            .word
            .compare_exchange(IDLE, OPEN, Ordering::Release, Ordering::Acquire)
            .is_ok();
        if !opened {
            self.reset();
        }
        opened
    }

    /// Anyone who has taken it off a queue, under that queue's lock: `true` gives the right to complete
    /// that arm and to wake the owner.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        // ORDER: AcqRel: what the claimer did is seen by an owner that fails to abort.
        self.word
            .compare_exchange(OPEN, CLAIMED, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Anyone: a foreign arm is worth another look; `true` gives the right to wake the owner.
    #[must_use]
    pub(crate) fn notify(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            // Written also where it stays what it is: what each notifier did before is to be seen.
            let new = match word {
                IDLE => NOTIFIED,
                OPEN => CLAIMED,
                other => other,
            };
            // ORDER: AcqRel; Release pairs with the Acquire of `open` and `reset`.
            match self
                .word
                .compare_exchange_weak(word, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return word == OPEN,
                Err(now) => word = now,
            }
        }
    }

    /// Owner: takes part no longer; `false`: it has been claimed, and the wake is on its way.
    #[must_use]
    pub(crate) fn abort(&self) -> bool {
        // ORDER: Acquire on failure pairs with the Release in `claim`.
        self.word
            .compare_exchange(OPEN, IDLE, Ordering::Relaxed, Ordering::Acquire)
            .is_ok()
    }

    /// Owner, woken or notified: ready for another round.
    pub(crate) fn reset(&self) {
        // ORDER: Acquire pairs with the Release in `notify` and `claim`.
        self.word.swap(IDLE, Ordering::Acquire);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    struct World {
        claim: Claim,
        /// What the claimers completed.
        completed: AtomicUsize,
        woken: (loom::sync::Mutex<bool>, loom::sync::Condvar),
        foreign: AtomicU32,
    }

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                claim: Claim::new(),
                completed: AtomicUsize::new(0),
                woken: Default::default(),
                foreign: AtomicU32::new(0),
            })
        }

        fn wake(&self) {
            *self.woken.0.lock().unwrap() = true;
            self.woken.1.notify_one();
        }

        fn park(&self) {
            let mut woken = self.woken.0.lock().unwrap();
            while !*woken {
                woken = self.woken.1.wait(woken).unwrap();
            }
            *woken = false;
        }

        fn complete(&self) {
            if self.claim.claim() {
                self.completed.fetch_add(1, Ordering::Relaxed);
                self.wake();
            }
        }
    }

    /// Two queues take the waiter off at once: one completes, the owner is woken once.
    #[test]
    fn one_of_two_completes() {
        loom::model(|| {
            let world = World::new();
            assert!(world.claim.open());
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let world = world.clone();
                    thread::spawn(move || world.complete())
                })
                .collect();
            world.park();
            world.claim.reset();
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(world.completed.load(Ordering::Relaxed), 1);
        });
    }

    /// The owner gives up while a queue takes it off: either nothing was completed, or the wake comes.
    #[test]
    fn an_abort_and_a_claim_exclude_each_other() {
        loom::model(|| {
            let world = World::new();
            assert!(world.claim.open());
            let other = {
                let world = world.clone();
                thread::spawn(move || world.complete())
            };
            let aborted = world.claim.abort();
            if !aborted {
                world.park();
                world.claim.reset();
            }
            other.join().unwrap();
            let completed = world.completed.load(Ordering::Relaxed);
            assert_eq!(completed, usize::from(!aborted));
        });
    }

    /// Two foreign arms become ready: the owner sees both.
    #[test]
    fn no_notice_hides_another() {
        loom::model(|| {
            let world = World::new();
            let others: Vec<_> = (0..2)
                .map(|bit| {
                    let world = world.clone();
                    thread::spawn(move || {
                        world.foreign.fetch_add(1 << bit, Ordering::Relaxed);
                        if world.claim.notify() {
                            world.wake();
                        }
                    })
                })
                .collect();
            while world.foreign.load(Ordering::Relaxed) != 3 {
                if world.claim.open() {
                    world.park();
                    world.claim.reset();
                }
            }
            for other in others {
                other.join().unwrap();
            }
        });
    }

    /// A foreign arm becomes ready at any moment: the owner, which looks before it sleeps, sees it.
    #[test]
    fn a_notice_is_not_slept_over() {
        loom::model(|| {
            let world = World::new();
            let other = {
                let world = world.clone();
                thread::spawn(move || {
                    world.foreign.store(1, Ordering::Relaxed);
                    if world.claim.notify() {
                        world.wake();
                    }
                })
            };
            while world.foreign.load(Ordering::Relaxed) == 0 {
                if world.claim.open() {
                    world.park();
                    world.claim.reset();
                }
            }
            other.join().unwrap();
        });
    }
}
