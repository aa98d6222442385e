//! A table of timers that anybody may set and stop while a worker fires what is due.
//!
//! A timer has one table for its life, and all that happens to it happens under that table's lock: so
//! whoever takes an entry out - to fire it, to stop it, to set it anew - has decided what became of this
//! setting, and `stop` says the truth. Firing itself is outside of the lock.
//!
//! Tried: timers that move to the table of whoever sets them. That takes a lock in each timer too, around
//! the table's, and a second step at the fire, which may find that it comes too late.
//!
//! - I1: a spot's key is read and written under the lock of its table; 0: not set.
//! - I2: a table that was closed, perhaps to be opened for somebody else, has moved its epoch on: an odd one
//!   is closed. Spots of another epoch find it closed, and so do those made while it is.

use std::num::NonZeroU64;

use crate::prim::{AtomicU64, Ordering, SpinLock};

/// `W` is what holds the entries.
pub(crate) struct Table<W> {
    wheel: SpinLock<W>,
    /// Changed under the lock; read without it by those who know that the table stays open.
    epoch: AtomicU64,
}

/// Where a timer stands in its table.
pub(crate) struct Spot {
    epoch: u64,
    key: AtomicU64,
}

/// The table was closed.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Closed;

impl Spot {
    fn key(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.key.load(Ordering::Relaxed))
    }

    fn set_key(&self, key: Option<NonZeroU64>) {
        let key = key.map_or(0, NonZeroU64::get);
        self.key.store(key, Ordering::Relaxed);
    }
}

