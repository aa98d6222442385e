//! Timers that belong to no wait: set, stopped and set anew from any worker or plain thread, and fired
//! by whoever is there.
//!
//! Each fixed worker has a table of them behind a lock that is its own nearly always; `queue::table` says
//! how stopping and firing exclude each other. A timer is a counted object in the heap that stays with
//! the table of the worker it was made at. The table holds a count, so one that nobody else holds any more
//! fires all the same.
//!
//! A worker that is stuck in one routine does not look. Its waits are nobody else's business, but these
//! are: a worker that falls asleep promises to look at all tables when the first timer of another
//! worker is late by `GRACE`. One promise is on record, so that one worker wakes and not all. The one that has
//! given it and wakes for something else asks another sleeper to promise.
//!
//! ```text
//! whoever sets one                         worker that falls asleep (listed in `idle`)
//! A1 enters it; it is the first of the     Z1 fence SeqCst (after it was listed)
//!    table: notes that in `next`           Z2 reads `next` of all tables
//! A2 fence SeqCst                          Z3 promises the earliest, plus GRACE, in `watch`
//! A3 reads `watch`: later than it should   Z4 sleeps until then at most
//!    be? rings a sleeper to look again     Z5 takes the promise back, and keeps it if it is time;
//!                                             finds something else to do: rings a sleeper
//! ```
//!
//! Either A1 comes before Z2 in the order of the fences, and the sleeper takes it into account; or A3,
//! through `to_ring`, sees the sleeper in the list, and it looks again. A3 that has relied on a promise which
//! is taken back at that moment: there is a fence in Z5, after which the tables are read; if A2 comes before
//! it, Z5 sees A1, and rings whoever should see it too; if not, A3 sees that the promise has gone.
//! `watch` has the promise, and a model of all this.
//!
//! - I1: `next` is no later than the table's first entry; changed under the table's lock, but for when the
//!   table is opened or closed. It is not
//!   moved back when something is stopped: the next look does that.

use std::ptr;
use std::sync::{Arc, Weak};

use super::clock::{self, Nanos};
use super::core::{Core, with_core};
use super::forbid;
use super::shared::{self, Shared};
use super::worker::{Worker, WorkerState};
use crate::driver::timers::{Key, Timers};
use crate::prim::{AtomicI64, AtomicUsize, Ordering};
use crate::queue::table::{Closed, Spot, Table};
use crate::sys::unwind::contain;

/// How late a timer may be before others look after it.
const GRACE: Nanos = 10_000_000;
/// Timers fired in one look.
const MOST: usize = 256;

/// What happens when the time has come.
pub(crate) trait Alarm: Send + Sync {
    fn place(&self) -> &Place;

    /// Its time has come. Called on a worker, perhaps in the middle of what it does: starts a routine or
    /// wakes somebody, and drops nothing of a user's.
    fn fire(self: Arc<Self>, runtime: &Arc<Shared>);

    /// It will not fire: the worker has left.
    fn abandon(self: Arc<Self>);
}

/// Where a timer stands: in whose table, and where in it.
pub(crate) struct Place {
    worker: &'static Worker,
    spot: Spot,
}

/// The table of one worker.
pub(crate) struct Alarms {
    next: AtomicI64,
    table: Table<Wheel>,
}

#[derive(Default)]
struct Wheel {
    timers: Timers<Arc<dyn Alarm>>,
    /// Whose worker it is.
    runtime: Weak<Shared>,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms {
            next: AtomicI64::new(Nanos::MAX),
            table: Table::new(Wheel::default()),
        }
    }
}

impl Alarms {
    #[inline]
    pub(super) fn next(&self) -> Nanos {
        self.next.load(Ordering::Relaxed)
    }

    /// Its worker is hired by `runtime`; what was left, for whoever closes it.
    pub(super) fn renew(&self, runtime: Weak<Shared>) -> Timers<Arc<dyn Alarm>> {
        let timers = Timers::default();
        let old = self.table.open(Wheel { timers, runtime });
        self.next.store(Nanos::MAX, Ordering::Relaxed);
        old.timers
    }

    /// Nothing is set here any more; what was.
    fn close(&self) -> Timers<Arc<dyn Alarm>> {
        let old = self.table.close(Wheel::default());
        self.next.store(Nanos::MAX, Ordering::Relaxed);
        old.timers
    }

    fn pop_due(&self, now: Nanos) -> Option<Arc<dyn Alarm>> {
        let pop = |wheel: &mut Wheel| {
            let due = wheel.timers.pop_due(now);
            if due.is_none() {
                self.next.store(wheel.timers.next(), Ordering::Relaxed);
            }
            due
        };
        self.table.take(pop, |alarm| &alarm.place().spot)
    }
}

impl Place {
    /// At the worker that the caller runs on. For plain threads at those of the global runtime, and for
    /// workers that live for one routine at those that do not, each in turn.
    pub(crate) fn here() -> Place {
        with_core(|core| match core {
            Some(core) if core.is_active() => Place::at(core.worker),
            Some(core) => Place::elsewhere(&core.shared),
            None => Place::elsewhere(shared::global()),
        })
    }

    fn elsewhere(runtime: &Shared) -> Place {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        let roster = &runtime.roster;
        let turn = TURN.fetch_add(1, Ordering::Relaxed) % roster.active_count().max(1);
        let worker = roster.active().nth(turn);
        Place::at(worker.unwrap_or_else(|| roster.get(0)))
    }

    fn at(worker: &'static Worker) -> Place {
        Place {
            worker,
            spot: worker.alarms.table.spot(),
        }
    }
}

