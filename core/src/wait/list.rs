//! A FIFO of waiters that stand on their owners' stacks.
//!
//! Doubly linked, so that a time-out takes its waiter out from the middle at once.
//!
//! - I1: the list and the links of its waiters are touched under the lock of the object only.
//! - I2: a linked waiter is alive: its owner is blocked until it is unlinked.

use std::ptr::{self, NonNull};

use super::token::Token;
use super::waiter::{Claimed, Waiter};

#[derive(Debug)]
pub(crate) struct WaitList {
    head: *const Waiter,
    tail: *const Waiter,
}

// SAFETY: I1: the object's lock orders all access; I2 keeps the pointers valid.
unsafe impl Send for WaitList {}

impl WaitList {
    pub(crate) const fn new() -> WaitList {
        WaitList {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// # Safety
    /// `waiter` is not linked, and stays alive and in place until it is unlinked (I2).
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, waiter: &Waiter) {
        waiter.linked.set(true);
        waiter.previous.set(self.tail);
        waiter.next.set(ptr::null());
        if self.tail.is_null() {
            self.head = waiter;
        } else {
            // SAFETY: I2.
            unsafe { (*self.tail).next.set(waiter) };
        }
        self.tail = waiter;
    }

    /// For one that was woken in its turn and lost against a newcomer.
    ///
    /// # Safety
    /// As [`push_back`](Self::push_back).
    pub(crate) unsafe fn push_front(&mut self, waiter: &Waiter) {
        waiter.linked.set(true);
        waiter.previous.set(ptr::null());
        waiter.next.set(self.head);
        if self.head.is_null() {
            self.tail = waiter;
        } else {
            // SAFETY: I2.
            unsafe { (*self.head).previous.set(waiter) };
        }
        self.head = waiter;
    }

    /// At the end, or in front if it has had its turn and there was nothing for it.
    ///
    /// # Safety
    /// As [`push_back`](Self::push_back).
    #[inline]
    pub(crate) unsafe fn push_in_turn(&mut self, waiter: &Waiter) {
        // SAFETY: the caller's promise.
        unsafe {
            match waiter.had_turn() {
                false => self.push_back(waiter),
                true => self.push_front(waiter),
            }
        }
    }

    /// Takes the longest waiter off that can be claimed; the caller now owns the right to wake it.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<Claimed> {
        loop {
            let waiter = NonNull::new(self.head.cast_mut())?;
            // SAFETY: I2.
            let claimed = unsafe {
                self.unlink(waiter.as_ref());
                waiter.as_ref().claim()
            };
            if claimed {
                // SAFETY: unlinked just now, under the lock.
                return Some(unsafe { Claimed::new(waiter) });
            }
        }
    }

    /// Takes the longest waiter off for which this holds; none of a select.
    pub(crate) fn take_first(&mut self, holds: impl Fn(&Waiter) -> bool) -> Option<Claimed> {
        let mut waiter = self.head;
        // SAFETY: I2, for each of them.
        while let Some(found) = unsafe { waiter.as_ref() } {
            if holds(found) {
                let claimed = NonNull::from(found);
                // SAFETY: linked; unlinked just now, under the lock.
                return unsafe {
                    self.unlink(found);
                    Some(Claimed::new(claimed))
                };
            }
            waiter = found.next.get();
        }
        None
    }

    /// What the slot of the longest waiter says.
    #[inline]
    pub(crate) fn first_slot(&self) -> Option<*mut ()> {
        // SAFETY: I2.
        unsafe { self.head.as_ref() }.map(Waiter::slot)
    }

    /// Whether the one who has waited longest is a task.
    #[inline]
    pub(crate) fn is_task_first(&self) -> bool {
        // SAFETY: I2.
        unsafe { self.head.as_ref() }.is_some_and(Waiter::is_task)
    }

    /// The longest waiter that is not of `token`'s owner.
    fn first_other(&self, token: Option<&Token>) -> Option<NonNull<Waiter>> {
        let mut waiter = self.head;
        // SAFETY: I2, for each of them.
        while let Some(other) = unsafe { waiter.as_ref() } {
            if !token.is_some_and(|token| other.is_of(token)) {
                return NonNull::new(waiter.cast_mut());
            }
            waiter = other.next.get();
        }
        None
    }

