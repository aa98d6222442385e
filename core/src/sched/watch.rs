//! The promise on record: when a sleeping worker will look at the tables of the others, and who it is.
//!
//! Somebody has to look, and not everybody: so who falls asleep promises only to be earlier than what is on
//! record, and who sets an alarm rings a sleeper only if it would be looked at too late. The steps A1 to A3 and
//! Z1 to Z5 are in `alarms`; the model below runs them together with the list of sleepers (`idle`).

use crate::prim::{AtomicI64, Ordering, SpinLock, full_fence};

/// No promise; never.
pub(super) const NEVER: i64 = i64::MAX;
/// Nobody's number.
const NOBODY: usize = usize::MAX;

pub(crate) struct Watch {
    /// Written with `by` locked.
    until: AtomicI64,
    /// The number of the worker that has promised.
    by: SpinLock<usize>,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch {
            until: AtomicI64::new(NEVER),
            by: SpinLock::new(NOBODY),
        }
    }

    /// A2 and A3, after an alarm was entered that somebody has to look at by `at`: whether nobody will.
    pub(super) fn is_late_for(&self, at: i64) -> bool {
        // ORDER: SeqCst, A2; pairs with the fence in `Idle::enter` (Z1): the sleeper sees the alarm, or is
        // seen in the list by whoever rings because of this answer.
        full_fence();
        self.is_after(at)
    }

    /// Whether nobody has promised to look by `at`.
    pub(super) fn is_after(&self, at: i64) -> bool {
        at < self.until.load(Ordering::Relaxed)
    }

    /// Z3, unless somebody has promised to look as early.
    pub(super) fn promise(&self, until: i64, number: usize) -> bool {
        let mut by = self.by.lock();
        let is_first = until < self.until.load(Ordering::Relaxed);
        if is_first {
            self.until.store(until, Ordering::Relaxed);
            *by = number;
        }
        is_first
    }

    /// Z5: whether the promise on record was this worker's. It looks at the tables after this, and rings
    /// somebody if what is there comes too early for whatever promise is on record then.
    pub(super) fn withdraw(&self, number: usize) -> bool {
        let mut by = self.by.lock();
        let is_mine = *by == number;
        if is_mine {
            *by = NOBODY;
            self.until.store(NEVER, Ordering::Relaxed);
            // ORDER: SeqCst; pairs with A2 in `is_late_for`: who relied on this promise is seen in the table
            // now, or has seen that there is none.
            full_fence();
        }
        is_mine
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::idle::{Idle, Searching};
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// Where a worker sleeps: whether it was rung.
    #[derive(Default)]
    struct Bed(loom::sync::Mutex<bool>, loom::sync::Condvar);

    impl Bed {
        fn ring(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_one();
        }

        fn sleep(&self) {
            let mut rung = self.0.lock().unwrap();
            while !*rung {
                rung = self.1.wait(rung).unwrap();
            }
            *rung = false;
        }

        fn was_rung(&self) -> bool {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    /// Workers whose tables nobody looks at by himself, and sleepers.
    struct World {
        idle: Idle,
        watch: Watch,
        /// The first alarm of each table.
        tables: Vec<AtomicI64>,
        beds: Vec<Bed>,
        /// Pieces of work, each of which keeps who takes it for good.
        work: AtomicUsize,
        alarms: AtomicUsize,
    }

    impl World {
        fn new(alarms: usize, sleepers: usize) -> Arc<World> {
            Arc::new(World {
                idle: Idle::new(),
                watch: Watch::new(),
                tables: (0..alarms).map(|_| AtomicI64::new(NEVER)).collect(),
                beds: (0..sleepers).map(|_| Bed::default()).collect(),
                work: AtomicUsize::new(0),
                alarms: AtomicUsize::new(alarms),
            })
        }

        fn ring(&self) {
            if let Some(number) = self.idle.to_ring() {
                self.beds[number].ring();
            }
        }

        /// A1 to A3.
        fn set(&self, table: usize, at: i64) {
            self.tables[table].store(at, Ordering::Relaxed);
            if self.watch.is_late_for(at) {
                self.ring();
            }
        }

        fn publish(&self) {
            self.work.fetch_add(1, Ordering::Relaxed);
            self.ring();
        }

        fn first(&self) -> i64 {
            let all = self.tables.iter();
            all.map(|next| next.load(Ordering::Relaxed)).min().unwrap()
        }

        /// What has been promised is done; the last one ends the model.
        fn fire(&self, at: i64) {
            for table in &self.tables {
                let fired = table.compare_exchange(at, NEVER, Ordering::Relaxed, Ordering::Relaxed);
                // ORDER: AcqRel; pairs with `is_over`, and orders nothing of the protocol.
                if fired.is_ok() && self.alarms.fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.beds.iter().for_each(Bed::ring);
                }
            }
        }

        fn is_over(&self) -> bool {
            // ORDER: as in `fire`.
            self.alarms.load(Ordering::Acquire) == 0
        }

        fn takes_work(&self) -> bool {
            let work = self.work.load(Ordering::Relaxed);
            let taken = |work| {
                self.work
                    .compare_exchange(work, work - 1, Ordering::Relaxed, Ordering::Relaxed)
            };
            work > 0 && taken(work).is_ok()
        }

        /// As `Core::end_search` and `Core::hand_watch_over`, by one who has other work.
        fn leave_for_work(&self, search: Option<Searching>, owes: bool) {
            let wants_watch = || self.watch.is_after(self.first());
            let is_last = search.is_some_and(|search| self.idle.end(search));
            if is_last && wants_watch() {
                self.ring();
            }
            if owes && wants_watch() {
                self.ring();
            }
        }

        /// As `Core::sleep`, again and again.
        fn sleeper(&self, number: usize) {
            let mut search = None;
            while !self.is_over() {
                self.idle.enter(number, search.take());
                let first = self.first();
                let has_promised = first != NEVER && self.watch.promise(first, number);
                let is_early = if has_promised {
                    self.beds[number].was_rung()
                } else {
                    self.beds[number].sleep();
                    true
                };
                // The promise is kept before anything else is done.
                let owes = has_promised && self.watch.withdraw(number);
                if owes && !is_early {
                    self.fire(first);
                }
                search = self.idle.leave(number);
                if self.takes_work() {
                    return self.leave_for_work(search, owes);
                }
            }
        }
    }

    fn together(world: &Arc<World>, those: &[fn(&World)]) {
        let start = |&f: &fn(&World)| {
            let world = world.clone();
            thread::spawn(move || f(&world))
        };
        let threads: Vec<_> = those.iter().map(start).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(world.is_over(), "an alarm was left to nobody");
    }

    /// Set while the only other worker falls asleep: it looks after it, or the model ends in a deadlock that
    /// loom reports.
    #[test]
    fn what_is_set_is_looked_after() {
        loom::model(|| {
            let world = World::new(1, 1);
            together(&world, &[|w| w.sleeper(0), |w| w.set(0, 1)]);
        });
    }

    /// One that comes earlier than what was promised, and one that comes later.
    #[test]
    fn a_promise_covers_what_comes_later() {
        for (first, second) in [(1, 2), (2, 1)] {
            loom::model(move || {
                let world = World::new(2, 1);
                world.set(0, first);
                let of_setter = world.clone();
                let setter = thread::spawn(move || of_setter.set(1, second));
                together(&world, &[|w| w.sleeper(0)]);
                setter.join().unwrap();
            });
        }
    }

    /// Of two sleepers one has promised; one of them gets other work for good, perhaps that one.
    #[test]
    fn a_promise_is_handed_over() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(|| {
            let world = World::new(1, 2);
            world.set(0, 1);
            together(
                &world,
                &[|w| w.sleeper(0), |w| w.sleeper(1), |w| w.publish()],
            );
        });
    }

    /// As before, and somebody relies on the promise that is being taken back.
    #[test]
    fn a_promise_that_is_taken_back_misleads_nobody() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(|| {
            let world = World::new(2, 2);
            world.set(0, 1);
            together(
                &world,
                &[
                    |w| w.sleeper(0),
                    |w| w.sleeper(1),
                    |w| {
                        w.publish();
                        w.set(1, 2);
                    },
                ],
            );
        });
    }
}
