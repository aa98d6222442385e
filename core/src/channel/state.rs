//! What stands under a channel's lock, and who gets what.
//!
//! Rules, for waiters that block (routines, threads, selects):
//! - a value goes to the receiver that has waited longest, and through the buffer if none waits;
//! - a sender that waits has its value moved into the buffer, at its end, when one is taken out;
//! - who comes while others of its side wait stands behind them.
//!
//! A future that waits is woken, never handed a value: it may be dropped at any time. So when one comes
//! first in the queue, the value stays where it is - in the buffer, or with the sender - and the
//! future is *told*. From then on that future is responsible: it takes the value when it is polled, or
//! passes the news on when it is dropped ([`State::settle`]). Until then those behind it keep waiting,
//! unless somebody comes who finds that out of order and settles first.
//!
//! One exception: without a buffer, the value of a send future stands in the heap and is taken out of
//! there; else two futures could never meet. A receiving future is told by a sender that stands in
//! the queue, not by one that only tries.
//!
//! How a value comes in is in `offer`, how one goes out in `grab`; here is what both stand on.
//!
//! - I1: no user code runs under the lock: values are moved, and dropped after it is released.
//! - I2: a waiter's slot is in its owner's frame or, for a send future, in the heap. A sender's is an
//!   `Option<T>`, which holds its value while it is linked; a receiver's a [`Received`], which is filled
//!   by whoever hands it one. Woken with the slot as it was: look again, most likely the channel was
//!   closed. A future's is null if it is only told.
//! - I3: while there is room and somebody waits for it, or a value and somebody waits for that, a
//!   future was told of it and has neither been polled nor dropped since. (Without a buffer: while
//!   both sides wait; or one select does, on both.)

use super::buffer::Buffer;
use super::error::RecvError;
use crate::wait::token::Token;
use crate::wait::{Claimed, WaitList, Waiter, Wakes};

/// The slot of a receiver: an error until a value comes. It is what `recv` returns, so that a large
/// value is moved to its end at once.
pub(crate) type Received<T> = Result<T, RecvError>;

/// So many waiters are woken at a time when a channel is closed: few enough that what the lock's holder
/// has read of them is still in the cache when they are woken, and that others get at the lock.
const CLOSED_AT_ONCE: usize = 32;

/// What every call uses comes first: a channel between two workers costs a miss for each cache line.
#[repr(C)]
pub(crate) struct State<T> {
    pub(crate) open: bool,
    /// Whether the mark has not been told of since there were half as many.
    is_armed: bool,
    /// Those who wait for a value.
    pub(crate) receiving: WaitList,
    /// Those who wait for room.
    pub(crate) sending: WaitList,
    pub(crate) buffer: Buffer<T>,
    /// With fewer values queued another one concerns nobody but the buffer.
    plain_room: usize,
    /// Most values that stood in the buffer at once.
    pub(crate) most: usize,
    /// So many queued values are told of (`usize::MAX`: none are).
    mark: usize,
    /// How many there were when the mark was reached, until that is told; else 0.
    alarm: usize,
}

/// The slot of a sender.
///
/// # Safety
/// `claimed` waits to send on a `Chan<T>` (I2), and is not a future that is only told.
pub(super) unsafe fn sending_slot<'a, T>(claimed: &Claimed) -> &'a mut Option<T> {
    // SAFETY: the caller's promise; taken off, the slot is ours.
    unsafe { &mut *claimed.slot().cast::<Option<T>>() }
}

/// The slot of a receiver.
///
/// # Safety
/// As [`sending_slot`], of one who waits to receive.
pub(super) unsafe fn receiving_slot<'a, T>(claimed: &Claimed) -> &'a mut Received<T> {
    // SAFETY: the caller's promise; taken off, the slot is ours.
    unsafe { &mut *claimed.slot().cast::<Received<T>>() }
}

/// Whether the waiter is only told, and nothing is moved for it.
pub(super) fn is_told(claimed: &Claimed) -> bool {
    claimed.slot().is_null()
}

impl<T> State<T> {
    pub(crate) fn new(buffer: Buffer<T>, mark: usize) -> State<T> {
        State {
            plain_room: buffer.capacity().min(mark.saturating_sub(1)),
            buffer,
            sending: WaitList::new(),
            receiving: WaitList::new(),
            open: true,
            most: 0,
            mark,
            is_armed: true,
            alarm: 0,
        }
    }

    #[inline(always)]
    pub(super) fn is_rendezvous(&self) -> bool {
        self.buffer.capacity() == 0
    }

    /// Whether a value may go into the buffer without a thought for anybody else.
    #[inline(always)]
    pub(crate) fn has_plain_room(&self) -> bool {
        self.open
            && self.receiving.is_empty()
            && self.sending.is_empty()
            && self.buffer.len() < self.plain_room
    }

    /// After [`has_plain_room`](State::has_plain_room) has said so.
    #[inline(always)]
    pub(crate) fn put_plain(&mut self, value: T) {
        self.buffer.push(value);
        self.most = self.most.max(self.buffer.len());
    }

