//! The channel: a [`State`] under one short lock, and the blocking calls.
//!
//! The lock is a spin lock whose unlock is a plain store, which makes an uncontended send and receive a
//! quarter cheaper than with parking_lot. What is rare - waiting, futures, closing - is out of the way
//! of the two calls that matter.

use std::sync::Arc;

use super::buffer::Buffer;
use super::builder::Alert;
use super::error::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
use super::grab::Grab;
use super::looks::{OVER, RECEIVABLE, SENDABLE};
use super::offer::Offer;
use super::state::{Received, State};
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::{AtomicUsize, Ordering, SpinGuard, SpinLock};
use crate::queue::hint::Hint;
use crate::sched::clock::Nanos;
use crate::sched::forbid;
use crate::wait::{Waiter, Wakes, block};

#[repr(C)] // See `State`.
pub(crate) struct Chan<T> {
    /// Of what is under the lock; in step with it whenever that is free.
    hint: Hint,
    state: SpinLock<State<T>>,
    /// `usize::MAX`: unbounded.
    pub(super) capacity: usize,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    alert: Option<Box<Alert>>,
    /// It cannot be closed.
    is_eternal: bool,
}

// SAFETY: values move from thread to thread, nothing is shared (the state's I1).
unsafe impl<T: Send> Send for Chan<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Chan<T> {}

/// The lock, held.
type Held<'a, T> = SpinGuard<'a, State<T>>;

/// What is left in the slot of a call that failed.
pub(super) fn back<T>(slot: Option<T>) -> T {
    slot.expect("what was not sent is still in its slot")
}

/// Why nothing was sent or received.
enum Failure {
    Closed,
    TimedOut,
}

/// Which of the two queues.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Sending,
    Receiving,
}

/// One waiter in one of the two queues.
struct Wait<'a, T> {
    chan: &'a Chan<T>,
    waiter: &'a Waiter,
    side: Side,
}

impl<T> Unlink for Wait<'_, T> {
    fn unlink(&self) -> bool {
        self.chan.leave(self.side, self.waiter)
    }
}

impl<T> Chan<T> {
    pub(super) fn new(buffer: Buffer<T>, alert: Option<Box<Alert>>) -> Arc<Chan<T>> {
        Arc::new(Chan::with_end(buffer, alert, false))
    }

    /// One that nobody sends into, and that is never closed.
    pub(super) fn eternal() -> Arc<Chan<T>> {
        Arc::new(Chan::with_end(Buffer::bounded(0), None, true))
    }

    fn with_end(buffer: Buffer<T>, alert: Option<Box<Alert>>, is_eternal: bool) -> Chan<T> {
        let capacity = buffer.capacity();
        let mark = alert.as_ref().map_or(usize::MAX, |alert| alert.mark());
        let state = State::new(buffer, mark);
        Chan {
            capacity,
            hint: Hint::new(state.hints()),
            state: SpinLock::new(state),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            alert,
            is_eternal,
        }
    }