impl<W> Table<W> {
    pub(crate) fn new(wheel: W) -> Table<W> {
        Table {
            wheel: SpinLock::new(wheel),
            epoch: AtomicU64::new(0),
        }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// A place for a new timer, which is not set.
    pub(crate) fn spot(&self) -> Spot {
        Spot {
            epoch: self.epoch(),
            key: AtomicU64::new(0),
        }
    }

    /// Sets a timer: `enter` gets the key of its old entry, if it has one, and returns that of the new one.
    #[inline]
    pub(crate) fn set(
        &self,
        spot: &Spot,
        enter: impl FnOnce(&mut W, Option<NonZeroU64>) -> NonZeroU64,
    ) -> Result<(), Closed> {
        let mut wheel = self.wheel.lock();
        if self.epoch() != spot.epoch || spot.epoch % 2 == 1 {
            return Err(Closed);
        }
        let key = enter(&mut wheel, spot.key());
        spot.set_key(Some(key));
        Ok(())
    }

    /// Stops a timer: what `leave` takes out for its key; `None`: it was not set.
    #[inline]
    pub(crate) fn stop<R>(
        &self,
        spot: &Spot,
        leave: impl FnOnce(&mut W, NonZeroU64) -> R,
    ) -> Option<R> {
        let mut wheel = self.wheel.lock();
        let key = spot.key().filter(|_| self.epoch() == spot.epoch)?;
        spot.set_key(None);
        Some(leave(&mut wheel, key))
    }

    /// Takes one out to be fired: what `pop` finds, whose spot is `spot`.
    pub(crate) fn take<T>(
        &self,
        pop: impl FnOnce(&mut W) -> Option<T>,
        spot: impl FnOnce(&T) -> &Spot,
    ) -> Option<T> {
        let mut wheel = self.wheel.lock();
        let due = pop(&mut wheel)?;
        spot(&due).set_key(None);
        Some(due)
    }

    /// Whether it stands in the table.
    pub(crate) fn is_set(&self, spot: &Spot) -> bool {
        let _wheel = self.wheel.lock();
        self.epoch() == spot.epoch && spot.epoch % 2 == 0 && spot.key().is_some()
    }

    /// Looks at the wheel.
    pub(crate) fn look<R>(&self, f: impl FnOnce(&W) -> R) -> R {
        f(&self.wheel.lock())
    }

    /// Opens it with another wheel; the old one.
    pub(crate) fn open(&self, wheel: W) -> W {
        let mut old = self.wheel.lock();
        self.epoch.store((self.epoch() | 1) + 1, Ordering::Relaxed);
        std::mem::replace(&mut old, wheel)
    }

    /// Closes it; what was in it. It gets another wheel for the time being.
    pub(crate) fn close(&self, wheel: W) -> W {
        let mut old = self.wheel.lock();
        self.epoch.store(self.epoch() | 1, Ordering::Relaxed);
        std::mem::replace(&mut old, wheel)
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::prim::AtomicU32;
    use loom::sync::Arc;
    use loom::thread;

    /// The entries are their keys; everything is due.
    struct World {
        table: Table<(u64, Vec<NonZeroU64>)>,
        spot: Arc<Spot>,
        fired: AtomicU32,
        prevented: AtomicU32,
    }

    impl World {
        fn new() -> Arc<World> {
            let table = Table::new((0, Vec::new()));
            Arc::new(World {
                spot: Arc::new(table.spot()),
                table,
                fired: AtomicU32::new(0),
                prevented: AtomicU32::new(0),
            })
        }

        fn reset(&self) {
            let mut was_set = false;
            let result = self.table.set(&self.spot, |wheel, old| {
                was_set = old.is_some();
                wheel.1.retain(|&key| Some(key) != old);
                wheel.0 += 1;
                let key = NonZeroU64::new(wheel.0).unwrap();
                wheel.1.push(key);
                key
            });
            if was_set && result.is_ok() {
                self.prevented.fetch_add(1, Ordering::Relaxed);
            }
        }

        fn stop(&self) {
            let leave = |wheel: &mut (u64, Vec<NonZeroU64>), key| {
                wheel.1.retain(|&other| other != key);
            };
            if self.table.stop(&self.spot, leave).is_some() {
                self.prevented.fetch_add(1, Ordering::Relaxed);
            }
        }

        /// A worker, or a stand-in, looks.
        fn look(&self) {
            let pop = |wheel: &mut (u64, Vec<NonZeroU64>)| wheel.1.pop().map(|_| self.spot.clone());
            while let Some(_due) = self.table.take(pop, |spot| spot) {
                self.fired.fetch_add(1, Ordering::Relaxed);
            }
        }

        fn ended(&self) -> u32 {
            self.fired.load(Ordering::Relaxed) + self.prevented.load(Ordering::Relaxed)
        }
    }

    fn together(world: &Arc<World>, those: [fn(&World); 2]) {
        let threads = those.map(|f| {
            let world = world.clone();
            thread::spawn(move || f(&world))
        });
        for thread in threads {
            thread.join().unwrap();
        }
    }

    /// It has either been stopped or has fired.
    #[test]
    fn stop_says_the_truth_against_a_fire() {
        loom::model(|| {
            let world = World::new();
            world.reset();
            together(&world, [World::look, World::stop]);
            assert_eq!(world.ended(), 1);
            assert_eq!(world.spot.key(), None);
        });
    }

    /// Each setting fires once, or somebody was told that it was prevented.
    #[test]
    fn settings_are_neither_lost_nor_doubled() {
        loom::model(|| {
            let world = World::new();
            world.reset();
            let of_stand_in = world.clone();
            let stand_in = thread::spawn(move || of_stand_in.look());
            together(&world, [World::look, World::reset]);
            world.stop();
            stand_in.join().unwrap();
            assert_eq!(world.ended(), 2);
        });
    }

    /// What is set while the table is given to somebody else is not set there.
    #[test]
    fn a_closed_table_takes_nothing() {
        loom::model(|| {
            let world = World::new();
            let close = |world: &World| {
                let old = world.table.close((100, Vec::new()));
                world.table.open((200, Vec::new()));
                // Whoever closes it sees to what is left.
                world
                    .prevented
                    .fetch_add(old.1.len() as u32, Ordering::Relaxed);
            };
            together(&world, [World::reset, close]);
            world.stop();
            world.look();
            assert!(world.ended() <= 1);
            assert_eq!(world.fired.load(Ordering::Relaxed), 0);
        });
    }
}
