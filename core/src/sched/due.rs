//! The timers of a worker's own waits, and when it has to look at the clock.
//!
//! Only the home can do anything with what is due in a wait of one of its routines, so these timers
//! are the thread's own, without a lock. Those that others set and stop are beside (`alarms`).

use std::cell::Cell;
use std::num::NonZeroU64;
use std::ptr::NonNull;

use super::alarms;
use super::clock::{self, Nanos};
use super::core::Core;
use super::limit;
use crate::control::{Body, Outcome};
use crate::driver::timers::Key;

/// Waits ended in one look: more would be out of the cache again before their routines have a turn.
const MOST: usize = 64;
/// Routines whose memory is asked for before the first of them is touched.
const BATCH: usize = 16;

/// How timers come: one by one they are fired when they are due; if they come faster than a worker can fall
/// asleep between them, they gather, and are fired together.
///
/// Without that a worker with 50,000 tickers of 100 ms is awake all the time, for the next one is due in
/// two microseconds, and does half of its work for memory that has left the cache.
#[derive(Default)]
pub(super) struct Pace {
    /// No look before this.
    hold: Cell<Nanos>,
    /// Since when `count` were fired.
    since: Cell<Nanos>,
    count: Cell<usize>,
    gathers: Cell<bool>,
}

/// How long the pace is measured.
const MEASURE: Nanos = 1_000_000;
/// From how many in that time on they gather.
const MANY: usize = 100;
/// How long they gather.
const GATHER: Nanos = 100_000;

impl Pace {
    fn note(&self, now: Nanos, fired: usize) {
        let count = self.count.get() + fired;
        self.count.set(count);
        let passed = now - self.since.get();
        if passed >= MEASURE {
            self.gathers
                .set(count as Nanos * MEASURE >= MANY as Nanos * passed);
            self.since.set(now);
            self.count.set(0);
        }
        let is_done = fired < MOST;
        self.hold.set(if self.gathers.get() && is_done {
            now + GATHER
        } else {
            Nanos::MIN
        });
    }

    /// Whether the worker need not wait for the next one awake.
    pub(super) fn gathers(&self, now: Nanos) -> bool {
        self.gathers.get() && now - self.since.get() < 2 * MEASURE
    }
}

impl Core {
    /// Sets the timer of a wait that has begun: for its own deadline or for the limit around it, whichever
    /// comes first. `false`: the limit has passed already, and the wait has been given up.
    #[inline(never)]
    pub(super) fn set_timer(&self, body: NonNull<Body>, deadline: Option<Nanos>) -> bool {
        // SAFETY: the current routine.
        let current = unsafe { body.as_ref() };
        let own = deadline.unwrap_or(Nanos::MAX);
        let limit = limit::of(current);
        let limited = limit < own;
        if limited && limit <= clock::now() {
            // None: its wake is coming, and what it brings wins.
            return Body::give_up(body, Outcome::Cancelled).is_none();
        }
        let at = own.min(limit);
        if at != Nanos::MAX {
            let mut timers = self.timers.borrow_mut();
            let key = timers.insert(at, body);
            current.set_timer(key.to_number(), limited);
            let next = timers.next_with(at);
            self.next_timer.set(self.next_timer.get().min(next));
        }
        true
    }

    /// Of a wait that has ended otherwise.
    #[inline(never)]
    pub(super) fn remove_timer(&self, timer: NonZeroU64) {
        let mut timers = self.timers.borrow_mut();
        timers.remove(Key::from_number(timer));
        self.next_timer.set(timers.next());
    }

    /// When there is something to look at; `Nanos::MAX`: never.
    #[inline]
    pub(super) fn next_look(&self) -> Nanos {
        let next = self.next_timer.get().min(self.worker.alarms.next());
        next.max(self.pace.hold.get())
    }

    pub(super) fn has_timer_due(&self) -> bool {
        let next = self.next_look();
        next != Nanos::MAX && next <= clock::now()
    }

    /// Does what is due.
    #[inline]
    pub(super) fn fire_timers(&self) {
        let next = self.next_look();
        if next != Nanos::MAX {
            let now = clock::now();
            if next <= now {
                self.fire(now);
            }
        }
    }

    #[cold]
    fn fire(&self, now: Nanos) {
        if self.next_timer.get() <= now {
            let mut ended = 0;
            while ended < MOST {
                let count = self.end_waits(now);
                ended += count;
                if count < BATCH {
                    break;
                }
            }
            self.next_timer.set(self.timers.borrow().next());
            self.pace.note(now, ended);
        }
        if self.worker.alarms.next() <= now {
            alarms::fire(self.worker, &self.shared, now);
        }
    }

    /// Makes up to `BATCH` of the routines ready whose timers are due; how many were due.
    fn end_waits(&self, now: Nanos) -> usize {
        let mut batch = [None; BATCH];
        let mut timers = self.timers.borrow_mut();
        for place in &mut batch {
            *place = timers.pop_due(now);
            match place {
                Some(body) => Body::prefetch_first(*body),
                None => break,
            }
        }
        drop(timers);
        let count = batch.iter().flatten().count();
        for body in batch.into_iter().flatten() {
            // SAFETY: it waits, so it is alive.
            unsafe { body.as_ref() }.prefetch();
        }
        for body in batch.into_iter().flatten() {
            // None: it is being woken by somebody.
            if let Some(ready) = Body::time_out(body) {
                // SAFETY: `ready` is the sole right to queue it.
                unsafe { self.ready.push(ready.into_body()) };
            }
        }
        count
    }
}
