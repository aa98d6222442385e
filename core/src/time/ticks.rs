//! The state of a timer or an interval: when it expires next, and who waits for that.
//!
//! It stands in no table. An expiry is not an event but a comparison: who looks takes it if its time has
//! come, and gets the moment that was set, however late the look. Who waits stands in the list with the
//! timer of its own wait set for that moment.
//!
//! A stop tells nobody: those who wait look at the old moment, and go on waiting. A reset tells them only if
//! the new moment comes before the one that they will look at by themselves: a watchdog that is fed a
//! million times a second wakes nobody.
//!
//! - I1: everything is used under the lock; no code of the user's runs under it.
//! - I2: each waiter in the list will look at `watched` at the latest, unless nothing is armed.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use super::after::Due;
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::SpinLock;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;
use crate::wait::{TaskWaiter, WaitList, Waiter, Wakes, block};

#[derive(Debug)]
pub(super) struct Moments {
    /// The next expiry; `Nanos::MAX`: never.
    at: Nanos,
    /// From one expiry to the next; `None`: there is one only.
    period: Option<Nanos>,
    armed: bool,
    waiting: WaitList,
    /// I2.
    watched: Nanos,
}

pub(crate) struct Ticks {
    moments: SpinLock<Moments>,
}

/// A waiter in the list.
struct Wait<'a> {
    ticks: &'a Ticks,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.ticks.leave(self.waiter)
    }
}

impl Moments {
    fn take(&mut self, now: Nanos) -> Option<Instant> {
        let at = self.at;
        if !self.armed || at > now || at == Nanos::MAX {
            return None;
        }
        match self.period {
            // The phase is kept, and what nobody took in time is lost.
            Some(period) => {
                let late = now.saturating_sub(at) / period;
                let ahead = period.saturating_mul(late.saturating_add(1));
                self.at = at.saturating_add(ahead);
            }
            None => self.armed = false,
        }
        Some(Instant::from_nanos(at))
    }

    /// When the next look pays off.
    fn due(&self) -> Nanos {
        if self.armed { self.at } else { Nanos::MAX }
    }

    /// Somebody is about to stand in the list; when it has to look.
    fn watch(&mut self) -> Nanos {
        let due = self.due();
        self.watched = if self.waiting.is_empty() {
            due
        } else {
            self.watched.max(due)
        };
        due
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moments = self.moments.lock();
        let (at, armed, period) = (moments.at, moments.armed, moments.period);
        drop(moments);
        match armed {
            true => Due(at).fmt(f)?,
            false => f.write_str("not set")?,
        }
        match period.filter(|_| armed) {
            Some(period) => write!(f, ", every {:?}", Duration::from_nanos(period as u64)),
            None => Ok(()),
        }
    }
}

impl Ticks {
    pub(super) const fn new(at: Nanos, period: Option<Nanos>) -> Ticks {
        Ticks {
            moments: SpinLock::new(Moments {
                at,
                period,
                armed: true,
                waiting: WaitList::new(),
                watched: Nanos::MAX,
            }),
        }
    }

    /// The expiry whose time has come.
    #[inline]
    pub(crate) fn take(&self) -> Option<Instant> {
        self.take_at(clock::now())
    }

    #[inline]
    fn take_at(&self, now: Nanos) -> Option<Instant> {
        self.moments.lock().take(now)
    }

    /// Whether it was armed; an expiry that nobody has taken is lost.
    #[inline]
    pub(super) fn stop(&self) -> bool {
        std::mem::take(&mut self.moments.lock().armed)
    }

    /// Whether it was armed; an expiry that nobody has taken is lost.
    pub(super) fn reset(&self, at: Nanos, period: Option<Nanos>) -> bool {
        let mut told = Wakes::NONE;
        let mut moments = self.moments.lock();
        moments.at = at;
        moments.period = period;
        let was_armed = std::mem::replace(&mut moments.armed, true);
        if at < moments.watched {
            while let Some(waiter) = moments.waiting.pop_front() {
                told.add(waiter);
            }
        }
        drop(moments);
        told.wake();
        was_armed
    }

    /// Stands in the list, unless a look at `now` pays off (`Err`); when it has to look again.
    ///
    /// # Safety
    /// `waiter` is not linked, and stays alive and in place until it is unlinked.
    pub(crate) unsafe fn enter(&self, waiter: &Waiter, now: Nanos) -> Result<Nanos, ()> {
        let mut moments = self.moments.lock();
        let due = moments.watch();
        if due <= now && due != Nanos::MAX {
            return Err(());
        }
        // SAFETY: the caller's promise.
        unsafe { moments.waiting.push_back(waiter) };
        Ok(due)
    }

    /// Leaves the list; whether it stood there.
    pub(crate) fn leave(&self, waiter: &Waiter) -> bool {
        self.moments.lock().waiting.remove(waiter)
    }

    /// As [`enter`](Ticks::enter), for the cell of a future, whether a look would pay off or not.
    pub(super) fn enter_cell(&self, cell: Arc<TaskWaiter>) -> Nanos {
        let mut moments = self.moments.lock();
        let due = moments.watch();
        let waiter = TaskWaiter::into_waiter(cell);
        // SAFETY: a new cell is not linked; the count that `into_waiter` made keeps it alive.
        unsafe { moments.waiting.push_back(waiter.as_ref()) };
        due
    }

    /// When this cell has to look again; `None`: it was told, and stands in the list no longer.
    pub(super) fn watch_cell(&self, cell: &TaskWaiter) -> Option<Nanos> {
        let mut moments = self.moments.lock();
        cell.is_linked().then(|| moments.watch())
    }

    /// Waits for an expiry.
    #[track_caller]
    pub(super) fn recv(&self) -> Instant {
        let now = clock::now();
        match self.take_at(now) {
            Some(moment) => moment,
            None => self.wait(now),
        }
    }

    /// Nothing had come at `now`.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn wait(&self, mut now: Nanos) -> Instant {
        let waiter = Waiter::here();
        loop {
            // SAFETY: made here, and unlinked when the wait is over.
            if let Ok(due) = unsafe { self.enter(&waiter, now) } {
                let wait = Wait {
                    ticks: self,
                    waiter: &waiter,
                };
                // SAFETY: linked just now; `wait` takes this waiter out.
                let outcome = unsafe { block(&waiter, &wait, Reason::Sleep, Some(due)) };
                debug_assert_ne!(outcome, Outcome::Cancelled, "raised");
                waiter.reset();
            }
            now = clock::now();
            if let Some(moment) = self.take_at(now) {
                return moment;
            }
        }
    }
}
