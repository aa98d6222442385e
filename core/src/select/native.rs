//! The faster way of this crate's own arms: they stand in the queues of their channels, and whoever
//! takes them off completes them.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::arm::{Arm, Sealed};
use crate::channel::{
    Chan, Grab, Offer, Receiver, RecvError, RecvFuture, SendError, SendFuture, Sender, Side,
};
use crate::sched::clock::Nanos;
use crate::wait::token::Token;
use crate::wait::{Waiter, Wakes};

/// What a select does with an arm of ours. By `&self`, because others write into its slot while it stands
/// in a queue: the slot and the result are cells, touched by the select (which has the arm by `&mut`)
/// and, between `enter` and `leave`, the slot by the one with the claim. When `look` or `won` has said `true`, the arm's `poll` is
/// ready, with any waker.
pub(crate) trait Native {
    /// Whether a look would find nothing; says so only if that is cheap to see.
    fn is_idle(&self) -> bool {
        false
    }

    /// Takes effect, if it can at once.
    fn look(&self) -> bool;

    /// Stands in the queue with `waiter`, unless a look would pay off: then `false`.
    ///
    /// # Safety
    /// `waiter` is of `token`, not linked, and stays until `leave`; so does the arm.
    unsafe fn enter(&self, waiter: &Waiter, token: &Token) -> bool;

    /// Leaves the queue, if it still stands there.
    fn leave(&self, waiter: &Waiter);

    /// Its waiter was taken off and woken: whether it was completed. Else another look pays off.
    fn won(&self) -> bool;

    /// When a look pays off at the latest.
    fn due(&self) -> Option<Nanos> {
        None
    }
}

impl<T> RecvFuture<'_, T> {
    fn finish(&self, is_done: bool) -> bool {
        self.is_done.set(is_done);
        is_done
    }
}

impl<T> Native for RecvFuture<'_, T> {
    #[inline(always)]
    fn is_idle(&self) -> bool {
        self.chan.has_nothing()
    }

    #[inline]
    fn look(&self) -> bool {
        if self.is_idle() {
            return false;
        }
        // SAFETY: not in a queue.
        let slot = unsafe { &mut *self.slot.get() };
        self.finish(!matches!(self.chan.grab(slot), Grab::Empty))
    }

    unsafe fn enter(&self, waiter: &Waiter, token: &Token) -> bool {
        self.chan.with(|state| {
            if state.could_receive(token) {
                return (false, Wakes::NONE);
            }
            waiter.set_slot(self.slot.get().cast());
            // SAFETY: the caller's promise.
            unsafe { state.receiving.push_in_turn(waiter) };
            (true, Wakes::NONE)
        })
    }

    fn leave(&self, waiter: &Waiter) {
        self.chan.leave(Side::Receiving, waiter);
    }

    fn won(&self) -> bool {
        // SAFETY: it has left the queue.
        let is_filled = unsafe { (*self.slot.get()).is_ok() };
        if is_filled {
            return self.finish(true);
        }
        // SAFETY: not in a queue.
        let slot = unsafe { &mut *self.slot.get() };
        let grab = self.chan.with(|state| state.grab_told(slot));
        self.finish(!matches!(grab, Grab::Empty))
    }
}

/// What became of a value in a slot: sent, or (`Err`) the channel is closed; `None`: nothing yet.
///
/// # Safety
/// The slot is the arm's own or borrowed by it; not while others may use it.
unsafe fn send_look<T>(chan: &Chan<T>, slot: *mut Option<T>) -> Option<Result<(), ()>> {
    // SAFETY: the caller's promise.
    let slot = unsafe { &mut *slot };
    if slot.is_none() {
        return None;
    }
    match chan.offer(slot) {
        Offer::Sent => Some(Ok(())),
        Offer::Closed => Some(Err(())),
        Offer::Full => None,
    }
}

/// # Safety
/// As [`Native::enter`]; and the slot stays.
unsafe fn send_enter<T>(
    chan: &Chan<T>,
    slot: *mut Option<T>,
    waiter: &Waiter,
    token: &Token,
) -> bool {
    // SAFETY: the caller's promise; nobody else uses it yet.
    if unsafe { &*slot }.is_none() {
        // Nothing to send: it is off, and only a close would be told.
        return true;
    }
    chan.with(|state| {
        if state.could_send(token) {
            return (false, Wakes::NONE);
        }
        waiter.set_slot(slot.cast());
        // SAFETY: the caller's promise.
        (true, unsafe { state.stand_to_send(waiter, Some(token)) })
    })
}

/// # Safety
/// As [`send_look`].
unsafe fn send_won<T>(chan: &Chan<T>, slot: *mut Option<T>) -> Option<Result<(), ()>> {
    // SAFETY: the caller's promise.
    unsafe {
        match &*slot {
            None => Some(Ok(())),
            Some(_) => send_look(chan, slot),
        }
    }
}

impl<T> SendFuture<'_, T> {
    fn finish(&self, result: Option<Result<(), ()>>) -> bool {
        let Some(result) = result else {
            return false;
        };
        self.done.set(Some(result));
        true
    }
}

