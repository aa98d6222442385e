//! A worker as others see it.
//!
//! Each group of fields stands on cache lines of its own, so that on local paths - spawn, switch,
//! wake of a home-mate - no two workers write one line (asserted by `padding`):
//!
//! | field | written by |
//! |---|---|
//! | `home` | whoever wakes one of its routines |
//! | `mail` | whoever spreads a new routine to it |
//! | `nursery` | the worker; thieves when its deque is empty |
//! | `ranks` | the worker, and thieves, where priorities are used |
//! | `stats` | the worker only |
//! | `post` | whoever hires, drains or watches it: rarely |
//! | `alarms` | the worker, whoever sets or stops one, and a stand-in while it is stuck |
//! | `poller` | the worker, and the monitor while it is stuck |
//!
//! Workers are type-stable like their homes: recycled, never freed (`control::home` says why).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crossbeam_deque::{Stealer, Worker as Deque};
use crossbeam_queue::SegQueue;
use parking_lot::Mutex;

use super::alarms::Alarms;
use super::rank::RankedQueue;
use super::registry::Slots;
use crate::control::{Body, Fresh, Home, Priority};
use crate::driver::poller::Poller;
use crate::prim::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, CachePadded,
    Ordering, SpinLock,
};
use crate::sys::sleep::Sleeper;
use crate::sys::thread;

#[repr(C)]
pub(crate) struct Worker {
    home: CachePadded<Home>,
    pub(crate) mail: CachePadded<Mail>,
    /// The children of the slice that runs now, oldest first. Its newest entry is the LIFO slot: it
    /// runs first when the slice ends; until then an idle worker may take any of them.
    pub(crate) nursery: CachePadded<Nursery>,
    pub(crate) stats: CachePadded<Stats>,
    pub(crate) post: CachePadded<Post>,
    pub(crate) alarms: CachePadded<Alarms>,
    /// Made when a routine of this home first waits for a socket; kept for the next user of the seat.
    pub(crate) poller: CachePadded<OnceLock<Poller>>,
    /// Not-started routines that have a priority; others may take them.
    pub(crate) ranks: CachePadded<RankedQueue>,
    pub(crate) stealer: Stealer<Fresh>,
    /// The routines that live here.
    pub(super) slots: Slots,
    /// Names of the routines here that have one; touched for named routines only.
    pub(crate) names: Mutex<HashMap<u64, Arc<str>>>,
}

/// What a worker's thread owns while it runs, and leaves for the next one.
pub(crate) struct Seat {
    pub(crate) worker: &'static Worker,
    pub(crate) deque: Deque<Fresh>,
    pub(crate) sleeper: Sleeper,
}

/// What a worker is there for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum WorkerState {
    /// It starts routines, and takes them from others.
    Active,
    /// There are too many: it goes on with the routines that live there, starts none, and ends with the last.
    Draining,
    /// Its thread has ended. What it has counted stays, and another thread may take its place.
    #[default]
    Vacant,
    /// It lives for one routine, placed with [`Place::Own`](crate::routine::Place::Own).
    Own,
}

/// What a worker is told by others: read often, written rarely.
pub(crate) struct Post {
    state: AtomicU8,
    /// The system's number of its thread; 0: none.
    thread: AtomicU32,
    /// How many routines had been resumed when the last of them used up its time slice; 0: none has.
    slice_over: AtomicU64,
    /// It is stuck in one routine.
    stalled: AtomicBool,
}

/// The children of the slice that runs now.
pub(crate) struct Nursery {
    children: SpinLock<Vec<Fresh>>,
    /// How many there are: written under the lock, read without it, so that a thief that finds
    /// nothing writes nothing.
    count: AtomicUsize,
}

/// Routines that others have placed here and that have not started.
pub(crate) struct Mail {
    spread: Lane,
    bound: Lane,
    /// Which of them comes first.
    turn: AtomicUsize,
    pending: AtomicUsize,
}

#[derive(Default)]
struct Lane {
    queue: SegQueue<Fresh>,
    ranks: RankedQueue,
}

/// Counters that only the worker writes.
#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) spawned: Counter,
    pub(crate) started: Counter,
    pub(crate) finished: Counter,
    pub(crate) switches: Counter,
    pub(crate) steals: Counter,
    pub(crate) live: Counter,
    pub(crate) stacks: Counter,
    pub(crate) stacks_high_water: Counter,
    /// Nanoseconds awake until the last sleep, and since when it is awake (0: asleep).
    pub(crate) busy: Counter,
    pub(crate) awake_since: AtomicI64,
    /// The CPU it was on when it last ran out of work or asked its poller, plus one.
    pub(crate) cpu: AtomicUsize,
    /// The routine that runs now, for reports and for the monitor; null between two.
    pub(crate) current: AtomicPtr<Body>,
}

/// A number with one writer: a load and a store instead of a locked instruction.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, by: i64) {
        let now = self.0.load(Ordering::Relaxed).wrapping_add_signed(by);
        // ORDER: Release pairs with the Acquire in `get`: who sees an end counted sees the spawns
        // of the routine that ended, and its own.
        self.0.store(now, Ordering::Release);
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // ORDER: pairs with the Release in `add`.
        self.0.load(Ordering::Acquire)
    }
}

