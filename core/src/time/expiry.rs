//! A timer or an interval as an arm of a select and as a future.
//!
//! As an arm it stands in the list like anybody who waits, and the select sets its own timer. As a future it
//! has nobody who waits: it stands in the list with a cell in the heap, so that a reset tells it, and
//! an alarm that is set for the moment wakes its task (`wake`).
//!
//! - I1: a cell enters the list once; when it was told, a new one is made.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::ticks::Ticks;
use super::wake::Wake;
use crate::sched::clock::Nanos;
use crate::wait::TaskWaiter;
use crate::wait::instant::Instant;

/// The next expiry of a [`Timer`](super::Timer) or an [`Interval`](super::Interval): an arm of a
/// [`select!`](crate::select!), and a future.
///
/// As a future it is for tasks, of any executor. In a routine wait by `recv` or in a `select!`: an executor's
/// `block_on` there blocks the worker, which is the one that looks at the clock for this future. Another
/// worker that is idle does that in its place, 10 ms late; if there is none, nobody does, and `block_on`
/// does not return. On plain threads `block_on` is fine.
#[must_use = "a future does nothing until it is polled"]
pub struct Expiry<'a> {
    pub(crate) ticks: &'a Ticks,
    /// The result, if it came by way of a select.
    pub(crate) done: Cell<Option<Instant>>,
    /// When the select has to look.
    pub(crate) due: Cell<Nanos>,
    task: Option<Task>,
}

/// What a future waits with.
struct Task {
    cell: Arc<TaskWaiter>,
    wake: Wake,
}

impl<'a> Expiry<'a> {
    pub(super) fn new(ticks: &'a Ticks) -> Expiry<'a> {
        Expiry {
            ticks,
            done: Cell::new(None),
            due: Cell::new(Nanos::MAX),
            task: None,
        }
    }

    /// Whether it waits as a future.
    pub(crate) fn is_waiting(&self) -> bool {
        self.task.is_some()
    }

    /// The cell of this poll's task stands in the list, and the alarm is set for when it has to look.
    fn stand(&mut self, waker: &Waker) {
        let old = self.task.take();
        if let Some(task) = &old {
            // Before it is seen to stand there: a reset right after that wakes this task, not an earlier one.
            task.cell.set_waker(waker.clone());
            task.wake.set_waker(waker);
        }
        let known = old
            .as_ref()
            .and_then(|task| self.ticks.watch_cell(&task.cell));
        let (task, at) = match (old, known) {
            (Some(task), Some(at)) => (task, at),
            (old, _) => {
                let task = Task::new(waker, old);
                let at = self.ticks.enter_cell(task.cell.clone());
                (task, at)
            }
        };
        let task = self.task.insert(task);
        task.wake.set(waker, at);
    }

    /// Leaves the list; the alarm stops.
    fn withdraw(&mut self) {
        let Some(task) = self.task.take() else { return };
        let linked = self.ticks.leave(task.cell.waiter());
        if linked {
            // SAFETY: the list's count, from `stand`; unlinked just now.
            drop(unsafe { TaskWaiter::from_waiter(NonNull::from(task.cell.waiter())) });
        }
    }
}

impl Task {
    /// With a new cell; the alarm is the old one, if there is one.
    fn new(waker: &Waker, old: Option<Task>) -> Task {
        Task {
            cell: TaskWaiter::new(waker.clone()),
            wake: old.map_or_else(|| Wake::new(waker), |old| old.wake),
        }
    }
}

impl Future for Expiry<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = &mut *self;
        if let Some(done) = this.done.take() {
            return Poll::Ready(done);
        }
        match this.ticks.take() {
            Some(moment) => {
                this.withdraw();
                Poll::Ready(moment)
            }
            None => {
                // What was set since the look: the alarm is set for what the list says, so it comes at once.
                this.stand(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Expiry<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl fmt::Debug for Expiry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expiry").field(self.ticks).finish()
    }
}