/// Sets the timer for `at` (`Nanos::MAX` means never), anew if it was set before: then `true`.
///
/// # Errors
/// If its worker has left.
pub(crate) fn set(alarm: &Arc<dyn Alarm>, at: Nanos) -> Result<bool, Closed> {
    let Place { worker, spot } = alarm.place();
    let alarms = &worker.alarms;
    let entry = alarm.clone();
    // Dropped when the lock has been released.
    let mut old = None;
    let mut first = None;
    alarms.table.set(spot, |wheel, key| {
        old = key.and_then(|key| wheel.timers.remove(Key::from_number(key)));
        let key = wheel.timers.insert(at, entry);
        let next = wheel.timers.next_with(at);
        if next < alarms.next() {
            // A1.
            alarms.next.store(next, Ordering::Relaxed);
            first = Some(next);
        }
        key.to_number()
    })?;
    if let Some(first) = first {
        tell(worker, first);
    }
    Ok(old.is_some())
}

/// Whether it was set: then it does not fire.
pub(crate) fn stop(alarm: &dyn Alarm) -> bool {
    let Place { worker, spot } = alarm.place();
    let leave = |wheel: &mut Wheel, key| wheel.timers.remove(Key::from_number(key));
    worker.alarms.table.stop(spot, leave).is_some()
}

/// Whether it will fire; a snapshot.
pub(crate) fn is_set(alarm: &dyn Alarm) -> bool {
    let Place { worker, spot } = alarm.place();
    worker.alarms.table.is_set(spot)
}

/// A2 and A3; and the worker whose table it is may sleep too long.
#[cold]
fn tell(worker: &'static Worker, at: Nanos) {
    let Some(runtime) = worker.alarms.table.look(|wheel| wheel.runtime.upgrade()) else {
        return;
    };
    // The fence in here is `notice`'s too: the worker whose table it is sees `next`, or is seen asleep.
    let is_late = runtime.watch.is_late_for(at.saturating_add(GRACE));
    worker.home().notice();
    if is_late || runtime.watch.is_after(looked_at(worker)) {
        runtime.ring_for_work();
    }
}

/// When others look at the table of `worker`, at the latest: at once if its thread has left.
fn looked_at(worker: &Worker) -> Nanos {
    let grace = match worker.state() {
        WorkerState::Vacant => 0,
        _ => GRACE,
    };
    worker.alarms.next().saturating_add(grace)
}

/// Whether others should have looked at its table.
pub(super) fn is_late(worker: &Worker, now: Nanos) -> bool {
    looked_at(worker) <= now
}

/// Fires what is due in the table of `worker`: its own thread, or a stand-in.
#[cold]
pub(super) fn fire(worker: &'static Worker, runtime: &Arc<Shared>, now: Nanos) {
    for _ in 0..MOST {
        let Some(alarm) = worker.alarms.pop_due(now) else {
            return;
        };
        alarm.fire(runtime);
    }
}

impl Core {
    /// Z1 to Z3: when this worker has to look at the tables of the others, at the latest; what is late
    /// already is fired, and asks for another look at once.
    pub(super) fn watch_others(&self) -> Nanos {
        if !self.is_active() {
            self.hand_watch_over();
            return Nanos::MAX;
        }
        self.owes_watch.set(false);
        let others = || {
            let all = self.shared.roster.iter();
            all.filter(|other| !ptr::eq(*other, self.worker))
        };
        let first = others().map(looked_at).min().unwrap_or(Nanos::MAX);
        if first == Nanos::MAX {
            return first;
        }
        let now = clock::now();
        if first <= now {
            self.fire_others(now);
            return now;
        }
        match self.shared.watch.promise(first, self.number) {
            true => first,
            // Somebody else looks as early, or asks another one to.
            false => Nanos::MAX,
        }
    }

    /// Fires what is late in the tables of the others.
    #[cold]
    pub(super) fn fire_others(&self, now: Nanos) {
        let all = self.shared.roster.iter();
        all.filter(|other| !ptr::eq(*other, self.worker) && is_late(other, now))
            .for_each(|other| fire(other, &self.shared, now));
    }

    /// Z5, but for the ring: what was promised is done, if its time has come.
    pub(super) fn end_watch(&self, promised: Nanos) {
        if promised != Nanos::MAX && self.shared.watch.withdraw(self.number) {
            let now = clock::now();
            if now >= promised {
                self.fire_others(now);
            }
            self.owes_watch.set(true);
        }
    }

    /// Whether nobody looks at the tables early enough for what is there.
    pub(super) fn wants_watch(&self) -> bool {
        let first = self.shared.roster.iter().map(looked_at).min();
        self.shared.watch.is_after(first.unwrap_or(Nanos::MAX))
    }

    /// Z5: the promise on record was this worker's, and it has found something else to do.
    #[inline]
    pub(super) fn hand_watch_over(&self) {
        if self.owes_watch.replace(false) && self.wants_watch() {
            self.shared.ring_for_work();
        }
    }

    /// The runtime has stopped: nothing fires here any more, nor where a thread has left before.
    pub(super) fn close_alarms(&self) {
        close(self.worker);
        let all = self.shared.roster.iter();
        all.filter(|worker| worker.state() == WorkerState::Vacant)
            .for_each(close);
    }
}

fn close(worker: &Worker) {
    for alarm in worker.alarms.close().drain() {
        // What the user's values wait for when they are dropped may never come.
        forbid::around(|| contain(|| alarm.abandon()));
    }
}
