//! The channel: a ring of values and two queues of waiters under one short lock.
//!
//! A value goes straight to whoever waits for it - a receiver that is blocked, or for a receiver the
//! longest-blocked sender - and through the buffer otherwise. So with `bounded(0)` every value is
//! handed over (a rendezvous), and nobody passes a waiter by: a buffer with waiting receivers is
//! empty, one with waiting senders is full.
//!
//! - I1: values, waiters and `open` are touched under the lock. No user code runs under it: values
//!   are moved, and dropped after it is released.
//! - I2: a waiter's slot is an `Option<T>` in its owner's frame. A sender's holds its value while it
//!   is linked; a receiver's is filled by whoever hands it one. Woken with the slot as it was: the
//!   channel was closed.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::{RecvError, RecvTimeoutError, SendError};
use crate::control::{Outcome, Reason, Unlink};
use crate::prim::{AtomicUsize, Ordering, SpinGuard, SpinLock};
use crate::sys::clock::{self, Nanos};
use crate::wait::{Claimed, WaitList, Waiter, block};

/// Bytes that a bounded channel allocates at once; a larger buffer grows with use.
const PREALLOCATED: usize = 64 * 1024;

struct Chan<T> {
    state: SpinLock<State<T>>,
    capacity: usize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

struct State<T> {
    values: VecDeque<T>,
    /// Blocked senders: the buffer is full.
    sending: WaitList,
    /// Blocked receivers: the buffer is empty.
    receiving: WaitList,
    open: bool,
}

// SAFETY: values move from thread to thread, nothing is shared (I1).
unsafe impl<T: Send> Send for Chan<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Chan<T> {}

/// The sending end of a channel; clones send into the same one.
///
/// # Go
/// `chan<- T`.
pub struct Sender<T> {
    chan: Arc<Chan<T>>,
}

/// The receiving end of a channel; each value goes to one of its clones.
///
/// # Go
/// `<-chan T`.
pub struct Receiver<T> {
    chan: Arc<Chan<T>>,
}

/// A channel with room for `capacity` values; with none, each send waits for its receiver.
///
/// # Go
/// `make(chan T, capacity)`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, routine};
///
/// let (tx, rx) = channel::bounded(10);
/// routine::spawn(move || tx.send(42).unwrap());
/// assert_eq!(rx.recv(), Ok(42));
/// assert!(rx.recv().is_err(), "the sender is gone");
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    new(capacity, capacity.min(PREALLOCATED / size_of::<T>().max(1)))
}

/// A channel whose sends never wait, and whose memory has no bound; prefer [`bounded`].
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::channel;
///
/// let (tx, rx) = channel::unbounded();
/// for i in 0..3 {
///     tx.send(i).unwrap();
/// }
/// assert_eq!(rx.recv(), Ok(0));
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    new(usize::MAX, 0)
}

fn new<T>(capacity: usize, allocated: usize) -> (Sender<T>, Receiver<T>) {
    let chan = Arc::new(Chan {
        state: SpinLock::new(State {
            values: VecDeque::with_capacity(allocated),
            sending: WaitList::new(),
            receiving: WaitList::new(),
            open: true,
        }),
        capacity,
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
    });
    (Sender { chan: chan.clone() }, Receiver { chan })
}

/// The slot of a waiter.
///
/// # Safety
/// `claimed` waits on a `Chan<T>` (I2).
unsafe fn slot<T>(claimed: &Claimed) -> *mut Option<T> {
    claimed.slot().cast()
}

/// Why a value was not taken at once.
enum Refused<'a, T> {
    Closed(T),
    Full(T, SpinGuard<'a, State<T>>),
}

/// Why there was no value at once.
enum Missing<'a, T> {
    Closed,
    Empty(SpinGuard<'a, State<T>>),
}

