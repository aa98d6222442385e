//! Timers that belong to no wait: set, stopped and set anew from any worker or plain thread, and fired
//! by whoever is there.
//!
//! Each fixed worker has a table of them behind a lock that is its own nearly always. A timer is a counted
//! object in the heap; the table holds a count, so one that nobody else holds any more fires all the
//! same. `queue::armed` has the protocol between firing and stopping.
//!
//! A worker that is stuck in one routine does not look. Its waits are nobody else's business, but these
//! are: a worker that falls asleep promises to look at all tables when the first timer of another
//! worker is late by `GRACE`.
//!
//! ```text
//! whoever sets one                         worker that falls asleep (listed in `idle`)
//! A1 enters it; it is the first of the     Z1 fence SeqCst (after it was listed)
//!    table: notes that in `next`           Z2 reads `next` of all tables
//! A2 fence SeqCst                          Z3 promises the earliest, plus GRACE, in `watch`
//! A3 reads `watch`: later than it should   Z4 sleeps until then at most
//!    be? rings a sleeper to look again     Z5 takes the promise back
//! ```
//!
//! Either A1 comes before Z2 in the order of the fences, and the sleeper takes it into account; or A3,
//! through `to_ring`, sees the sleeper in the list, and it looks again. A promise that another one
//! overwrites or takes back too early costs a ring for nothing.
//!
//! - I1: `next` is no later than the table's first entry; changed under the table's lock. It is not
//!   moved back when something is stopped: the next look does that.
//! - I2: a table that is closed takes nothing in: its worker has left.

use std::ptr;
use std::sync::Arc;

use super::clock::{self, Nanos};
use super::core::{Core, with_core};
use super::shared::Shared;
use super::worker::Worker;
use crate::driver::timers::{Key, Timers};
use crate::prim::{AtomicI64, AtomicUsize, Ordering, SpinLock, full_fence};
use crate::queue::armed::Armed;
use crate::sys::unwind::contain;

/// How late a timer may be before others look after it.
const GRACE: Nanos = 10_000_000;
/// Timers fired in one look.
const MOST: usize = 256;

/// What happens when the time has come.
pub(crate) trait Alarm: Send + Sync {
    fn armed(&self) -> &Armed<Place>;

    /// Its time has come. Called on a worker, perhaps in the middle of what it does: starts a routine or
    /// wakes somebody, and drops nothing of a user's.
    fn fire(self: Arc<Self>, runtime: &Arc<Shared>);

    /// It will not fire: the worker has left.
    fn abandon(self: Arc<Self>);
}

/// Where a timer stands: in whose table, and where in it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    worker: &'static Worker,
    key: Key,
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        ptr::eq(self.worker, other.worker) && self.key == other.key
    }
}

/// The table of one worker.
pub(crate) struct Alarms {
    next: AtomicI64,
    table: SpinLock<Table>,
}

#[derive(Default)]
struct Table {
    timers: Timers<Arc<dyn Alarm>>,
    /// I2.
    closed: bool,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms {
            next: AtomicI64::new(Nanos::MAX),
            table: SpinLock::default(),
        }
    }
}

impl Alarms {
    #[inline]
    pub(super) fn next(&self) -> Nanos {
        self.next.load(Ordering::Relaxed)
    }

    /// Its worker is hired again.
    pub(super) fn open(&self) {
        self.table.lock().closed = false;
    }

    /// A1; the key and whether it is the first. `None`: closed.
    fn enter(&self, at: Nanos, alarm: Arc<dyn Alarm>) -> Option<(Key, bool)> {
        let mut table = self.table.lock();
        if table.closed {
            drop(table);
            return None;
        }
        let key = table.timers.insert(at, alarm);
        let is_first = at < self.next();
        if is_first {
            self.next.store(at, Ordering::Relaxed);
        }
        Some((key, is_first))
    }

    fn leave(&self, key: Key) {
        let gone = self.table.lock().timers.remove(key);
        drop(gone);
    }

    fn pop_due(&self, now: Nanos) -> Option<(Key, Arc<dyn Alarm>)> {
        let mut table = self.table.lock();
        let due = table.timers.pop_due(now);
        if due.is_none() {
            self.next.store(table.timers.next(), Ordering::Relaxed);
        }
        due
    }
}

