//! The line of those who wait for a lock: the product's side of `queue::locks`.
//!
//! What a waiter asks for is noted in its slot, as a number, with a lowest bit that says whether it was
//! granted: so nobody has to reach into the waiter's frame.
//!
//! - I1: a line is used under the lock of its object. A slot is written by its owner before it is linked, by
//!   whoever takes it off before it is woken, and read by its owner after that; of a task under the lock.

use std::ptr::{NonNull, without_provenance_mut};
use std::sync::Arc;

use crate::control::Unlink;
use crate::prim::SpinLock;
use crate::queue::locks::{self, Entry, Right};
use crate::wait::{Claimed, TaskWaiter, WaitList, Waiter};

pub(super) struct Line {
    list: WaitList,
    /// How many of them are no tasks.
    blocked: u32,
}

const GRANTED: usize = 1;

impl Line {
    pub(super) const fn new() -> Line {
        Line {
            list: WaitList::new(),
            blocked: 0,
        }
    }

    /// # Safety
    /// As [`WaitList::push_back`].
    #[inline]
    pub(super) unsafe fn push(&mut self, waiter: &Waiter, ask: u64, entry: Entry) {
        waiter.set_slot(without_provenance_mut((ask as usize) << 1));
        self.blocked += u32::from(!waiter.is_task());
        // SAFETY: the caller's promise.
        unsafe {
            match entry {
                Entry::Front => self.list.push_front(waiter),
                Entry::Back | Entry::Got => self.list.push_back(waiter),
            }
        }
    }

    /// Puts a task's cell into the line, which then owns a count of it.
    pub(super) fn push_task(&mut self, task: &Arc<TaskWaiter>, ask: u64, entry: Entry) {
        let waiter = TaskWaiter::into_waiter(task.clone());
        // SAFETY: not linked, and the count keeps it alive.
        unsafe { self.push(waiter.as_ref(), ask, entry) };
    }

    /// Takes this one off if it is still there.
    pub(super) fn remove(&mut self, waiter: &Waiter) -> bool {
        let removed = self.list.remove(waiter);
        if removed {
            self.blocked -= u32::from(!waiter.is_task());
        }
        removed
    }

    /// Takes the one off that asks for exactly this.
    pub(super) fn take_asking(&mut self, ask: u64) -> Option<Claimed> {
        let found = self
            .list
            .take_first(|waiter| waiter.slot().addr() as u64 >> 1 == ask)?;
        self.blocked -= u32::from(!Claimed::is_task(&found));
        Some(found)
    }

    /// As [`remove`](Line::remove), for what `push_task` has put there.
    pub(super) fn remove_task(&mut self, task: &Arc<TaskWaiter>) -> bool {
        let removed = self.remove(task.waiter());
        if removed {
            // SAFETY: the line's count, from `push_task`; just unlinked.
            drop(unsafe { TaskWaiter::from_waiter(NonNull::from(task.waiter())) });
        }
        removed
    }
}

impl locks::Line for Line {
    type Right = Claimed;

    #[inline]
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline]
    fn blocked(&self) -> u32 {
        self.blocked
    }

    fn first_ask(&self) -> Option<u64> {
        self.list.first_slot().map(|slot| slot.addr() as u64 >> 1)
    }

    #[inline]
    fn pop(&mut self) -> Option<Claimed> {
        let first = self.list.pop_front();
        if first.as_ref().is_some_and(|first| !Claimed::is_task(first)) {
            self.blocked -= 1;
        }
        first
    }
}

impl Right for Claimed {
    #[inline]
    fn is_task(&self) -> bool {
        Claimed::is_task(self)
    }

    #[inline]
    fn ask(&self) -> u64 {
        self.slot().addr() as u64 >> 1
    }

    #[inline]
    fn grant(&mut self) {
        self.set_slot(without_provenance_mut(self.slot().addr() | GRANTED));
    }
}

/// Whether what it asked for is its own; for its owner, when it has been woken.
#[inline]
pub(super) fn is_granted(waiter: &Waiter) -> bool {
    waiter.slot().addr() & GRANTED != 0
}

/// A wait in a line that has a lock to itself.
pub(super) struct Wait<'a> {
    pub(super) line: &'a SpinLock<Line>,
    pub(super) waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.line.lock().remove(self.waiter)
    }
}