    /// Whether anybody but `token`'s owner waits.
    pub(crate) fn has_other(&self, token: &Token) -> bool {
        self.first_other(Some(token)).is_some()
    }

    /// Whether the longest waiter but `token`'s owner is none of a task.
    pub(crate) fn is_blocked_first(&self, token: &Token) -> bool {
        self.first_other(Some(token))
            // SAFETY: I2.
            .is_some_and(|other| !unsafe { other.as_ref() }.is_task())
    }

    /// Takes the longest waiter but `token`'s owner off, if it is a task.
    pub(crate) fn pop_task_first(&mut self, token: Option<&Token>) -> Option<Claimed> {
        let other = self.first_other(token)?;
        // SAFETY: I2; a task's waiter needs no claim.
        unsafe {
            if !other.as_ref().is_task() {
                return None;
            }
            self.unlink(other.as_ref());
            Some(Claimed::new(other))
        }
    }

    /// Takes this one off if it is still there.
    pub(crate) fn remove(&mut self, waiter: &Waiter) -> bool {
        if !waiter.linked.get() {
            return false;
        }
        // SAFETY: linked, and a waiter is only ever linked into one list.
        unsafe { self.unlink(waiter) };
        true
    }

    /// # Safety
    /// `waiter` is linked into this list.
    #[inline]
    unsafe fn unlink(&mut self, waiter: &Waiter) {
        waiter.linked.set(false);
        let (previous, next) = (waiter.previous.get(), waiter.next.get());
        // SAFETY: I2: neighbours are linked, so alive.
        unsafe {
            match previous.as_ref() {
                Some(previous) => previous.next.set(next),
                None => self.head = next,
            }
            match next.as_ref() {
                Some(next) => next.previous.set(previous),
                None => self.tail = previous,
            }
        }
    }
}

/// Waiters that were claimed under a lock and are woken when it has been released.
///
/// To its owner, which looks at `linked` under the object's lock, such a waiter is off the list, its wake
/// on its way; its `next` belongs to this list.
pub(crate) struct ClaimedList {
    head: *const Waiter,
    tail: *const Waiter,
}

impl ClaimedList {
    pub(crate) const fn new() -> ClaimedList {
        ClaimedList {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    pub(crate) fn push(&mut self, claimed: Claimed) {
        let waiter = claimed.into_waiter().as_ptr();
        // SAFETY: claimed, so it waits for the wake that this list now owes, as does the tail.
        unsafe {
            (*waiter).next.set(ptr::null());
            match self.tail.as_ref() {
                None => self.head = waiter,
                Some(tail) => tail.next.set(waiter),
            }
        }
        self.tail = waiter;
    }

    pub(crate) fn wake(self) {
        self.for_each(Claimed::wake);
    }
}

impl Iterator for ClaimedList {
    type Item = Claimed;

    fn next(&mut self) -> Option<Claimed> {
        let waiter = NonNull::new(self.head.cast_mut())?;
        // SAFETY: as in `push`, which gave up the right that is taken up again here.
        unsafe {
            self.head = waiter.as_ref().next.get();
            Some(Claimed::new(waiter))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_and_out_of_the_middle() {
        let waiters: Vec<Waiter> = (0..4).map(|_| Waiter::for_tests()).collect();
        let mut list = WaitList::new();
        for waiter in &waiters[..3] {
            // SAFETY: the vector outlives the list and does not move its elements.
            unsafe { list.push_back(waiter) };
        }
        // SAFETY: as above.
        unsafe { list.push_front(&waiters[3]) };
        assert!(list.remove(&waiters[1]));
        assert!(!list.remove(&waiters[1]), "gone is gone");
        let order: Vec<_> = std::iter::from_fn(|| list.pop_front())
            .map(|c| c.address())
            .collect();
        let expected: Vec<_> = [3, 0, 2].map(|i| ptr::from_ref(&waiters[i])).into();
        assert_eq!(order, expected);
        assert!(list.is_empty());
    }
}