/// Sets the timer for `at`, anew if it was armed before: then `true`. `Nanos::MAX` means never.
pub(crate) fn set(runtime: &Arc<Shared>, alarm: &Arc<dyn Alarm>, at: Nanos) -> bool {
    let enter = || {
        let (worker, is_here) = table_for(runtime);
        let (key, is_first) = worker.alarms.enter(at, alarm.clone())?;
        if is_first {
            tell(runtime, worker, is_here, at);
        }
        Some(Place { worker, key })
    };
    alarm.armed().set(enter, leave)
}

/// Whether it was armed: then it does not fire.
pub(crate) fn stop(alarm: &dyn Alarm) -> bool {
    alarm.armed().stop(leave)
}

fn leave(place: Place) {
    place.worker.alarms.leave(place.key);
}

/// The worker that the caller runs on; for others, and on a worker that lives for one routine only, each
/// in turn.
fn table_for(runtime: &Arc<Shared>) -> (&'static Worker, bool) {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let here = with_core(|core| {
        let core = core?;
        (Arc::ptr_eq(&core.shared, runtime) && !core.is_own()).then_some(core.worker)
    });
    here.map(|worker| (worker, true)).unwrap_or_else(|| {
        let workers = &runtime.workers;
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        (workers[turn % workers.len()], false)
    })
}

/// A2 and A3; and the worker whose table it is may sleep too long.
#[cold]
fn tell(runtime: &Shared, worker: &'static Worker, is_here: bool, at: Nanos) {
    // ORDER: SeqCst, A2; pairs with the fence in `Core::sleep` (Z1): the sleeper sees `next`, or is seen.
    full_fence();
    if !is_here {
        worker.home().notice();
    }
    if at.saturating_add(GRACE) < runtime.watch.load(Ordering::Relaxed) {
        runtime.ring_for_work();
    }
}

/// Fires what is due in the table of `worker`: its own thread, or a stand-in.
#[cold]
pub(super) fn fire(worker: &'static Worker, runtime: &Arc<Shared>, now: Nanos) {
    for _ in 0..MOST {
        let Some((key, alarm)) = worker.alarms.pop_due(now) else {
            return;
        };
        if alarm.armed().fire(Place { worker, key }) {
            alarm.fire(runtime);
        }
    }
}

impl Core {
    /// Z1 to Z3: when this worker has to look at the tables of the others, at the latest; what is late
    /// already is fired, and asks for another look at once.
    pub(super) fn watch_others(&self) -> Nanos {
        if self.is_own() {
            return Nanos::MAX;
        }
        let others = || {
            let all = self.shared.workers.iter().copied();
            all.filter(|other| !ptr::eq(*other, self.worker))
        };
        let first = others().map(|other| other.alarms.next()).min();
        let first = first.unwrap_or(Nanos::MAX).saturating_add(GRACE);
        if first == Nanos::MAX {
            return first;
        }
        let now = clock::now();
        if first <= now {
            let late = |other: &&Worker| other.alarms.next() <= now - GRACE;
            others()
                .filter(late)
                .for_each(|other| fire(other, &self.shared, now));
            return now;
        }
        if first < self.shared.watch.load(Ordering::Relaxed) {
            self.shared.watch.store(first, Ordering::Relaxed);
        }
        first
    }

    /// Z5.
    pub(super) fn end_watch(&self, promised: Nanos) {
        if promised != Nanos::MAX {
            self.shared.watch.store(Nanos::MAX, Ordering::Relaxed);
        }
    }

    /// The worker leaves: nothing fires here any more.
    pub(super) fn close_alarms(&self) {
        let alarms = &self.worker.alarms;
        let mut table = alarms.table.lock();
        table.closed = true;
        let left: Vec<_> = table.timers.drain().collect();
        alarms.next.store(Nanos::MAX, Ordering::Relaxed);
        drop(table);
        for alarm in left {
            alarm.armed().stop(|_gone| ());
            contain(|| alarm.abandon());
        }
    }
}