impl Nursery {
    /// Most children that wait here; the next one sends them to the deque.
    pub(crate) const ROOM: usize = 32;

    fn new() -> Nursery {
        Nursery {
            children: SpinLock::new(Vec::with_capacity(Self::ROOM)),
            count: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn may_have_children(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Owner: adds a child; if there is no room, the others go to `overflow` first, newest first.
    #[inline]
    pub(crate) fn push(&self, child: Fresh, overflow: impl FnMut(Fresh)) {
        let mut children = self.children.lock();
        if children.len() == Self::ROOM {
            children.drain(..).rev().for_each(overflow);
        }
        children.push(child);
        self.count.store(children.len(), Ordering::Relaxed);
    }

    /// Owner: empties it: returns the newest child, the others go to `rest`, newest first.
    #[inline]
    pub(crate) fn flush(&self, rest: impl FnMut(Fresh)) -> Option<Fresh> {
        let mut children = self.children.lock();
        let newest = children.pop();
        children.drain(..).rev().for_each(rest);
        self.count.store(0, Ordering::Relaxed);
        newest
    }

    /// Thief: takes the older half: returns the oldest, the others go to `rest`, newest first.
    pub(crate) fn steal(&self, rest: impl FnMut(Fresh)) -> Option<Fresh> {
        if !self.may_have_children() {
            return None;
        }
        let mut children = self.children.try_lock()?;
        let half = children.len().div_ceil(2);
        let mut taken = children.drain(..half);
        let oldest = taken.next();
        taken.rev().for_each(rest);
        self.count.store(children.len(), Ordering::Relaxed);
        oldest
    }
}

impl Lane {
    fn push(&self, fresh: Fresh) {
        if let Err(fresh) = self.ranks.push(fresh) {
            self.queue.push(fresh);
        }
    }

    fn pop_any(&self) -> Option<Fresh> {
        self.ranks.pop_any().or_else(|| self.queue.pop())
    }
}

impl Mail {
    fn new() -> Mail {
        Mail {
            spread: Lane::default(),
            bound: Lane::default(),
            turn: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
        }
    }

    /// One that may as well start elsewhere.
    pub(crate) fn push(&self, fresh: Fresh) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.spread.push(fresh);
    }

    /// One that is to start here, also if this worker is stuck just now.
    pub(crate) fn push_bound(&self, fresh: Fresh) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.bound.push(fresh);
    }

    /// Takes one out; it stays pending until `arrived`.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Fresh> {
        if self.pending.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.lanes().into_iter().find_map(|lane| lane.queue.pop())
    }

    /// As [`pop`](Mail::pop), one that has a priority.
    pub(crate) fn pop_ranked(&self, priority: Priority) -> Option<Fresh> {
        let mut lanes = self.lanes().into_iter();
        lanes.find_map(|lane| lane.ranks.pop(priority))
    }

    /// Both, each of them first in turn.
    fn lanes(&self) -> [&Lane; 2] {
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
        match turn % 2 {
            0 => [&self.spread, &self.bound],
            _ => [&self.bound, &self.spread],
        }
    }

    /// As [`pop`](Mail::pop), one that may start elsewhere, with a priority or without.
    pub(crate) fn pop_spread(&self) -> Option<Fresh> {
        self.spread.pop_any()
    }

    /// As [`pop`](Mail::pop), one that was to start here.
    pub(crate) fn pop_bound(&self) -> Option<Fresh> {
        self.bound.pop_any()
    }

    /// One that was taken out counts as live now, or has gone elsewhere. Not earlier: for a moment
    /// the worker would look as if it had less to do, and attract the next one.
    pub(crate) fn arrived(&self) {
        // ORDER: Release pairs with the Acquire in `pending`: who misses it here sees it live.
        self.pending.fetch_sub(1, Ordering::Release);
    }

    #[inline]
    pub(crate) fn pending(&self) -> usize {
        // ORDER: pairs with the Release in `arrived`.
        self.pending.load(Ordering::Acquire)
    }
}

/// Workers whose threads have ended, for reuse.
static RETIRED: Mutex<Vec<Seat>> = Mutex::new(Vec::new());

impl Worker {
    /// A worker nobody uses: a recycled one or a new one.
    pub(crate) fn hire() -> Seat {
        if let Some(seat) = RETIRED.lock().pop() {
            return seat;
        }
        let (deque, sleeper) = (Deque::new_lifo(), Sleeper::new());
        let worker = Box::leak(Box::new(Worker {
            home: CachePadded::new(Home::new(sleeper.alarm())),
            mail: CachePadded::new(Mail::new()),
            nursery: CachePadded::new(Nursery::new()),
            stats: CachePadded::new(Stats::default()),
            post: CachePadded::new(Post {
                state: AtomicU8::new(WorkerState::Vacant as u8),
                thread: AtomicU32::new(0),
                slice_over: AtomicU64::new(0),
                stalled: AtomicBool::new(false),
            }),
            alarms: CachePadded::default(),
            poller: CachePadded::default(),
            ranks: CachePadded::default(),
            stealer: deque.stealer(),
            slots: Slots::new(),
            names: Mutex::new(HashMap::new()),
        }));
        Seat {
            worker,
            deque,
            sleeper,
        }
    }

