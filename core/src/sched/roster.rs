//! The workers of one runtime, by number.
//!
//! Append-only: a worker keeps its number for as long as the runtime lives, also when its thread has left,
//! so thieves, spreading, timers and metrics walk one array without a lock, and what they have seen there
//! stays valid. Tried instead: a list under a lock, which every search for work would take.
//!
//! ```text
//!           enlist                     too many                 its last routine ends
//! (new) ------------> Active -----------------------> Draining -----------------------> Vacant
//!                        ^                                |                                |
//!                        +------- enlist, first ----------+          enlist, second        |
//!                        +-----------------------------------------------------------------+
//! ```
//!
//! - I1: `places[..count]` are set and never change; `count` is written under the staff's lock.
//! - I2: a worker's state is changed under the staff's lock, so `active` agrees with the states there.

use std::ptr;

use super::worker::{Worker, WorkerState};
use crate::prim::{AtomicPtr, AtomicUsize, Ordering};

pub(crate) struct Roster {
    places: Box<[AtomicPtr<Worker>]>,
    count: AtomicUsize,
    active: AtomicUsize,
}

impl Roster {
    pub(super) fn new(room: usize) -> Roster {
        Roster {
            places: (0..room).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
            count: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
        }
    }

    /// How many numbers there are; those whose threads have left count.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // ORDER: Acquire pairs with the Release in `add`: the places below are set.
        self.count.load(Ordering::Acquire)
    }

    /// The worker of a number that was seen below `len`.
    #[inline]
    pub(crate) fn get(&self, number: usize) -> &'static Worker {
        let worker = self.places[number].load(Ordering::Relaxed);
        // SAFETY: I1; workers are never freed.
        unsafe { worker.as_ref() }.expect("a number below the count")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Worker> + '_ {
        (0..self.len()).map(|number| self.get(number))
    }

    /// Those that take new routines.
    pub(crate) fn active(&self) -> impl Iterator<Item = &'static Worker> + '_ {
        self.iter().filter(|worker| worker.is_active())
    }

    pub(crate) fn active_count(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Under the staff's lock: the next number, if there is one.
    pub(super) fn add(&self, worker: &'static Worker) -> Option<usize> {
        let number = self.count.load(Ordering::Relaxed);
        let place = self.places.get(number)?;
        place.store(ptr::from_ref(worker).cast_mut(), Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire in `len`.
        self.count.store(number + 1, Ordering::Release);
        Some(number)
    }

    /// Under the staff's lock (I2).
    pub(super) fn set_state(&self, worker: &Worker, state: WorkerState) {
        let was_active = worker.replace_state(state) == WorkerState::Active;
        let is_active = state == WorkerState::Active;
        let active =
            self.active.load(Ordering::Relaxed) + usize::from(is_active) - usize::from(was_active);
        self.active.store(active, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_states_are_counted() {
        let roster = Roster::new(2);
        let seats: Vec<_> = (0..3).map(|_| Worker::hire()).collect();
        assert_eq!(roster.add(seats[0].worker), Some(0));
        assert_eq!(roster.add(seats[1].worker), Some(1));
        assert_eq!(roster.add(seats[2].worker), None, "there is no room");
        for seat in &seats[..2] {
            roster.set_state(seat.worker, WorkerState::Active);
        }
        roster.set_state(seats[0].worker, WorkerState::Draining);
        roster.set_state(seats[0].worker, WorkerState::Vacant);
        assert_eq!((roster.len(), roster.active_count()), (2, 1));
        assert!(ptr::eq(roster.get(1), seats[1].worker));
        assert_eq!(roster.active().count(), 1);
        seats.into_iter().for_each(Worker::retire);
    }
}
