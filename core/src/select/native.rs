//! The faster way of this crate's own arms: they stand in the queues of their channels, and whoever
//! takes them off completes them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::arm::{Arm, Sealed};
use crate::channel::{
    Chan, Grab, Offer, Receiver, RecvError, RecvFuture, SendError, SendFuture, Sender,
};
use crate::sys::clock::{self, Nanos};
use crate::time::{After, Instant};
use crate::wait::Waiter;
use crate::wait::token::Token;

/// What a select does with an arm of ours. When `look` or `won` has said `true`, the arm's `poll` is
/// ready, with any waker.
pub(crate) trait Native {
    /// Takes effect, if it can at once.
    fn look(&mut self) -> bool;

    /// Stands in the queue with `waiter`, unless a look would pay off: then `false`.
    ///
    /// # Safety
    /// `waiter` is of `token`, not linked, and stays until `leave`; so does the arm.
    unsafe fn enter(&mut self, waiter: &Waiter, token: &Token) -> bool;

    /// Leaves the queue, if it still stands there.
    fn leave(&mut self, waiter: &Waiter);

    /// Its waiter was taken off and woken: whether it was completed. Else another look pays off.
    fn won(&mut self) -> bool;

    /// When a look pays off at the latest.
    fn due(&self) -> Option<Nanos> {
        None
    }
}

impl<T> Native for RecvFuture<'_, T> {
    fn look(&mut self) -> bool {
        self.done = match self.chan.grab() {
            Grab::Got(value) => Some(Ok(value)),
            Grab::Closed => Some(Err(RecvError)),
            Grab::Empty => return false,
        };
        true
    }

    unsafe fn enter(&mut self, waiter: &Waiter, token: &Token) -> bool {
        let mut state = self.chan.state.lock();
        if state.could_receive(token) {
            return false;
        }
        waiter.set_slot((&raw mut self.slot).cast());
        // SAFETY: the caller's promise.
        unsafe { state.receiving.push_back(waiter) };
        true
    }

    fn leave(&mut self, waiter: &Waiter) {
        self.chan.state.lock().receiving.remove(waiter);
    }

    fn won(&mut self) -> bool {
        self.done = self.slot.take().map(Ok);
        self.done.is_some() || self.look()
    }
}

/// The slot is the arm's own, or the user's.
fn send_look<T>(chan: &Chan<T>, slot: &mut Option<T>) -> Option<Result<(), ()>> {
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
    slot: &mut Option<T>,
    waiter: &Waiter,
    token: &Token,
) -> bool {
    if slot.is_none() {
        // Nothing to send: it is off, and only a close would be told.
        return true;
    }
    let mut state = chan.state.lock();
    if state.could_send(token) {
        return false;
    }
    waiter.set_slot(std::ptr::from_mut(slot).cast());
    // SAFETY: the caller's promise.
    unsafe { state.sending.push_back(waiter) };
    true
}

fn send_won<T>(chan: &Chan<T>, slot: &mut Option<T>) -> Option<Result<(), ()>> {
    match slot {
        None => Some(Ok(())),
        Some(_) => send_look(chan, slot),
    }
}

impl<T> SendFuture<'_, T> {
    fn finish(&mut self, result: Option<Result<(), ()>>) -> bool {
        self.done = result.map(|result| {
            result.map_err(|()| {
                let value = self.slot.take();
                SendError(value.expect("what was not sent is still in its slot"))
            })
        });
        self.done.is_some()
    }
}

impl<T> Native for SendFuture<'_, T> {
    fn look(&mut self) -> bool {
        let result = send_look(self.chan, &mut self.slot);
        self.finish(result)
    }

    unsafe fn enter(&mut self, waiter: &Waiter, token: &Token) -> bool {
        // SAFETY: the caller's promise; the slot is part of the arm.
        unsafe { send_enter(self.chan, &mut self.slot, waiter, token) }
    }

    fn leave(&mut self, waiter: &Waiter) {
        self.chan.state.lock().sending.remove(waiter);
    }

    fn won(&mut self) -> bool {
        let result = send_won(self.chan, &mut self.slot);
        self.finish(result)
    }
}

/// A send that takes its value out of a slot of the user's, and only if it is chosen.
///
/// With an empty slot the arm is off.
#[derive(Debug)]
pub struct SendFrom<'a, T> {
    sender: &'a Sender<T>,
    slot: &'a mut Option<T>,
    done: Option<Result<(), SendError<()>>>,
}

impl<T> SendFrom<'_, T> {
    fn finish(&mut self, result: Option<Result<(), ()>>) -> bool {
        self.done = result.map(|result| result.map_err(|()| SendError(())));
        self.done.is_some()
    }
}

impl<T> Native for SendFrom<'_, T> {
    fn look(&mut self) -> bool {
        let result = send_look(self.sender.chan(), self.slot);
        self.finish(result)
    }

    unsafe fn enter(&mut self, waiter: &Waiter, token: &Token) -> bool {
        // SAFETY: the caller's promise; the slot is borrowed for as long as the arm lives.
        unsafe { send_enter(self.sender.chan(), self.slot, waiter, token) }
    }

    fn leave(&mut self, waiter: &Waiter) {
        self.sender.chan().state.lock().sending.remove(waiter);
    }

    fn won(&mut self) -> bool {
        let result = send_won(self.sender.chan(), self.slot);
        self.finish(result)
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
            slot,
            done: None,
        }
    }

    /// The arm that `tx.send(value)` stands for in a [`select!`](crate::select!): if another one is
    /// chosen, the value is dropped.
    pub fn send_arm(&self, value: T) -> SendFuture<'_, T> {
        self.send_async(value)
    }
}

impl<T> Receiver<T> {
    /// The arm that `rx.recv()` stands for in a [`select!`](crate::select!).
    pub fn recv_arm(&self) -> RecvFuture<'_, T> {
        self.recv_async()
    }
}

impl<T> Arm for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(self), cx)
    }

    fn native(&mut self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }
}

impl<T> Arm for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(self), cx)
    }

    fn native(&mut self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        (!self.is_waiting()).then_some(Sealed(self))
    }
}

impl<T> Arm for SendFrom<'_, T> {
    type Output = Result<(), SendError<()>>;

    /// Outside of a select it only tries.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.done.is_none() && !self.look() {
            // It cannot stand in the queue: the slot is the user's.
            cx.waker().wake_by_ref();
        }
        match self.done.take() {
            Some(done) => Poll::Ready(done),
            None => Poll::Pending,
        }
    }

    fn native(&mut self) -> Option<Sealed<'_>> {
        Some(Sealed(self))
    }
}

impl Native for After {
    fn look(&mut self) -> bool {
        self.at() <= clock::now()
    }

    unsafe fn enter(&mut self, _: &Waiter, _: &Token) -> bool {
        true
    }

    fn leave(&mut self, _: &Waiter) {}

    fn won(&mut self) -> bool {
        unreachable!("nobody takes a timer off a queue")
    }

    fn due(&self) -> Option<Nanos> {
        Some(self.at())
    }
}

impl Arm for After {
    type Output = Instant;

    /// Outside of a select it only looks at the clock.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.look() {
            return Poll::Ready(Instant::now());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn native(&mut self) -> Option<Sealed<'_>> {
        Some(Sealed(self))
    }
}
