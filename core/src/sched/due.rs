//! The timers of a worker's own waits, and when it has to look at the clock.
//!
//! Only the home can do anything with what is due in a wait of one of its routines, so these timers
//! are the thread's own, without a lock. Those that others set and stop are beside (`alarms`).

use std::num::NonZeroU64;
use std::ptr::NonNull;

use super::alarms;
use super::clock::{self, Nanos};
use super::core::Core;
use super::limit;
use crate::control::{Body, Outcome};
use crate::driver::timers::Key;

/// Waits ended in one look.
const MOST: usize = 256;
/// Routines whose memory is asked for before the first of them is touched.
const BATCH: usize = 16;

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
            let key = self.timers.borrow_mut().insert(at, body);
            current.set_timer(key.to_number(), limited);
            self.next_timer.set(self.next_timer.get().min(at));
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
        self.next_timer.get().min(self.worker.alarms.next())
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
            for _ in 0..MOST / BATCH {
                if !self.end_waits(now) {
                    break;
                }
            }
            self.next_timer.set(self.timers.borrow().next());
        }
        if self.worker.alarms.next() <= now {
            alarms::fire(self.worker, &self.shared, now);
        }
    }

    /// Makes some of the routines ready whose timers are due; whether there may be more.
    fn end_waits(&self, now: Nanos) -> bool {
        let mut batch = [None; BATCH];
        let mut timers = self.timers.borrow_mut();
        for place in &mut batch {
            *place = timers.pop_due(now).map(|(_, body)| body);
            match place {
                // SAFETY: it waits, so it is alive.
                Some(body) => unsafe { body.as_ref() }.prefetch(),
                None => break,
            }
        }
        drop(timers);
        for body in batch.into_iter().flatten() {
            // None: it is being woken by somebody.
            if let Some(ready) = Body::time_out(body) {
                // SAFETY: `ready` is the sole right to queue it.
                unsafe { self.ready.push(ready.into_body()) };
            }
        }
        batch[BATCH - 1].is_some()
    }
}