impl<T> Chan<T> {
    /// Hands the value to a receiver that waits, or puts it into the buffer.
    #[inline]
    fn offer<'a>(
        &'a self,
        mut state: SpinGuard<'a, State<T>>,
        value: T,
    ) -> Result<(), Refused<'a, T>> {
        if !state.open {
            drop(state);
            return Err(Refused::Closed(value));
        }
        if let Some(receiver) = state.receiving.pop_front() {
            // SAFETY: I2: a receiver's slot, ours since it was unlinked.
            unsafe { *slot(&receiver) = Some(value) };
            drop(state);
            receiver.wake();
            return Ok(());
        }
        if state.values.len() < self.capacity {
            state.values.push_back(value);
            return Ok(());
        }
        Err(Refused::Full(value, state))
    }

    /// Takes a value out of the buffer, or from a sender that waits.
    #[inline]
    fn grab<'a>(&'a self, mut state: SpinGuard<'a, State<T>>) -> Result<T, Missing<'a, T>> {
        if let Some(value) = state.values.pop_front() {
            if let Some(sender) = state.sending.pop_front() {
                // SAFETY: I2: a sender's slot, ours since it was unlinked.
                state.values.extend(unsafe { (*slot::<T>(&sender)).take() });
                drop(state);
                sender.wake();
            }
            return Ok(value);
        }
        if let Some(sender) = state.sending.pop_front() {
            drop(state);
            // SAFETY: as above.
            let value = unsafe { (*slot::<T>(&sender)).take() };
            sender.wake();
            return Ok(value.expect("a linked sender's slot holds its value"));
        }
        if !state.open {
            return Err(Missing::Closed);
        }
        Err(Missing::Empty(state))
    }

    #[inline]
    #[track_caller]
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.offer(self.state.lock(), value) {
            Ok(()) => Ok(()),
            Err(Refused::Closed(value)) => Err(SendError(value)),
            Err(Refused::Full(value, state)) => {
                drop(state);
                self.send_slow(value)
            }
        }
    }

    #[cold]
    #[track_caller]
    fn send_slow(&self, value: T) -> Result<(), SendError<T>> {
        let waiter = Waiter::here();
        // It was full; the moment may have passed.
        let (value, mut state) = match self.offer(self.state.lock(), value) {
            Ok(()) => return Ok(()),
            Err(Refused::Closed(value)) => return Err(SendError(value)),
            Err(Refused::Full(value, state)) => (value, state),
        };
        let slot = UnsafeCell::new(Some(value));
        waiter.set_slot(slot.get().cast());
        // SAFETY: new, and here until `block` returns, which is after it has been unlinked.
        unsafe { state.sending.push_back(&waiter) };
        drop(state);
        let wait = Wait {
            chan: self,
            waiter: &waiter,
            side: Side::Sending,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        unsafe { block(&waiter, &wait, Reason::ChanSend, None) };
        match slot.into_inner() {
            None => Ok(()),
            Some(value) => Err(SendError(value)),
        }
    }

    #[inline]
    #[track_caller]
    fn recv(&self, deadline: Option<Nanos>) -> Result<T, RecvTimeoutError> {
        match self.grab(self.state.lock()) {
            Ok(value) => Ok(value),
            Err(Missing::Closed) => Err(RecvTimeoutError::Disconnected),
            Err(Missing::Empty(state)) => {
                drop(state);
                self.recv_slow(deadline)
            }
        }
    }

    #[cold]
    #[track_caller]
    fn recv_slow(&self, deadline: Option<Nanos>) -> Result<T, RecvTimeoutError> {
        let waiter = Waiter::here();
        // It was empty; the moment may have passed.
        let mut state = match self.grab(self.state.lock()) {
            Ok(value) => return Ok(value),
            Err(Missing::Closed) => return Err(RecvTimeoutError::Disconnected),
            Err(Missing::Empty(state)) => state,
        };
        let slot = UnsafeCell::new(None::<T>);
        waiter.set_slot(slot.get().cast());
        // SAFETY: new, and here until `block` returns, which is after it has been unlinked.
        unsafe { state.receiving.push_back(&waiter) };
        drop(state);
        let wait = Wait {
            chan: self,
            waiter: &waiter,
            side: Side::Receiving,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        let outcome = unsafe { block(&waiter, &wait, Reason::ChanReceive, deadline) };
        match (slot.into_inner(), outcome) {
            (Some(value), _) => Ok(value),
            (None, Outcome::TimedOut) => Err(RecvTimeoutError::Timeout),
            (None, _) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Ends the channel: wakes everybody. With `discard`, nobody can receive what is buffered.
    #[cold]
    fn close(&self, discard: bool) {
        let mut state = self.state.lock();
        state.open = false;
        let mut waiting: Vec<Claimed> = Vec::new();
        while let Some(waiter) = state.sending.pop_front() {
            waiting.push(waiter);
        }
        while let Some(waiter) = state.receiving.pop_front() {
            waiting.push(waiter);
        }
        let values = if discard {
            std::mem::take(&mut state.values)
        } else {
            VecDeque::new()
        };
        drop(state);
        for waiter in waiting {
            waiter.wake();
        }
        drop(values);
    }
}

enum Side {
    Sending,
    Receiving,
}

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

impl<T> Sender<T> {
    /// Sends `value`: to a receiver that waits, or into the buffer.
    ///
    /// **Blocks** the calling routine while the buffer is full (always, if the capacity is zero and
    /// nobody receives); on a plain thread, the thread.
    ///
    /// # Errors
    /// [`SendError`] with the value if every receiver is gone.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `ch <- value`.
    #[inline]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.chan.send(value)
    }
}

impl<T> Receiver<T> {
    /// Receives the next value.
    ///
    /// **Blocks** the calling routine while there is none; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and every sender is gone.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `v, ok := <-ch`.
    #[inline]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.chan.recv(None).map_err(|_| RecvError)
    }

    /// Receives the next value, if one comes within `timeout`.
    ///
    /// **Blocks** as [`recv`](Receiver::recv), for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` if there was none in time, `Disconnected` if the channel is empty and every sender
    /// is gone.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `select { case v := <-ch: ... case <-time.After(timeout): ... }`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::channel::{self, RecvTimeoutError};
    /// use rust_routines::time::Duration;
    ///
    /// let (tx, rx) = channel::bounded::<u32>(1);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// drop(tx);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Disconnected));
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.chan.recv(Some(clock::deadline(timeout)))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.chan.senders.fetch_add(1, Ordering::Relaxed);
        Sender {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.chan.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // ORDER: AcqRel pairs with itself: the last one sees what the others sent before they went.
        if self.chan.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.chan.close(false);
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // ORDER: AcqRel pairs with itself, as for senders.
        if self.chan.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.chan.close(true);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}
