//! The channel: a [`State`] under one short lock, and the blocking calls.
//!
//! The lock is a spin lock whose unlock is a plain store, which makes an uncontended send and receive a
//! quarter cheaper than with parking_lot. What is rare - waiting, futures, closing - is out of the way
//! of the two calls that matter.

use std::sync::Arc;

use super::buffer::Buffer;
use super::builder::Alert;
use super::error::{RecvError, RecvTimeoutError};
use super::state::{Grab, Offer, State, Wakes};
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::{AtomicUsize, Ordering, SpinLock};
use crate::sys::clock::Nanos;
use crate::wait::{Waiter, block};

pub(crate) struct Chan<T> {
    pub(crate) state: SpinLock<State<T>>,
    /// `usize::MAX`: unbounded.
    pub(super) capacity: usize,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    alert: Option<Box<Alert>>,
}

// SAFETY: values move from thread to thread, nothing is shared (the state's I1).
unsafe impl<T: Send> Send for Chan<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Chan<T> {}

/// Why nothing was sent or received.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Failure {
    Closed,
    TimedOut,
}

#[derive(Clone, Copy)]
enum Side {
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
        let mut state = self.chan.state.lock();
        match self.side {
            Side::Sending => state.sending.remove(self.waiter),
            Side::Receiving => state.receiving.remove(self.waiter),
        }
    }
}

impl<T> Chan<T> {
    pub(super) fn new(buffer: Buffer<T>, alert: Option<Box<Alert>>) -> Arc<Chan<T>> {
        Arc::new(Chan {
            capacity: buffer.capacity(),
            state: SpinLock::new(State::new(
                buffer,
                alert.as_ref().map_or(usize::MAX, |alert| alert.mark()),
            )),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            alert,
        })
    }

    /// Does something under the lock, and after it wakes whom that calls for.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut State<T>) -> (R, Wakes)) -> R {
        let mut state = self.state.lock();
        let (result, wakes) = f(&mut state);
        let alarm = state.take_alarm();
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

    /// Sends what is in the slot, if that needs no wait.
    #[inline]
    pub(crate) fn offer(&self, value: &mut Option<T>) -> Offer {
        self.with(|state| state.offer(value))
    }

    /// Receives, if that needs no wait.
    #[inline]
    pub(crate) fn grab(&self) -> Grab<T> {
        self.with(State::grab)
    }

    /// Sends what is in the slot; on failure it is still there.
    #[inline(always)]
    #[track_caller]
    pub(super) fn send(
        &self,
        value: &mut Option<T>,
        deadline: Option<Nanos>,
    ) -> Result<(), Failure> {
        match self.offer(value) {
            Offer::Sent => Ok(()),
            Offer::Closed => Err(Failure::Closed),
            Offer::Full => self.send_slow(value, deadline),
        }
    }

    #[cold]
    #[track_caller]
    fn send_slow(&self, value: &mut Option<T>, deadline: Option<Nanos>) -> Result<(), Failure> {
        let waiter = Waiter::here();
        let offer = self.stand_to_send(value, &waiter);
        match offer {
            Offer::Sent => return Ok(()),
            Offer::Closed => return Err(Failure::Closed),
            Offer::Full => {}
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

    /// It was full: stands in the queue, unless the moment has passed. A frame of its own, which is gone
    /// when the routine parks.
    #[inline(never)]
    fn stand_to_send(&self, value: &mut Option<T>, waiter: &Waiter) -> Offer {
        self.with(|state| {
            let (offer, mut wakes) = state.offer(value);
            if let Offer::Full = offer {
                waiter.set_slot(std::ptr::from_mut(value).cast());
                // SAFETY: new, and in the caller's frame until `block` returns, which is after it has
                // been unlinked.
                wakes.join(unsafe { state.stand_to_send(waiter, None) });
            }
            (offer, wakes)
        })
    }

    /// It was empty: as [`stand_to_send`](Chan::stand_to_send).
    #[inline(never)]
    fn stand_to_receive(&self, slot: &mut Option<T>, waiter: &Waiter) -> Grab<T> {
        self.with(|state| {
            let (grab, wakes) = state.grab();
            if let Grab::Empty = grab {
                waiter.set_slot(std::ptr::from_mut(slot).cast());
                // SAFETY: not linked, and in the caller's frame until `block` returns, which is after it
                // has been unlinked.
                unsafe { state.receiving.push_back(waiter) };
            }
            (grab, wakes)
        })
    }

    /// Waits for a value, after a `grab` that gave none. Called as the last thing, so that the caller's
    /// frame has gone when the routine parks.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn wait(&self) -> Result<T, RecvError> {
        self.recv_slow(None).map_err(|_| RecvError)
    }

    /// As [`wait`](Chan::wait), until `deadline` at most.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn wait_until(&self, deadline: Nanos) -> Result<T, RecvTimeoutError> {
        self.recv_slow(Some(deadline))
            .map_err(|failure| match failure {
                Failure::TimedOut => RecvTimeoutError::Timeout,
                Failure::Closed => RecvTimeoutError::Disconnected,
            })
    }

    #[inline(always)]
    #[track_caller]
    fn recv_slow(&self, deadline: Option<Nanos>) -> Result<T, Failure> {
        let waiter = Waiter::here();
        let mut slot = None::<T>;
        loop {
            let grab = self.stand_to_receive(&mut slot, &waiter);
            match grab {
                Grab::Got(value) => return Ok(value),
                Grab::Closed => return Err(Failure::Closed),
                Grab::Empty => {}
            }
            let wait = Wait {
                chan: self,
                waiter: &waiter,
                side: Side::Receiving,
            };
            // SAFETY: made here, linked just now; `wait` takes this waiter out.
            let outcome = unsafe { block(&waiter, &wait, Reason::ChanReceive, deadline) };
            match (slot.take(), outcome) {
                (Some(value), _) => return Ok(value),
                (None, Outcome::TimedOut) => return Err(Failure::TimedOut),
                (None, _) => waiter.reset(),
            }
        }
    }

    /// Closes the channel: nothing can be sent any more, what is in the buffer can be received. `false`
    /// if it was closed before.
    #[cold]
    pub(super) fn close(&self) -> bool {
        self.with(|state| {
            let was_open = state.open;
            (was_open, state.close())
        })
    }

    /// The last receiver goes: nobody will have what is in the buffer.
    #[cold]
    pub(super) fn close_and_discard(&self) {
        let values = self.with(|state| {
            let wakes = state.close();
            (state.buffer.take(), wakes)
        });
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
