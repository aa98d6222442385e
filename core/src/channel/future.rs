//! The ends as futures, for tasks of any executor and as arms of a select.
//!
//! A future that waits stands in the channel's queue with a cell in the heap. It is told when a look pays
//! off, takes what there is when it is polled, and if it is dropped after it was told, tells the next
//! one (`State::settle`). Told and polled, but too late: it goes to the front of the queue.
//!
//! - I1: `task` is set while the cell may be in the queue; it leaves the queue under the channel's lock.
//! - I2: `parcel` holds the value of a send without a buffer while that waits: in the heap, because the
//!   future itself may be moved or forgotten.

use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::chan::Chan;
use super::error::{RecvError, SendError};
use super::state::{Grab, Offer};
use crate::wait::{TaskWaiter, WaitList};

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
    /// The result, if it came by way of a select.
    pub(crate) done: Option<Result<T, RecvError>>,
    /// Where a select receives.
    pub(crate) slot: Option<T>,
}

/// The future of [`Sender::send_async`](super::Sender::send_async), and an arm of a select.
#[must_use = "a future does nothing until it is polled"]
pub struct SendFuture<'a, T> {
    pub(crate) chan: &'a Chan<T>,
    task: Option<Arc<TaskWaiter>>,
    /// What is to be sent, unless it is in the parcel.
    pub(crate) slot: Option<T>,
    /// I2.
    parcel: Option<Parcel<T>>,
    /// The result, if it came by way of a select.
    pub(crate) done: Option<Result<(), SendError<T>>>,
}

/// A value in the heap that others reach through a pointer: so it is not held as a `Box`.
struct Parcel<T>(NonNull<Option<T>>);

// SAFETY: an owned value.
unsafe impl<T: Send> Send for Parcel<T> {}
// SAFETY: a shared parcel gives no access.
unsafe impl<T: Send> Sync for Parcel<T> {}

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

/// The cell of a future that is polled, with the waker of this poll.
fn cell(task: &mut Option<Arc<TaskWaiter>>, cx: &Context<'_>) -> Arc<TaskWaiter> {
    let waker = cx.waker().clone();
    match task {
        Some(task) => {
            task.set_waker(waker);
            task.clone()
        }
        None => task.insert(TaskWaiter::new(waker)).clone(),
    }
}

impl<'a, T> RecvFuture<'a, T> {
    /// Whether it stands in the queue, or was told there, as a future.
    pub(crate) fn is_waiting(&self) -> bool {
        self.task.is_some()
    }

    pub(super) fn new(chan: &'a Chan<T>) -> RecvFuture<'a, T> {
        RecvFuture {
            chan,
            task: None,
            done: None,
            slot: None,
        }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(done) = this.done.take() {
            return Poll::Ready(done);
        }
        let before = this.task.clone();
        let task = cell(&mut this.task, cx);
        let mut state = this.chan.state.lock();
        let standing = standing(before.as_ref());
        if standing == Standing::Waiting {
            return Poll::Pending;
        }
        let (grab, wakes) = state.grab(standing == Standing::Told);
        if let Grab::Empty = grab {
            queue(&mut state.receiving, task, &standing);
        }
        drop(state);
        wakes.wake();
        let result = match grab {
            Grab::Empty => return Poll::Pending,
            Grab::Got(value) => Ok(value),
            Grab::Closed => Err(RecvError),
        };
        this.task = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            let mut state = self.chan.state.lock();
            if !unqueue(&mut state.receiving, &task) {
                let wakes = state.settle();
                drop(state);
                wakes.wake();
            }
        }
    }
}

impl<'a, T> SendFuture<'a, T> {
    /// Whether it stands in the queue, or was told there, as a future.
    pub(crate) fn is_waiting(&self) -> bool {
        self.task.is_some()
    }

    pub(super) fn new(chan: &'a Chan<T>, value: T) -> SendFuture<'a, T> {
        SendFuture {
            chan,
            task: None,
            slot: Some(value),
            parcel: None,
            done: None,
        }
    }

    /// Under the lock, not in the queue: the value comes back from the heap.
    fn unpack(&mut self) {
        if let Some(parcel) = &mut self.parcel {
            // SAFETY: I2: only who takes the cell off the queue reaches in, under the lock.
            self.slot = unsafe { parcel.0.as_mut() }.take();
        }
    }

    /// Under the lock, about to be queued: where others find the value, if they have to.
    fn pack(&mut self, task: &TaskWaiter) {
        if self.chan.capacity > 0 {
            return;
        }
        let parcel = self.parcel.get_or_insert_with(|| Parcel::new(None));
        // SAFETY: as in `unpack`.
        *unsafe { parcel.0.as_mut() } = self.slot.take();
        task.waiter().set_slot(parcel.0.as_ptr().cast());
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(done) = this.done.take() {
            return Poll::Ready(done);
        }
        let before = this.task.clone();
        let task = cell(&mut this.task, cx);
        let mut state = this.chan.state.lock();
        let standing = standing(before.as_ref());
        if standing == Standing::Waiting {
            return Poll::Pending;
        }
        this.unpack();
        if this.slot.is_none() {
            // A receiver has taken it.
            drop(state);
            this.task = None;
            return Poll::Ready(Ok(()));
        }
        let (offer, wakes) = state.offer(&mut this.slot, standing == Standing::Told);
        if let Offer::Full = offer {
            this.pack(&task);
            queue(&mut state.sending, task, &standing);
        }
        drop(state);
        wakes.wake();
        let result = match offer {
            Offer::Full => return Poll::Pending,
            Offer::Sent => Ok(()),
            Offer::Closed => Err(SendError(
                this.slot
                    .take()
                    .expect("what was not sent is still in its slot"),
            )),
        };
        this.task = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            let mut state = self.chan.state.lock();
            if !unqueue(&mut state.sending, &task) {
                let wakes = state.settle();
                drop(state);
                wakes.wake();
            }
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
