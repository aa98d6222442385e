//! The ends as futures, for tasks of any executor and as arms of a select.
//!
//! A future that waits stands in the channel's queue with a cell in the heap. It is told when a look pays
//! off, takes what there is when it is polled, and if it is dropped after it was told, tells the next
//! one (`State::settle`). Told and polled, but too late: it goes to the front of the queue, with a new
//! cell, because the wake of the old one may still be on its way.
//!
//! - I1: `task` is set while the cell may be in the queue; it enters the queue once, and leaves it under
//!   the channel's lock.
//! - I2: `parcel` holds the value of a send without a buffer while that waits: in the heap, because the
//!   future itself may be moved or forgotten.

use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::chan::{Chan, back};
use super::error::{RecvError, SendError};
use super::grab::Grab;
use super::offer::Offer;
use super::state::Received;
use crate::wait::{TaskWaiter, WaitList, Wakes};

/// Where a future stands with its queue.
#[derive(PartialEq, Eq)]
enum Standing {
    /// It has never waited.
    New,
    /// Nobody has told it anything.
    Waiting,
    /// It was told, or the channel was closed.
    Told,
}

/// The future of [`Receiver::recv_async`](super::Receiver::recv_async), and an arm of a select.
#[must_use = "a future does nothing until it is polled"]
pub struct RecvFuture<'a, T> {
    pub(crate) chan: &'a Chan<T>,
    task: Option<Arc<TaskWaiter>>,
    /// Where the value comes.
    pub(crate) slot: UnsafeCell<Received<T>>,
    /// The slot has the result, by way of a select.
    pub(crate) is_done: Cell<bool>,
    /// It has given its result.
    is_over: bool,
}

/// The future of [`Sender::send_async`](super::Sender::send_async), and an arm of a select.
#[must_use = "a future does nothing until it is polled"]
pub struct SendFuture<'a, T> {
    pub(crate) chan: &'a Chan<T>,
    task: Option<Arc<TaskWaiter>>,
    /// What is to be sent, unless it is in the parcel.
    pub(crate) slot: UnsafeCell<Option<T>>,
    /// I2.
    parcel: Option<Parcel<T>>,
    /// How it ended, if by way of a select; what was not sent is still in the slot.
    pub(crate) done: Cell<Option<Result<(), ()>>>,
    /// It has given its result.
    is_over: bool,
}

/// A value in the heap that others reach through a pointer: so it is not held as a `Box`.
struct Parcel<T>(NonNull<Option<T>>);

// SAFETY: an owned value.
unsafe impl<T: Send> Send for Parcel<T> {}
// SAFETY: a shared parcel gives no access.
unsafe impl<T: Send> Sync for Parcel<T> {}

/// Polled again.
const AFTER: &str = "a future of a channel was polled after it was ready";

// SAFETY: a shared future gives no access to what is in its cells; a select uses them by `&mut` of the arm.
unsafe impl<T: Send> Sync for RecvFuture<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SendFuture<'_, T> {}

impl<T> Unpin for RecvFuture<'_, T> {}
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Parcel<T> {
    fn new(value: Option<T>) -> Parcel<T> {
        Parcel(NonNull::from(Box::leak(Box::new(value))))
    }
}

