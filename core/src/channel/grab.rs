//! A value is wished for: out of the buffer, or from a sender that waits.

use super::moves::hand;
use super::state::{Received, State, is_told, receiving_slot, sending_slot};
use crate::wait::{Claimed, Wakes};

/// What became of a wish for a value; it is in the slot if there was one.
pub(crate) enum Grab {
    Got,
    Closed,
    Empty,
}

impl<T> State<T> {
    /// Takes a value out of the buffer, or from a sender that waits, into the slot.
    #[inline]
    pub(crate) fn grab(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        if !self.open {
            // Nobody waits in line any more: those who still stand there are about to be woken.
            return (self.grab_buffer(slot), Wakes::NONE);
        }
        if self.is_rendezvous() {
            return self.grab_rendezvous(slot);
        }
        if self.receiving.is_empty() {
            if self.take_into(slot) {
                let wakes = if self.sending.is_empty() {
                    Wakes::NONE
                } else {
                    self.refill()
                };
                return (Grab::Got, wakes);
            }
            if self.sending.is_empty() {
                return (self.nothing(), Wakes::NONE);
            }
        } else if self.buffer.is_empty() && self.sending.is_empty() {
            return (self.nothing(), Wakes::NONE);
        }
        self.grab_in_line(slot)
    }

    #[inline]
    fn nothing(&self) -> Grab {
        if self.open { Grab::Empty } else { Grab::Closed }
    }

    #[inline]
    fn grab_rendezvous(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        if !self.receiving.is_empty() && !self.sending.is_empty() {
            return self.grab_in_turn(slot);
        }
        self.grab_from_sender(slot)
    }

    #[inline]
    fn grab_from_sender(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        match self.take_from_sender(slot) {
            Some(sender) => (Grab::Got, Wakes::one(sender)),
            None => (self.nothing(), Wakes::NONE),
        }
    }

    /// Without a buffer: both sides wait, since a future was told of that and has not come yet. Those who
    /// waited before are served before the caller.
    #[cold]
    fn grab_in_turn(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        let mut wakes = Wakes::NONE;
        while let Some(sender) = self.take_from_sender(slot) {
            wakes.add(sender);
            if self.receiving.is_task_first() {
                return (Grab::Got, wakes);
            }
            let Some(receiver) = self.receiving.pop_front() else {
                return (Grab::Got, wakes);
            };
            if is_told(&receiver) {
                wakes.add(receiver);
                return (Grab::Got, wakes);
            }
            // SAFETY: I2 of `state`.
            std::mem::swap(unsafe { receiving_slot::<T>(&receiver) }, slot);
            wakes.add(receiver);
        }
        (self.nothing(), wakes)
    }

    /// The next value out of the buffer, if there is one.
    fn grab_buffer(&mut self, slot: &mut Received<T>) -> Grab {
        if self.take_into(slot) {
            Grab::Got
        } else {
            self.nothing()
        }
    }

    /// With a buffer: others wait, or there is room although senders wait.
    #[cold]
    fn grab_in_line(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        let mut wakes = self.settle();
        if !self.receiving.is_empty() {
            return (self.nothing(), wakes);
        }
        let grab = self.grab_buffer(slot);
        self.settle_into(&mut wakes);
        (grab, wakes)
    }

    /// As [`grab`](State::grab), from one who was told of a value - a future, or whoever was woken
    /// without one: it stands before all others.
    pub(crate) fn grab_told(&mut self, slot: &mut Received<T>) -> (Grab, Wakes) {
        if !self.open {
            return (self.grab_buffer(slot), Wakes::NONE);
        }
        if self.is_rendezvous() {
            return self.grab_from_sender(slot);
        }
        let grab = self.grab_buffer(slot);
        let mut wakes = Wakes::NONE;
        if let Grab::Got = grab {
            self.settle_into(&mut wakes);
        }
        (grab, wakes)
    }

    /// The value of the sender that has waited longest; there is no buffer.
    #[inline]
    pub(super) fn take_from_sender(&mut self, slot: &mut Received<T>) -> Option<Claimed> {
        let sender = self.sending.pop_front()?;
        // SAFETY: I2 of `state`: without a buffer every sender has a slot.
        let is_handed = hand(unsafe { sending_slot::<T>(&sender) }, slot);
        assert!(is_handed, "a linked sender's slot holds its value");
        Some(sender)
    }
}
