//! A timer or an interval as an arm of a select and as a future.
//!
//! As an arm it stands in the list like anybody who waits, and the select sets its own timer. As a future it
//! has nobody who waits: it stands in the list with a cell in the heap, so that a reset tells it, and
//! an alarm that is set for the moment wakes its task. The alarm is a runtime's: that of the routine
//! which polls, else the global one.
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
use crate::prim::SpinLock;
use crate::sched::alarms::{self, Alarm, Place};
use crate::sched::clock::Nanos;
use crate::sched::{Shared, forbid};
use crate::sys::unwind::contain;
use crate::wait::TaskWaiter;
use crate::wait::instant::Instant;

/// The next expiry of a [`Timer`](super::Timer) or an [`Interval`](super::Interval): an arm of a
/// [`select!`](crate::select!), and a future.
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
    wake: Arc<Wake>,
    alarm: Arc<dyn Alarm>,
}

/// Wakes the task.
struct Wake {
    place: Place,
    waker: SpinLock<Option<Waker>>,
}

impl Wake {
    fn set(&self, waker: Waker) {
        let before = self.waker.lock().replace(waker);
        drop(before);
    }

    fn wake(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            // Foreign code on the scheduler's stack: its panic is not ours.
            let _guard = forbid::forbid_park();
            contain(|| waker.wake());
        }
    }
}

impl Alarm for Wake {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, _: &Arc<Shared>) {
        self.wake();
    }

    /// The task asks again, and finds another runtime.
    fn abandon(self: Arc<Self>) {
        self.wake();
    }
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
            task.wake.set(waker.clone());
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
        task.set_alarm(waker, at);
    }

    /// Leaves the list and stops the alarm.
    fn withdraw(&mut self) {
        let Some(task) = self.task.take() else { return };
        let linked = self.ticks.leave(task.cell.waiter());
        if linked {
            // SAFETY: the list's count, from `stand`; unlinked just now.
            drop(unsafe { TaskWaiter::from_waiter(NonNull::from(task.cell.waiter())) });
        }
        alarms::stop(&*task.alarm);
    }
}

impl Wake {
    fn new(waker: &Waker) -> Arc<Wake> {
        Arc::new(Wake {
            place: Place::here(),
            waker: SpinLock::new(Some(waker.clone())),
        })
    }
}

impl Task {
    /// With a new cell; the alarm is the old one, if there is one.
    fn new(waker: &Waker, old: Option<Task>) -> Task {
        let cell = TaskWaiter::new(waker.clone());
        if let Some(old) = old {
            return Task { cell, ..old };
        }
        let wake = Wake::new(waker);
        Task {
            cell,
            alarm: wake.clone(),
            wake,
        }
    }

    fn set_alarm(&mut self, waker: &Waker, at: Nanos) {
        if at == Nanos::MAX {
            alarms::stop(&*self.alarm);
            return;
        }
        while alarms::set(&self.alarm, at).is_err() {
            // The runtime that looked after it has ended.
            self.wake = Wake::new(waker);
            self.alarm = self.wake.clone();
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
        let mut taken = this.ticks.take();
        if taken.is_none() {
            this.stand(cx.waker());
            // What was set between the look and the list.
            taken = this.ticks.take();
        }
        match taken {
            Some(moment) => {
                this.withdraw();
                Poll::Ready(moment)
            }
            None => Poll::Pending,
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
        f.write_str("Expiry { .. }")
    }
}