impl<T> Drop for Parcel<T> {
    fn drop(&mut self) {
        // SAFETY: from a box; the future drops it after its cell has left the queue.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Under the channel's lock: where the cell stands; if it is told, it has left the queue.
fn standing(task: Option<&Arc<TaskWaiter>>) -> Standing {
    match task {
        None => Standing::New,
        Some(task) if task.is_linked() => Standing::Waiting,
        Some(_) => Standing::Told,
    }
}

/// Under the channel's lock: queues the cell, at the front if it was told and came too late.
fn queue(list: &mut WaitList, task: Arc<TaskWaiter>, standing: &Standing) {
    let waiter = TaskWaiter::into_waiter(task);
    // SAFETY: not linked; the count that `into_waiter` made keeps it alive.
    unsafe {
        match standing {
            Standing::Told => list.push_front(waiter.as_ref()),
            _ => list.push_back(waiter.as_ref()),
        }
    }
}

/// Under the channel's lock: takes the cell out of the queue; whether it was there.
fn unqueue(list: &mut WaitList, task: &Arc<TaskWaiter>) -> bool {
    let linked = list.remove(task.waiter());
    if linked {
        // SAFETY: the queue's count, from `queue`; just unlinked.
        drop(unsafe { TaskWaiter::from_waiter(NonNull::from(task.waiter())) });
    }
    linked
}

/// What a poll has come to.
enum Step<R> {
    Done(R),
    /// It stands in the queue.
    Waits,
    /// It has to stand in the queue, and needs a cell for that: made without the lock, since the clone of
    /// a waker is foreign code.
    NeedsCell,
}

/// A cell that waits already is woken for this poll's task from now on.
fn renew(task: Option<&Arc<TaskWaiter>>, cx: &Context<'_>) {
    if let Some(task) = task {
        task.set_waker(cx.waker().clone());
    }
}

impl<'a, T> RecvFuture<'a, T> {
    /// Whether it stands in the queue, or was told there, as a future; or is over.
    pub(crate) fn is_waiting(&self) -> bool {
        self.task.is_some() || self.is_over
    }

    #[inline]
    pub(super) fn new(chan: &'a Chan<T>) -> RecvFuture<'a, T> {
        RecvFuture {
            chan,
            task: None,
            slot: UnsafeCell::new(Err(RecvError)),
            is_done: Cell::new(false),
            is_over: false,
        }
    }

    /// Done by way of a select: moves the result to where the select has it.
    pub(crate) fn take_done(&mut self, output: &mut Option<Result<T, RecvError>>) {
        self.is_over = true;
        // Swapped, which needs no room for a third one.
        std::mem::swap(output.insert(Err(RecvError)), self.slot.get_mut());
    }

    /// One look, and a place in the queue if there is a cell for it; done: the slot has the result.
    fn step(&mut self, fresh: &mut Option<Arc<TaskWaiter>>) -> Step<()> {
        let (task, slot) = (&mut self.task, self.slot.get_mut());
        self.chan.with(|state| {
            let standing = standing(task.as_ref());
            let (grab, wakes) = match standing {
                Standing::Waiting => return (Step::Waits, Wakes::NONE),
                Standing::New => state.grab(slot),
                Standing::Told => state.grab_told(slot),
            };
            let step = match (grab, &*fresh) {
                (Grab::Got | Grab::Closed, _) => Step::Done(()),
                (Grab::Empty, None) => Step::NeedsCell,
                (Grab::Empty, Some(cell)) => {
                    queue(&mut state.receiving, cell.clone(), &standing);
                    // The old one has a waker, which is dropped without the lock.
                    mem::swap(task, fresh);
                    Step::Waits
                }
            };
            (step, wakes)
        })
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(!this.is_over, "{AFTER}");
        if !this.is_done.get() {
            renew(this.task.as_ref(), cx);
            let mut fresh = None;
            loop {
                match this.step(&mut fresh) {
                    Step::Done(()) => break,
                    Step::Waits => return Poll::Pending,
                    Step::NeedsCell => fresh = Some(TaskWaiter::new(cx.waker().clone())),
                }
            }
            this.task = None;
        }
        this.is_over = true;
        Poll::Ready(mem::replace(this.slot.get_mut(), Err(RecvError)))
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.chan.with(|state| {
                let told = !unqueue(&mut state.receiving, &task);
                ((), if told { state.settle() } else { Wakes::NONE })
            });
        }
    }
}

impl<'a, T> SendFuture<'a, T> {
    /// Whether it stands in the queue, or was told there, as a future; or is over.
    pub(crate) fn is_waiting(&self) -> bool {
        self.task.is_some() || self.is_over
    }

    #[inline]
    pub(super) fn new(chan: &'a Chan<T>, value: T) -> SendFuture<'a, T> {
        SendFuture {
            chan,
            task: None,
            slot: UnsafeCell::new(Some(value)),
            parcel: None,
            done: Cell::new(None),
            is_over: false,
        }
    }

    /// Done by way of a select: moves the result to where the select has it.
    pub(crate) fn take_done(&mut self, output: &mut Option<Result<(), SendError<T>>>) {
        self.is_over = true;
        match self.done.take() {
            Some(Ok(())) => *output = Some(Ok(())),
            Some(Err(())) => self.refuse(output),
            None => {}
        }
    }

    /// In a frame of its own, since it has the value in it.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, output: &mut Option<Result<(), SendError<T>>>) {
        *output = Some(Err(SendError(back(self.slot.get_mut().take()))));
    }

    /// One look, and a place in the queue if there is a cell for it.
    fn step(&mut self, fresh: &mut Option<Arc<TaskWaiter>>) -> Step<Result<(), SendError<T>>> {
        let chan = self.chan;
        chan.with(|state| {
            let standing = standing(self.task.as_ref());
            if standing == Standing::Waiting {
                return (Step::Waits, Wakes::NONE);
            }
            self.unpack();
            let slot = self.slot.get_mut();
            let (offer, mut wakes) = match standing {
                // A receiver has taken it.
                _ if slot.is_none() => (Offer::Sent, Wakes::NONE),
                Standing::Told => state.offer_told(slot),
                Standing::New | Standing::Waiting => state.offer(slot),
            };
            let step = match (offer, &*fresh) {
                (Offer::Sent, _) => Step::Done(Ok(())),
                (Offer::Closed, _) => Step::Done(Err(SendError(back(slot.take())))),
                (Offer::Full, None) => Step::NeedsCell,
                (Offer::Full, Some(cell)) => {
                    self.pack(cell);
                    queue(&mut state.sending, cell.clone(), &standing);
                    // As in `RecvFuture::step`.
                    mem::swap(&mut self.task, fresh);
                    wakes.join(state.tell_receiver(None));
                    Step::Waits
                }
            };
            (step, wakes)
        })
    }

    /// Under the lock, not in the queue: the value comes back from the heap.
    fn unpack(&mut self) {
        let slot = self.slot.get_mut();
        if let (Some(parcel), None) = (&mut self.parcel, &slot) {
            // SAFETY: I2: only who takes the cell off the queue reaches in, under the lock.
            *slot = unsafe { parcel.0.as_mut() }.take();
        }
    }

    /// Under the lock, about to be queued: where others find the value, if they have to.
    fn pack(&mut self, task: &TaskWaiter) {
        if self.chan.capacity > 0 {
            return;
        }
        let parcel = self.parcel.get_or_insert_with(|| Parcel::new(None));
        // SAFETY: as in `unpack`.
        *unsafe { parcel.0.as_mut() } = self.slot.get_mut().take();
        task.waiter().set_slot(parcel.0.as_ptr().cast());
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(done) = this.done.take() {
            this.is_over = true;
            return Poll::Ready(done.map_err(|()| SendError(back(this.slot.get_mut().take()))));
        }
        assert!(!this.is_over, "{AFTER}");
        renew(this.task.as_ref(), cx);
        let mut fresh = None;
        let result = loop {
            match this.step(&mut fresh) {
                Step::Done(result) => break result,
                Step::Waits => return Poll::Pending,
                Step::NeedsCell => fresh = Some(TaskWaiter::new(cx.waker().clone())),
            }
        };
        this.is_over = true;
        this.task = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.chan.with(|state| {
                let told = !unqueue(&mut state.sending, &task);
                ((), if told { state.settle() } else { Wakes::NONE })
            });
        }
    }
}

impl<T> std::fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecvFuture { .. }")
    }
}