    /// Takes a value out of the buffer, if there is one and that concerns nobody else.
    #[inline(always)]
    pub(crate) fn take_plain(&mut self, slot: &mut Received<T>) -> bool {
        self.receiving.is_empty()
            && self.sending.is_empty()
            && self.is_armed
            && self.buffer.pop_into(slot)
    }

    /// Puts what is in the slot into the buffer.
    #[inline]
    pub(super) fn put_from(&mut self, value: &mut Option<T>) {
        let Some(value) = value.take() else {
            return;
        };
        self.buffer.push(value);
        let len = self.buffer.len();
        self.most = self.most.max(len);
        if len >= self.mark && self.is_armed {
            self.is_armed = false;
            self.alarm = len;
        }
    }

    /// Takes a value out of the buffer, not by way of the frame.
    #[inline]
    pub(super) fn take_into(&mut self, slot: &mut Received<T>) -> bool {
        let is_taken = self.buffer.pop_into(slot);
        if !self.is_armed && self.buffer.len() <= self.mark / 2 {
            self.is_armed = true;
        }
        is_taken
    }

    /// After the calls that may have put something in: the number of values to tell of, else 0.
    #[inline(always)]
    pub(crate) fn take_alarm(&mut self) -> usize {
        match self.alarm {
            0 => 0,
            _ => std::mem::take(&mut self.alarm),
        }
    }

    /// There is room for one: its value is moved in, or the future told.
    #[inline]
    pub(super) fn refill(&mut self) -> Wakes {
        let Some(sender) = self.sending.pop_front() else {
            return Wakes::NONE;
        };
        self.move_in(&sender);
        Wakes::one(sender)
    }

    /// Moves the sender's value into the buffer; `false`: it is a future, and only told.
    fn move_in(&mut self, sender: &Claimed) -> bool {
        if is_told(sender) {
            return false;
        }
        // SAFETY: I2.
        self.put_from(unsafe { sending_slot::<T>(sender) });
        true
    }

    /// Gives what there is to those who wait for it, in their order, until a future has to be told.
    /// For a future that was told and takes nothing, and for those who find that one is told and has not
    /// come yet.
    pub(crate) fn settle(&mut self) -> Wakes {
        let mut wakes = Wakes::NONE;
        self.settle_into(&mut wakes);
        wakes
    }

    #[cold]
    pub(super) fn settle_into(&mut self, wakes: &mut Wakes) {
        if !self.open {
            return;
        }
        if self.is_rendezvous() {
            // It looks again, and takes from the sender: to match them here would take two claims at
            // once, if both are selects.
            if !self.sending.is_empty() {
                if let Some(receiver) = self.receiving.pop_front() {
                    wakes.add(receiver);
                }
            }
            return;
        }
        loop {
            let mut is_done = true;
            while self.buffer.has_room() {
                let Some(sender) = self.sending.pop_front() else {
                    break;
                };
                let moved = self.move_in(&sender);
                wakes.add(sender);
                if !moved {
                    break;
                }
            }
            while !self.buffer.is_empty() {
                let Some(receiver) = self.receiving.pop_front() else {
                    break;
                };
                if is_told(&receiver) {
                    wakes.add(receiver);
                    break;
                }
                // SAFETY: I2.
                let slot = unsafe { receiving_slot::<T>(&receiver) };
                self.take_into(slot);
                wakes.add(receiver);
                // There is room again.
                is_done = false;
            }
            if is_done {
                return;
            }
        }
    }

    /// Stands in the queue of senders, after an offer under the same lock that said `Full`.
    ///
    /// # Safety
    /// As [`WaitList::push_back`]; the waiter has a slot with a value, or is a future that is told.
    #[inline]
    pub(crate) unsafe fn stand_to_send(&mut self, waiter: &Waiter, token: Option<&Token>) -> Wakes {
        // SAFETY: the caller's promise.
        unsafe { self.sending.push_back(waiter) };
        self.tell_receiver(token)
    }

    /// Without a buffer: somebody stands there to send now, for the future that waits longest to
    /// receive.
    #[inline]
    pub(crate) fn tell_receiver(&mut self, token: Option<&Token>) -> Wakes {
        if self.receiving.is_empty() || !self.is_rendezvous() {
            return Wakes::NONE;
        }
        self.receiving
            .pop_task_first(token)
            .map_or(Wakes::NONE, Wakes::one)
    }

    /// Ends the channel; some of those who wait are to be woken. To be called again as long as somebody waits.
    pub(crate) fn close(&mut self) -> Wakes {
        self.open = false;
        let mut wakes = Wakes::NONE;
        for _ in 0..CLOSED_AT_ONCE {
            let first = self.sending.pop_front();
            match first.or_else(|| self.receiving.pop_front()) {
                Some(waiter) => wakes.add(waiter),
                None => break,
            }
        }
        wakes
    }
}
