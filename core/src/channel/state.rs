//! What stands under a channel's lock, and who gets what.
//!
//! Rules, for waiters that block (routines, threads, selects):
//! - a value goes to the receiver that has waited longest, and through the buffer if none waits;
//! - a sender that waits has its value moved into the buffer, at its end, when one is taken out;
//! - who comes while others of its side wait stands behind them.
//!
//! A future that waits is woken, never handed a value: it may be dropped at any time. So when one comes
//! first in the queue, the value stays where it is - in the buffer, or with the sender - and the
//! future is told. From then on that future is responsible: it takes the value when it is polled, or
//! passes the news on when it is dropped ([`State::settle`]). Until then those behind it keep waiting.
//!
//! One exception: without a buffer, the value of a send future stands in the heap and is taken out of
//! there; else two futures could never meet.
//!
//! - I1: no user code runs under the lock: values are moved, and dropped after it is released.
//! - I2: a waiter's slot is an `Option<T>`, in its owner's frame or, for a send future, in the heap. A
//!   sender's holds its value while it is linked; a receiver's is filled by whoever hands it one.
//!   Woken with the slot as it was: look again, most likely the channel was closed. A future's is null
//!   if it is only told.

use super::buffer::Buffer;
use crate::wait::token::Token;
use crate::wait::{Claimed, ClaimedList, WaitList};

pub(crate) struct State<T> {
    pub(crate) buffer: Buffer<T>,
    /// Those who wait for room.
    pub(crate) sending: WaitList,
    /// Those who wait for a value.
    pub(crate) receiving: WaitList,
    pub(crate) open: bool,
    /// Most values that stood in the buffer at once.
    pub(crate) most: usize,
}

/// Whom to wake when the lock has been released.
#[must_use]
pub(crate) struct Wakes {
    first: Option<Claimed>,
    others: ClaimedList,
}

impl Wakes {
    pub(crate) const NONE: Wakes = Wakes {
        first: None,
        others: ClaimedList::new(),
    };

    #[inline]
    fn one(claimed: Claimed) -> Wakes {
        Wakes {
            first: Some(claimed),
            others: ClaimedList::new(),
        }
    }

    pub(crate) fn add(&mut self, claimed: Claimed) {
        self.others.push(claimed);
    }

    #[inline(always)]
    pub(crate) fn wake(self) {
        if let Some(claimed) = self.first {
            claimed.wake();
        }
        if !self.others.is_empty() {
            self.others.wake();
        }
    }
}

/// What became of a value that was offered; it is still in its slot unless it was sent.
pub(crate) enum Offer {
    Sent,
    Closed,
    Full,
}

/// What became of a wish for a value.
pub(crate) enum Grab<T> {
    Got(T),
    Closed,
    Empty,
}

/// The slot of a waiter.
///
/// # Safety
/// `claimed` waits on a `Chan<T>` (I2), and is not a future that is only told.
unsafe fn slot<'a, T>(claimed: &Claimed) -> &'a mut Option<T> {
    // SAFETY: the caller's promise; taken off, the slot is ours.
    unsafe { &mut *claimed.slot().cast::<Option<T>>() }
}

/// Whether the waiter is only told, and nothing is moved for it.
fn is_told(claimed: &Claimed) -> bool {
    claimed.slot().is_null()
}

impl<T> State<T> {
    pub(crate) fn new(buffer: Buffer<T>) -> State<T> {
        State {
            buffer,
            sending: WaitList::new(),
            receiving: WaitList::new(),
            open: true,
            most: 0,
        }
    }

    /// Hands the value to a receiver that waits, or puts it into the buffer. `told`: the caller is a
    /// future that was told of room, and need not stand behind others.
    #[inline(always)]
    pub(crate) fn offer(&mut self, value: &mut Option<T>, told: bool) -> (Offer, Wakes) {
        if !self.open {
            return (Offer::Closed, Wakes::NONE);
        }
        if !self.receiving.is_empty() {
            return self.offer_waiting(value, told);
        }
        (self.offer_buffer(value, told), Wakes::NONE)
    }

    #[inline(always)]
    fn offer_buffer(&mut self, value: &mut Option<T>, told: bool) -> Offer {
        if !self.buffer.has_room() || !(told || self.sending.is_empty()) {
            return Offer::Full;
        }
        if let Some(value) = value.take() {
            self.put(value);
        }
        Offer::Sent
    }

    #[inline(always)]
    fn put(&mut self, value: T) {
        self.buffer.push(value);
        self.most = self.most.max(self.buffer.len());
    }

