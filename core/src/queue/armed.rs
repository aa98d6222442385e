//! Where a timer stands that anybody may stop or set anew while a worker fires it.
//!
//! Firing is in two steps, because a worker must not hold its table while it does what is due:
//!
//! ```text
//! worker                                      whoever stops or resets
//! F1 takes the entry out of the table         S1 under the lock: takes the place (S: and leaves none;
//! F2 under the lock: is this still its           R: enters the table again, and notes the new one)
//!    place? then takes it, and fires          S2 takes the old entry out of the table, if it is there
//! ```
//!
//! - I1: an expiry counts from F2: whoever takes the place, under the lock, has decided between
//!   `fired` and `stopped`. A place is never used again, so an entry that was overtaken by a reset
//!   between F1 and F2 finds another one and does nothing.
//! - I2: the table's lock is taken under this one (R), never the other way round.

use crate::prim::SpinLock;

pub(crate) struct Armed<P> {
    place: SpinLock<Option<P>>,
}

impl<P: Copy + PartialEq> Armed<P> {
    pub(crate) fn new() -> Armed<P> {
        Armed {
            place: SpinLock::new(None),
        }
    }

    /// R and S2: `enter` puts it into a table, `leave` takes it out of one. Whether it was armed.
    pub(crate) fn set(&self, enter: impl FnOnce() -> Option<P>, leave: impl FnOnce(P)) -> bool {
        let mut place = self.place.lock();
        let old = std::mem::replace(&mut *place, enter());
        drop(place);
        old.map(leave).is_some()
    }

    /// S: whether it was armed, so that it will not fire.
    pub(crate) fn stop(&self, leave: impl FnOnce(P)) -> bool {
        let old = self.place.lock().take();
        old.map(leave).is_some()
    }

    /// F2: whether the expiry of `place` counts.
    pub(crate) fn fire(&self, place: P) -> bool {
        let mut now = self.place.lock();
        let counts = *now == Some(place);
        if counts {
            *now = None;
        }
        counts
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::prim::{AtomicU32, Ordering};
    use loom::sync::Arc;
    use loom::thread;

    /// A table with the numbers of the entries in it, and a timer.
    struct World {
        armed: Armed<u32>,
        table: SpinLock<(u32, Vec<u32>)>,
        fired: AtomicU32,
    }

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                armed: Armed::new(),
                table: SpinLock::new((0, Vec::new())),
                fired: AtomicU32::new(0),
            })
        }

        fn reset(&self) -> bool {
            let enter = || {
                let mut table = self.table.lock();
                table.0 += 1;
                let number = table.0;
                table.1.push(number);
                Some(number)
            };
            self.armed.set(enter, |old| self.leave(old))
        }

        fn stop(&self) -> bool {
            self.armed.stop(|old| self.leave(old))
        }

        fn leave(&self, number: u32) {
            self.table.lock().1.retain(|&other| other != number);
        }

        /// A worker looks: everything is due.
        fn look(&self) {
            loop {
                let due = self.table.lock().1.pop();
                let Some(place) = due else { return };
                if self.armed.fire(place) {
                    self.fired.fetch_add(1, Ordering::Relaxed);
                }
            }
        }

        fn fired(&self) -> u32 {
            self.fired.load(Ordering::Relaxed)
        }
    }

    fn alongside(world: &Arc<World>, f: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
        let world = world.clone();
        thread::spawn(move || f(&world))
    }

    /// It has either been stopped or has fired, and nothing is left in the table.
    #[test]
    fn stop_says_the_truth_against_a_fire() {
        loom::model(|| {
            let world = World::new();
            assert!(!world.reset());
            let worker = alongside(&world, World::look);
            let stopped = world.stop();
            worker.join().unwrap();
            assert_eq!(world.fired(), u32::from(!stopped));
            assert!(world.table.lock().1.is_empty());
        });
    }

    /// Each setting fires once, or a stop or reset says that it was prevented.
    #[test]
    fn each_setting_fires_or_is_prevented() {
        loom::model(|| {
            let world = World::new();
            assert!(!world.reset());
            let worker = alongside(&world, World::look);
            let prevented = u32::from(world.reset());
            worker.join().unwrap();
            world.look();
            assert_eq!(world.fired() + prevented, 2);
            assert!(world.table.lock().1.is_empty());
        });
    }

    /// Resets and a stop from several threads against a worker.
    #[test]
    fn settings_are_neither_lost_nor_doubled() {
        loom::model(|| {
            let world = World::new();
            assert!(!world.reset());
            let prevented = Arc::new(AtomicU32::new(0));
            let count = prevented.clone();
            let resets = alongside(&world, move |world| {
                count.fetch_add(u32::from(world.reset()), Ordering::Relaxed);
            });
            let worker = alongside(&world, World::look);
            let stopped = u32::from(world.stop());
            resets.join().unwrap();
            worker.join().unwrap();
            world.look();
            let prevented = prevented.load(Ordering::Relaxed) + stopped;
            assert_eq!(world.fired() + prevented, 2);
            assert!(world.table.lock().1.is_empty());
        });
    }
}