impl<T> Native for SendFuture<'_, T> {
    #[inline(always)]
    fn is_idle(&self) -> bool {
        self.chan.has_no_room()
    }

    fn look(&self) -> bool {
        // SAFETY: not in a queue.
        !self.is_idle() && self.finish(unsafe { send_look(self.chan, self.slot.get()) })
    }

    unsafe fn enter(&self, waiter: &Waiter, token: &Token) -> bool {
        // SAFETY: the caller's promise; the slot is part of the arm.
        unsafe { send_enter(self.chan, self.slot.get(), waiter, token) }
    }

    fn leave(&self, waiter: &Waiter) {
        self.chan.leave(Side::Sending, waiter);
    }

    fn won(&self) -> bool {
        // SAFETY: it has left the queue.
        self.finish(unsafe { send_won(self.chan, self.slot.get()) })
    }
}

/// A send that takes its value out of a slot of the user's, and only if it is chosen.
///
/// With an empty slot the arm is off. It stands in the channel's queue only as an arm of a select of this
/// crate: inside of an arm of one's own it merely tries, whenever that is polled.
pub struct SendFrom<'a, T> {
    sender: &'a Sender<T>,
    /// The user's, borrowed for `'a`.
    slot: NonNull<Option<T>>,
    borrowed: PhantomData<&'a mut Option<T>>,
    done: Cell<Option<Result<(), SendError<()>>>>,
}

// SAFETY: a borrow of the slot and of the sender.
unsafe impl<T: Send> Send for SendFrom<'_, T> {}
// SAFETY: a shared arm gives no access to either.
unsafe impl<T: Send> Sync for SendFrom<'_, T> {}

impl<T> SendFrom<'_, T> {
    fn finish(&self, result: Option<Result<(), ()>>) -> bool {
        let Some(result) = result else {
            return false;
        };
        self.done.set(Some(result.map_err(|()| SendError(()))));
        true
    }
}

impl<T> fmt::Debug for SendFrom<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendFrom { .. }")
    }
}

impl<T> Native for SendFrom<'_, T> {
    #[inline(always)]
    fn is_idle(&self) -> bool {
        self.sender.chan().has_no_room()
    }

    fn look(&self) -> bool {
        // SAFETY: not in a queue; borrowed.
        !self.is_idle() && self.finish(unsafe { send_look(self.sender.chan(), self.slot.as_ptr()) })
    }

    unsafe fn enter(&self, waiter: &Waiter, token: &Token) -> bool {
        // SAFETY: the caller's promise; the slot is borrowed for as long as the arm lives.
        unsafe { send_enter(self.sender.chan(), self.slot.as_ptr(), waiter, token) }
    }

    fn leave(&self, waiter: &Waiter) {
        self.sender.chan().leave(Side::Sending, waiter);
    }

    fn won(&self) -> bool {
        // SAFETY: it has left the queue; borrowed.
        self.finish(unsafe { send_won(self.sender.chan(), self.slot.as_ptr()) })
    }
}

impl<T> Sender<T> {
    /// An arm of a [`select!`](crate::select!) that sends what is in `slot`, and takes it only if it is
    /// chosen: so a loop can try again. In the macro it is written `tx.send_from(&mut slot)`.
    ///
    /// Its result is `Err(SendError(()))`, with the value still in the slot, if the channel is closed.
    /// With an empty slot the arm is off.
    ///
    /// # Go
    /// `case ch <- value`, where the value is still there if another case was chosen.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{channel, select};
    ///
    /// let (tx, rx) = channel::bounded(1);
    /// let mut slot = Some("text".to_string());
    /// tx.send("first".to_string()).unwrap();
    /// for _ in 0..2 {
    ///     select! {
    ///         sent = tx.send_from(&mut slot) => sent.unwrap(),
    ///         default => assert_eq!(rx.recv().as_deref(), Ok("first")),
    ///     }
    /// }
    /// assert_eq!(slot, None);
    /// ```
    pub fn send_from_arm<'a>(&'a self, slot: &'a mut Option<T>) -> SendFrom<'a, T> {
        SendFrom {
            sender: self,
            slot: NonNull::from(slot),
            borrowed: PhantomData,
            done: Cell::new(None),
        }
    }

    /// The arm that `tx.send(value)` stands for in a [`select!`](crate::select!): if another one is
    /// chosen, the value is dropped.
    #[inline]
    pub fn send_arm(&self, value: T) -> SendFuture<'_, T> {
        self.send_async(value)
    }
}

impl<T> Receiver<T> {
    /// The arm that `rx.recv()` stands for in a [`select!`](crate::select!).
    #[inline]
    pub fn recv_arm(&self) -> RecvFuture<'_, T> {
        self.recv_async()
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(self), cx)
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }

    fn collect(&mut self, output: &mut Option<Self::Output>) {
        self.take_done(output);
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(self), cx)
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }

    fn collect(&mut self, output: &mut Option<Self::Output>) {
        self.take_done(output);
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for SendFrom<'_, T> {
    type Output = Result<(), SendError<()>>;

    /// Outside of a select it only tries.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = self.done.take();
        if let Some(done) = done {
            return Poll::Ready(done);
        }
        if !self.look() {
            // It cannot stand in the queue: the slot is the user's.
            cx.waker().wake_by_ref();
        }
        match self.done.take() {
            Some(done) => Poll::Ready(done),
            None => Poll::Pending,
        }
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        Some(Sealed(self))
    }
}