    #[inline]
    fn offer_waiting(&mut self, value: &mut Option<T>, told: bool) -> (Offer, Wakes) {
        let Some(receiver) = self.receiving.pop_front() else {
            return (self.offer_buffer(value, told), Wakes::NONE);
        };
        if is_told(&receiver) {
            // If there is no room the caller will wait, and the future finds it there.
            return (self.offer_buffer(value, told), Wakes::one(receiver));
        }
        // SAFETY: I2.
        let slot = unsafe { slot::<T>(&receiver) };
        // Something may lie there that a future was told of and has not come for: order is kept.
        if let Some(head) = self.buffer.pop() {
            *slot = Some(head);
            if let Some(value) = value.take() {
                self.put(value);
            }
            return (Offer::Sent, Wakes::one(receiver));
        }
        if let Some((head, sender)) = self.take_from_sender() {
            *slot = Some(head);
            let mut wakes = Wakes::one(receiver);
            wakes.add(sender);
            return (Offer::Full, wakes);
        }
        *slot = value.take();
        (Offer::Sent, Wakes::one(receiver))
    }

    /// Takes a value out of the buffer, or from a sender that waits. `told` as in `offer`.
    #[inline(always)]
    pub(crate) fn grab(&mut self, told: bool) -> (Grab<T>, Wakes) {
        if !self.may_take(told) {
            return (Grab::Empty, Wakes::NONE);
        }
        if let Some(value) = self.buffer.pop() {
            let wakes = if self.sending.is_empty() {
                Wakes::NONE
            } else {
                self.refill()
            };
            return (Grab::Got(value), wakes);
        }
        self.grab_from_sender()
    }

    /// Whether nobody stands before one who comes now. Without a buffer nobody can: a receiver that
    /// waits beside a sender is the same select's, or is about to be served by a future.
    #[inline(always)]
    fn may_take(&self, told: bool) -> bool {
        told || self.receiving.is_empty() || self.buffer.capacity() == 0
    }

    #[inline]
    fn grab_from_sender(&mut self) -> (Grab<T>, Wakes) {
        if let Some((value, sender)) = self.take_from_sender() {
            return (Grab::Got(value), Wakes::one(sender));
        }
        let none = if self.open { Grab::Empty } else { Grab::Closed };
        (none, Wakes::NONE)
    }

    /// The value of the sender that has waited longest; there is no buffer.
    #[inline]
    fn take_from_sender(&mut self) -> Option<(T, Claimed)> {
        if self.buffer.capacity() > 0 {
            return None;
        }
        let sender = self.sending.pop_front()?;
        // SAFETY: I2: without a buffer every sender has a slot.
        let value = unsafe { slot::<T>(&sender) }.take();
        Some((
            value.expect("a linked sender's slot holds its value"),
            sender,
        ))
    }

    /// There is room for one: its value is moved in, or the future told.
    #[inline]
    fn refill(&mut self) -> Wakes {
        let Some(sender) = self.sending.pop_front() else {
            return Wakes::NONE;
        };
        if !is_told(&sender) {
            // SAFETY: I2.
            if let Some(value) = unsafe { slot::<T>(&sender) }.take() {
                self.put(value);
            }
        }
        Wakes::one(sender)
    }

    /// A future that was told has gone without taking anything: others get what it was told of.
    pub(crate) fn settle(&mut self) -> Wakes {
        let mut wakes = Wakes::NONE;
        while !self.buffer.is_empty() || !self.sending.is_empty() {
            let Some(receiver) = self.receiving.pop_front() else {
                break;
            };
            let is_told = is_told(&receiver);
            if !is_told {
                // Without a buffer the receiver, with an empty slot, looks again: matching two
                // selects here would take two claims at once.
                // SAFETY: I2.
                *unsafe { slot::<T>(&receiver) } = self.buffer.pop();
            }
            wakes.add(receiver);
            if is_told || self.buffer.is_empty() {
                break;
            }
        }
        while self.buffer.has_room() {
            let Some(sender) = self.sending.pop_front() else {
                break;
            };
            let is_told = is_told(&sender);
            if !is_told {
                // SAFETY: I2.
                if let Some(value) = unsafe { slot::<T>(&sender) }.take() {
                    self.put(value);
                }
            }
            wakes.add(sender);
            if is_told {
                break;
            }
        }
        wakes
    }

    /// Ends the channel: all who wait are to be woken.
    pub(crate) fn close(&mut self) -> Wakes {
        self.open = false;
        let mut wakes = Wakes::NONE;
        while let Some(waiter) = self
            .sending
            .pop_front()
            .or_else(|| self.receiving.pop_front())
        {
            wakes.add(waiter);
        }
        wakes
    }

    /// For a select that is about to stand in the queue: whether `offer` would do something now.
    pub(crate) fn could_send(&self, token: &Token) -> bool {
        !self.open
            || self.receiving.has_other(token)
            || self.buffer.has_room() && self.sending.is_empty()
    }

    /// As [`could_send`](State::could_send), for `grab`.
    pub(crate) fn could_receive(&self, token: &Token) -> bool {
        self.may_take(false)
            && (!self.open || !self.buffer.is_empty() || self.sending.has_other(token))
    }
}
