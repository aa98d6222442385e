//! The address of a worker for everybody else: its inbox and its alarm.
//!
//! Homes are *type-stable*: allocated once, recycled with their worker, never freed. A waker's push
//! is its last access to the routine, but not to the home: between the push and the ring of the
//! alarm the routine may run and end, its worker with it. With the home still a home, a late ring
//! is a spurious wake-up; counting the wakers in flight would cost two contended operations a wake.

use std::sync::OnceLock;

use super::body::{Body, Ready};
use super::header::HeaderRef;
use crate::queue::bell::{Bed, Bell};
use crate::queue::inbox::Inbox;
use crate::queue::list::List;
use crate::queue::post::Post;
use crate::sys::poll::Waker;
use crate::sys::sleep::Alarm;

/// A routine that has been cancelled, perhaps in the middle of a wait.
pub(crate) struct Abort {
    /// Keeps the header: by its address the home sees whether the slot is still this routine's.
    pub(crate) header: HeaderRef,
    pub(crate) slot: u32,
}

pub(crate) struct Home {
    inbox: Inbox<Body>,
    /// Routines of this home that have been cancelled.
    aborts: Post<Abort>,
    bell: Bell,
    /// Wakes it from its parker.
    alarm: Alarm,
    /// Wakes it from its poller, once it has one.
    waker: OnceLock<Waker>,
}

impl Home {
    pub(crate) fn new(alarm: Alarm) -> Home {
        Home {
            inbox: Inbox::new(),
            aborts: Post::new(),
            bell: Bell::new(),
            alarm,
            waker: OnceLock::new(),
        }
    }

    /// From any thread: gives a routine back to the worker it lives at, and wakes that worker.
    #[inline]
    pub(crate) fn push(&self, ready: Ready) {
        // SAFETY: `Ready` is the sole right to queue this routine, and ends here.
        if unsafe { self.inbox.push(ready.into_body()) } {
            self.ring();
        }
    }

    /// From any thread: a routine that settled here in `slot` has been cancelled.
    pub(crate) fn abort(&self, abort: Abort) {
        if self.aborts.tell(abort, &self.inbox) {
            self.ring();
        }
    }

    /// Worker: whether `take_aborts` would find something.
    #[inline]
    pub(crate) fn has_aborts(&self) -> bool {
        self.aborts.has_some()
    }

    /// Worker: who has been cancelled since the last look.
    pub(crate) fn take_aborts(&self, into: &mut Vec<Abort>) {
        self.aborts.read(into);
    }

    /// From any thread, after storing a flag or mail and a SeqCst fence: makes the worker look.
    pub(crate) fn notice(&self) {
        if self.inbox.is_asleep() {
            self.ring();
        }
    }

    /// From any thread: wakes the worker whether it sleeps or is about to.
    pub(crate) fn ring(&self) {
        match self.bell.ring() {
            Some(Bed::Parker) => self.alarm.ring(),
            Some(Bed::Poller) => self
                .waker
                .get()
                .expect("a worker that sleeps in its poller has one")
                .wake(),
            None => {}
        }
    }

    /// Worker: it has a poller now, in which it may sleep.
    pub(crate) fn set_waker(&self, waker: Waker) {
        let first = self.waker.set(waker).is_ok();
        debug_assert!(first, "a worker has one poller, for good");
    }

    /// Worker: sleeps in `bed` by `sleep`, unless it has been rung.
    pub(crate) fn sleep(&self, bed: Bed, sleep: impl FnOnce()) {
        if self.bell.lie_down(bed) {
            sleep();
            self.bell.get_up();
        }
    }

    /// Worker: whether something has arrived.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.inbox.has_mail()
    }

    /// Worker: moves what has arrived to the end of `into`.
    #[inline]
    pub(crate) fn take(&self, into: &List<Body>) {
        self.inbox.take(into);
    }

    /// Worker: about to sleep; `false` if something has arrived.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.inbox.fall_asleep()
    }
}