    /// Does something under the lock, and after it wakes whom that calls for.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut State<T>) -> (R, Wakes)) -> R {
        self.go_on(self.state.lock(), f)
    }

    /// As [`with`](Chan::with), when the lock is held already.
    #[inline(always)]
    fn go_on<R>(&self, mut state: Held<'_, T>, f: impl FnOnce(&mut State<T>) -> (R, Wakes)) -> R {
        let (result, wakes) = f(&mut state);
        let alarm = state.take_alarm();
        self.hint.set(state.hints());
        drop(state);
        wakes.wake();
        if alarm > 0 {
            self.tell(alarm);
        }
        result
    }

    #[cold]
    fn tell(&self, queued: usize) {
        if let Some(alert) = &self.alert {
            alert.tell(queued);
        }
    }

    /// Whether `grab` would say `Empty`, without the lock.
    #[inline(always)]
    pub(crate) fn has_nothing(&self) -> bool {
        self.hint.lacks(RECEIVABLE, || self.state.is_locked())
    }

    /// Whether `offer` would say `Full`, without the lock.
    #[inline(always)]
    pub(crate) fn has_no_room(&self) -> bool {
        self.hint.lacks(SENDABLE, || self.state.is_locked())
    }

    /// Sends what is in the slot, if that needs no wait.
    #[inline]
    pub(crate) fn offer(&self, value: &mut Option<T>) -> Offer {
        self.with(|state| state.offer(value))
    }

    /// Receives into the slot, if that needs no wait.
    #[inline]
    pub(crate) fn grab(&self, slot: &mut Received<T>) -> Grab {
        self.with(|state| state.grab(slot))
    }

    /// Sends `value`. Inlined, down to the buffer that nobody waits for; all else goes on in a frame of
    /// its own, with the lock held.
    #[inline(always)]
    #[track_caller]
    pub(super) fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut state = self.state.lock();
        if state.has_plain_room() {
            state.put_plain(value);
            self.hint.set(state.hints());
            return Ok(());
        }
        self.send_on(state, value)
    }

    #[inline(never)]
    #[track_caller]
    fn send_on(&self, state: Held<'_, T>, value: T) -> Result<(), SendError<T>> {
        let mut slot = Some(value);
        self.send_or_wait(state, &mut slot, None)
            .map_err(|_| SendError(back(slot)))
    }

    /// Sends `value`, if that needs no wait.
    #[inline(always)]
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.has_no_room() {
            return Err(TrySendError::Full(value));
        }
        let mut state = self.state.lock();
        if state.has_plain_room() {
            state.put_plain(value);
            self.hint.set(state.hints());
            return Ok(());
        }
        self.try_send_on(state, value)
    }

    #[inline(never)]
    fn try_send_on(&self, state: Held<'_, T>, value: T) -> Result<(), TrySendError<T>> {
        let mut slot = Some(value);
        match self.go_on(state, |state| state.offer(&mut slot)) {
            Offer::Sent => Ok(()),
            Offer::Full => Err(TrySendError::Full(back(slot))),
            Offer::Closed => Err(TrySendError::Disconnected(back(slot))),
        }
    }

    /// Sends `value`, until `deadline` at most.
    #[track_caller]
    pub(super) fn send_until(&self, value: T, deadline: Nanos) -> Result<(), SendTimeoutError<T>> {
        let mut slot = Some(value);
        self.send_or_wait(self.state.lock(), &mut slot, Some(deadline))
            .map_err(|failure| match failure {
                Failure::TimedOut => SendTimeoutError::Timeout(back(slot)),
                Failure::Closed => SendTimeoutError::Disconnected(back(slot)),
            })
    }

    /// Sends what is in the slot; on failure it is still there.
    #[inline(always)]
    #[track_caller]
    fn send_or_wait(
        &self,
        state: Held<'_, T>,
        value: &mut Option<T>,
        deadline: Option<Nanos>,
    ) -> Result<(), Failure> {
        let waiter = Waiter::unchecked();
        match self.stand_to_send(state, value, &waiter) {
            Offer::Sent => return Ok(()),
            Offer::Closed => return Err(Failure::Closed),
            Offer::Full => forbid::check(),
        }
        let wait = Wait {
            chan: self,
            waiter: &waiter,
            side: Side::Sending,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        let outcome = unsafe { block(&waiter, &wait, Reason::ChanSend, deadline) };
        match outcome {
            _ if value.is_none() => Ok(()),
            Outcome::TimedOut => Err(Failure::TimedOut),
            Outcome::Woken | Outcome::Cancelled => Err(Failure::Closed),
        }
    }

    /// Sends what is in the slot, or stands in the queue (`Full`); where parking is forbidden it does not
    /// stand there. A frame of its own, which is gone when the routine parks.
    #[inline(never)]
    fn stand_to_send(&self, state: Held<'_, T>, value: &mut Option<T>, waiter: &Waiter) -> Offer {
        self.go_on(state, |state| {
            let (offer, mut wakes) = state.offer(value);
            if matches!(offer, Offer::Full) && !forbid::is_forbidden() {
                waiter.set_slot(std::ptr::from_mut(value).cast());
                // SAFETY: new, and in the caller's frame until `block` returns, which is after it has
                // been unlinked.
                wakes.join(unsafe { state.stand_to_send(waiter, None) });
            }
            (offer, wakes)
        })
    }

    /// Receives a value, as [`send`](Chan::send) sends one.
    #[inline(always)]
    #[track_caller]
    pub(super) fn recv(&self) -> Received<T> {
        let mut state = self.state.lock();
        let mut slot = Err(RecvError);
        if state.take_plain(&mut slot) {
            self.hint.set(state.hints());
            return slot;
        }
        self.recv_on(state)
    }

    #[inline(never)]
    #[track_caller]
    fn recv_on(&self, state: Held<'_, T>) -> Received<T> {
        let mut slot = Err(RecvError);
        // Empty-handed is what the slot says already.
        let _ = self.recv_or_wait(state, &mut slot, None);
        slot
    }

    /// Receives a value, if that needs no wait.
    #[inline(always)]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        if self.has_nothing() {
            return Err(TryRecvError::Empty);
        }
        let mut state = self.state.lock();
        let mut slot = Err(RecvError);
        if state.take_plain(&mut slot) {
            self.hint.set(state.hints());
            return slot.map_err(|_| TryRecvError::Empty);
        }
        self.try_recv_on(state)
    }

    #[inline(never)]
    fn try_recv_on(&self, state: Held<'_, T>) -> Result<T, TryRecvError> {
        let mut slot = Err(RecvError);
        match self.go_on(state, |state| state.grab(&mut slot)) {
            Grab::Empty => Err(TryRecvError::Empty),
            Grab::Got | Grab::Closed => slot.map_err(|_| TryRecvError::Disconnected),
        }
    }

    /// As [`recv`](Chan::recv), until `deadline` at most.
    #[track_caller]
    pub(super) fn recv_until(&self, deadline: Nanos) -> Result<T, RecvTimeoutError> {
        let mut slot = Err(RecvError);
        match self.recv_or_wait(self.state.lock(), &mut slot, Some(deadline)) {
            Ok(()) => slot.map_err(|_| RecvTimeoutError::Disconnected),
            Err(Failure::TimedOut) => Err(RecvTimeoutError::Timeout),
            Err(Failure::Closed) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Receives into the slot.
    #[inline(always)]
    #[track_caller]
    fn recv_or_wait<'a>(
        &'a self,
        mut state: Held<'a, T>,
        slot: &mut Received<T>,
        deadline: Option<Nanos>,
    ) -> Result<(), Failure> {
        let waiter = Waiter::unchecked();
        loop {
            match self.stand_to_receive(state, slot, &waiter) {
                Grab::Got => return Ok(()),
                Grab::Closed => return Err(Failure::Closed),
                Grab::Empty => forbid::check(),
            }
            let wait = Wait {
                chan: self,
                waiter: &waiter,
                side: Side::Receiving,
            };
            // SAFETY: made here, linked just now; `wait` takes this waiter out.
            let outcome = unsafe { block(&waiter, &wait, Reason::ChanReceive, deadline) };
            match outcome {
                _ if slot.is_ok() => return Ok(()),
                Outcome::TimedOut => return Err(Failure::TimedOut),
                _ if self.hint.has(OVER) => return Err(Failure::Closed),
                Outcome::Woken | Outcome::Cancelled => {
                    waiter.reset();
                    waiter.note_turn();
                }
            }
            state = self.state.lock();
        }
    }

    /// As [`stand_to_send`](Chan::stand_to_send): receives into the slot, or stands in the queue
    /// (`Empty`).
    #[inline(never)]
    fn stand_to_receive(
        &self,
        state: Held<'_, T>,
        slot: &mut Received<T>,
        waiter: &Waiter,
    ) -> Grab {
        self.go_on(state, |state| {
            let (grab, wakes) = match waiter.had_turn() {
                false => state.grab(slot),
                true => state.grab_told(slot),
            };
            if matches!(grab, Grab::Empty) && !forbid::is_forbidden() {
                waiter.set_slot(std::ptr::from_mut(slot).cast());
                // SAFETY: not linked, and in the caller's frame until `block` returns, which is after it
                // has been unlinked.
                unsafe { state.receiving.push_in_turn(waiter) };
            }
            (grab, wakes)
        })
    }

    /// Tells something of what is under the lock.
    pub(super) fn ask<R>(&self, f: impl FnOnce(&State<T>) -> R) -> R {
        f(&self.state.lock())
    }

    /// Takes the waiter out of its queue; whether it stood there.
    #[inline]
    pub(crate) fn leave(&self, side: Side, waiter: &Waiter) -> bool {
        self.with(|state| {
            let list = match side {
                Side::Sending => &mut state.sending,
                Side::Receiving => &mut state.receiving,
            };
            (list.remove(waiter), Wakes::NONE)
        })
    }

    /// Closes the channel: nothing can be sent any more, what is in the buffer can be received. `false`
    /// if it was closed before.
    #[cold]
    pub(super) fn close(&self) -> bool {
        if self.is_eternal {
            return false;
        }
        let was_open = self.with(|state| {
            let was_open = state.open;
            (was_open, state.close())
        });
        self.wake_rest();
        was_open
    }

    /// After a close: those who still wait.
    fn wake_rest(&self) {
        while self.with(|state| {
            let is_more = !(state.receiving.is_empty() && state.sending.is_empty());
            (is_more, state.close())
        }) {}
    }

    /// The last receiver goes: nobody will have what is in the buffer.
    #[cold]
    pub(super) fn close_and_discard(&self) {
        let values = self.with(|state| {
            let wakes = state.close();
            (state.buffer.take(), wakes)
        });
        self.wake_rest();
        drop(values);
    }

    /// One more sender or receiver.
    pub(super) fn count(counter: &AtomicUsize) {
        if counter.fetch_add(1, Ordering::Relaxed) > usize::MAX / 2 {
            // As `Arc` does: a count that wraps would close what is in use.
            std::process::abort();
        }
    }

    /// One fewer; whether it was the last.
    pub(super) fn count_out(counter: &AtomicUsize) -> bool {
        // ORDER: AcqRel pairs with itself: the last one sees what the others did before they went.
        counter.fetch_sub(1, Ordering::AcqRel) == 1
    }
}