impl<T> std::fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SendFuture { .. }")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{RawWaker, RawWakerVTable, Waker};

    use super::*;
    use crate::channel::{self, Receiver};

    static RECEIVER: OnceLock<Receiver<u32>> = OnceLock::new();
    static DROPPED_UNDER_LOCK: AtomicBool = AtomicBool::new(false);
    static TABLE: RawWakerVTable = RawWakerVTable::new(|_| raw(), |_| (), |_| (), |_| note());

    fn raw() -> RawWaker {
        RawWaker::new(std::ptr::null(), &TABLE)
    }

    /// The channel is empty, so a look has nothing to wait for but the lock.
    fn note() {
        if RECEIVER.get().is_some_and(|rx| !rx.chan.has_nothing()) {
            DROPPED_UNDER_LOCK.store(true, Ordering::Relaxed);
        }
    }

    /// A future that was told and comes too late needs a new cell; the old one goes, and its waker with it.
    #[test]
    fn wakers_are_dropped_without_the_lock() {
        let (tx, rx) = channel::bounded(1);
        let rx = RECEIVER.get_or_init(|| rx);
        // SAFETY: the table's functions use no data.
        let waker = unsafe { Waker::from_raw(raw()) };
        let mut cx = Context::from_waker(&waker);
        let mut future = rx.recv_async();
        assert!(Pin::new(&mut future).poll(&mut cx).is_pending());
        tx.send(1).unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
        assert!(Pin::new(&mut future).poll(&mut cx).is_pending());
        assert!(!DROPPED_UNDER_LOCK.load(Ordering::Relaxed));
    }
}