    /// Gives a worker back whose routines have all ended.
    pub(crate) fn retire(seat: Seat) {
        let stats = &seat.worker.stats;
        for counter in [
            &stats.spawned,
            &stats.started,
            &stats.finished,
            &stats.switches,
            &stats.steals,
            &stats.live,
            &stats.stacks,
            &stats.stacks_high_water,
            &stats.busy,
        ] {
            counter.set(0);
        }
        seat.worker.replace_state(WorkerState::Vacant);
        seat.worker.set_stalled(false);
        seat.worker.begin_slice();
        RETIRED.lock().push(seat);
    }

    #[inline]
    pub(crate) fn state(&self) -> WorkerState {
        match self.post.state.load(Ordering::Relaxed) {
            0 => WorkerState::Active,
            1 => WorkerState::Draining,
            2 => WorkerState::Vacant,
            _ => WorkerState::Own,
        }
    }

    /// Whether it starts routines that others may start as well.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.post.state.load(Ordering::Relaxed) == WorkerState::Active as u8
    }

    /// Whether routines may be placed here by others.
    pub(super) fn takes_spread(&self) -> bool {
        self.is_active() && !self.is_stalled()
    }

    /// Whether the monitor has met it in the same routine twice.
    pub(super) fn is_stalled(&self) -> bool {
        self.post.stalled.load(Ordering::Relaxed)
    }

    pub(super) fn set_stalled(&self, is_stalled: bool) {
        if self.is_stalled() != is_stalled {
            self.post.stalled.store(is_stalled, Ordering::Relaxed);
        }
    }

    /// The system's number of its thread.
    pub(super) fn thread(&self) -> thread::Id {
        self.post.thread.load(Ordering::Relaxed)
    }

    pub(super) fn set_thread(&self, id: thread::Id) {
        self.post.thread.store(id, Ordering::Relaxed);
    }

    /// The routine that was the last of so many to be resumed should let the others go first.
    pub(super) fn end_slice(&self, switches: u64) {
        self.post.slice_over.store(switches, Ordering::Relaxed);
    }

    /// Whether the one that runs should; `begin_slice` follows.
    #[inline]
    pub(super) fn is_slice_over(&self) -> bool {
        self.post.slice_over.load(Ordering::Relaxed) == self.stats.switches.get()
    }

    pub(super) fn begin_slice(&self) {
        self.post.slice_over.store(0, Ordering::Relaxed);
    }

    /// Whether its thread runs routines or looks for some.
    pub(super) fn is_awake(&self) -> bool {
        self.stats.awake_since.load(Ordering::Relaxed) > 0
    }

    /// Under the staff's lock; followed by a SeqCst fence where others have to see it.
    pub(super) fn replace_state(&self, state: WorkerState) -> WorkerState {
        let old = self.state();
        self.post.state.store(state as u8, Ordering::Relaxed);
        old
    }

    #[inline]
    pub(crate) fn home(&'static self) -> &'static Home {
        &self.home
    }

    /// Live routines and those on their way: what spreading compares.
    pub(crate) fn load(&self) -> usize {
        // In this order: one that arrives in between counts twice rather than not at all.
        let pending = self.mail.pending();
        self.stats.live.get() as usize + pending
    }

    /// How many a thief would find; a snapshot.
    pub(crate) fn stealable(&self) -> usize {
        self.stealer.len() + self.nursery.count.load(Ordering::Relaxed) + self.ranks.len()
    }

    /// Whether a thief would find something.
    pub(crate) fn has_stealable(&self) -> bool {
        !self.stealer.is_empty() || self.nursery.may_have_children() || !self.ranks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn padding() {
        let line = 128;
        let starts = [
            offset_of!(Worker, home),
            offset_of!(Worker, mail),
            offset_of!(Worker, nursery),
            offset_of!(Worker, stats),
            offset_of!(Worker, post),
            offset_of!(Worker, alarms),
            offset_of!(Worker, poller),
            offset_of!(Worker, ranks),
            offset_of!(Worker, stealer),
        ];
        for pair in starts.windows(2) {
            assert!(
                pair[0] / line < pair[1] / line,
                "two groups share a line: {starts:?}"
            );
        }
        assert_eq!(align_of::<Worker>() % line, 0);
    }

    #[test]
    fn a_retired_worker_is_hired_again() {
        let seat = Worker::hire();
        let address = std::ptr::from_ref(seat.worker);
        seat.worker.stats.spawned.add(3);
        Worker::retire(seat);
        // Other tests hire and retire too, so ours may have been taken: then it is not in the list.
        let again: Vec<Seat> = (0..64).map(|_| Worker::hire()).collect();
        if let Some(seat) = again
            .iter()
            .find(|seat| std::ptr::from_ref(seat.worker) == address)
        {
            assert_eq!(seat.worker.stats.spawned.get(), 0);
        }
    }
}
