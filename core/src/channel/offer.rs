//! A value is offered: to a receiver that waits, or to the buffer.

use super::moves::hand;
use super::state::{State, is_told, receiving_slot};
use crate::wait::Wakes;

/// What became of a value that was offered; it is still in its slot unless it was sent.
pub(crate) enum Offer {
    Sent,
    Closed,
    Full,
}

impl<T> State<T> {
    /// Hands the value to a receiver that waits, or puts it into the buffer.
    #[inline]
    pub(crate) fn offer(&mut self, value: &mut Option<T>) -> (Offer, Wakes) {
        if !self.open {
            return (Offer::Closed, Wakes::NONE);
        }
        if self.receiving.is_empty() && self.sending.is_empty() {
            return (self.offer_buffer(value), Wakes::NONE);
        }
        if self.is_rendezvous() {
            return self.offer_rendezvous(value);
        }
        self.offer_in_line(value)
    }

    #[inline]
    fn offer_buffer(&mut self, value: &mut Option<T>) -> Offer {
        if !self.buffer.has_room() {
            return Offer::Full;
        }
        self.put_from(value);
        Offer::Sent
    }

    #[inline]
    fn offer_rendezvous(&mut self, value: &mut Option<T>) -> (Offer, Wakes) {
        if self.receiving.is_task_first() {
            return (Offer::Full, Wakes::NONE);
        }
        let Some(receiver) = self.receiving.pop_front() else {
            return (Offer::Full, Wakes::NONE);
        };
        if is_told(&receiver) {
            return (Offer::Full, Wakes::one(receiver));
        }
        // SAFETY: I2 of `state`.
        let slot = unsafe { receiving_slot::<T>(&receiver) };
        // Somebody may wait to send already, of whom a future was told: order is kept.
        if let Some(sender) = self.take_from_sender(slot) {
            let mut wakes = Wakes::one(receiver);
            wakes.add(sender);
            return (Offer::Full, wakes);
        }
        hand(value, slot);
        (Offer::Sent, Wakes::one(receiver))
    }

    /// With a buffer, and somebody waiting.
    #[inline]
    fn offer_in_line(&mut self, value: &mut Option<T>) -> (Offer, Wakes) {
        let mut wakes = Wakes::NONE;
        if !self.sending.is_empty() {
            if !self.buffer.has_room() && self.receiving.is_empty() {
                return (Offer::Full, wakes);
            }
            wakes = self.settle();
            if !self.sending.is_empty() {
                return (Offer::Full, wakes);
            }
        }
        let offer = self.hand_or_put(value, &mut wakes);
        (offer, wakes)
    }

    /// As [`offer`](State::offer), from a future that was told of room: it stands before all others.
    pub(crate) fn offer_told(&mut self, value: &mut Option<T>) -> (Offer, Wakes) {
        if !self.open || self.is_rendezvous() {
            return self.offer(value);
        }
        let mut wakes = Wakes::NONE;
        let offer = self.hand_or_put(value, &mut wakes);
        if let Offer::Sent = offer {
            self.settle_into(&mut wakes);
        }
        (offer, wakes)
    }

    /// With a buffer: to the receiver that has waited longest, else into the buffer.
    #[inline]
    fn hand_or_put(&mut self, value: &mut Option<T>, wakes: &mut Wakes) -> Offer {
        let Some(receiver) = self.receiving.pop_front() else {
            return self.offer_buffer(value);
        };
        if is_told(&receiver) {
            wakes.add(receiver);
            return self.offer_buffer(value);
        }
        // SAFETY: I2 of `state`.
        let slot = unsafe { receiving_slot::<T>(&receiver) };
        // Something may lie there that a future was told of and has not come for: order is kept.
        if self.take_into(slot) {
            self.put_from(value);
        } else {
            hand(value, slot);
        }
        wakes.add(receiver);
        Offer::Sent
    }
}
