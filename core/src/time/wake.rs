//! What wakes the task of a future when a moment has come: an alarm, set anew for each poll that waits.
//!
//! The alarm is a runtime's: that of the routine which polls, else the global one.

use std::sync::Arc;
use std::task::Waker;

use crate::prim::SpinLock;
use crate::sched::alarms::{self, Alarm, Place};
use crate::sched::clock::Nanos;
use crate::sched::{Shared, forbid};
use crate::sys::unwind::contain;

/// The alarm of a future; dropping it stops it.
pub(super) struct Wake {
    bell: Arc<Bell>,
    alarm: Arc<dyn Alarm>,
}

struct Bell {
    place: Place,
    waker: SpinLock<Option<Waker>>,
}

impl Wake {
    /// Not set yet.
    pub(super) fn new(waker: &Waker) -> Wake {
        let bell = Arc::new(Bell {
            place: Place::here(),
            waker: SpinLock::new(Some(waker.clone())),
        });
        Wake {
            alarm: bell.clone(),
            bell,
        }
    }

    /// Another task is to be woken.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let before = self.bell.waker.lock().replace(waker.clone());
        drop(before);
    }

    /// For `at`, or for never; in place of what was set before.
    pub(super) fn set(&mut self, waker: &Waker, at: Nanos) {
        if at == Nanos::MAX {
            alarms::stop(&*self.alarm);
            return;
        }
        while alarms::set(&self.alarm, at).is_err() {
            // The runtime that looked after it has ended.
            *self = Wake::new(waker);
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        alarms::stop(&*self.alarm);
    }
}

impl Bell {
    fn ring(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            // Foreign code on the scheduler's stack: its panic is not ours.
            forbid::around(|| contain(|| waker.wake()));
        }
    }
}

impl Alarm for Bell {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, _: &Arc<Shared>) {
        self.ring();
    }

    /// The task asks again, and finds another runtime.
    fn abandon(self: Arc<Self>) {
        self.ring();
    }
}
