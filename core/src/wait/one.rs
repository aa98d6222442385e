//! Waiting for an [`Event`]: the end of a routine, or the permit of `park`.

use std::ptr::NonNull;

use super::waiter::{Claimed, Waiter, wait_for};
use crate::control::{Outcome, Reason, Unlink};
use crate::queue::event::{Before, Event};
use crate::sched::clock::Nanos;
use crate::sched::park::raise;

struct Wait<'a> {
    event: &'a Event,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.event.withdraw(NonNull::from(self.waiter).cast())
    }
}

/// Blocks until the event is set.
#[inline(always)]
#[track_caller]
pub(crate) fn wait(event: &Event, reason: Reason, deadline: Option<Nanos>) -> Outcome {
    if event.is_set() {
        return Outcome::Woken;
    }
    let outcome = {
        let waiter = Waiter::here();
        if !event.register(NonNull::from(&waiter).cast()) {
            return Outcome::Woken;
        }
        let wait = Wait {
            event,
            waiter: &waiter,
        };
        // SAFETY: registered just now; `unlink` withdraws this very waiter.
        unsafe { wait_for(&waiter, &wait, reason, deadline) }
    };
    // Out here, where nothing has to be dropped: each frame with something to do costs an unwinding 200 ns.
    if outcome == Outcome::Cancelled {
        raise();
    }
    outcome
}

/// As [`wait`], for as long as it takes, and even where parking is forbidden; does not unwind: a cancelled
/// routine comes back.
pub(crate) fn wait_unraised(event: &Event, reason: Reason) -> Outcome {
    if event.is_set() {
        return Outcome::Woken;
    }
    let waiter = Waiter::unchecked();
    if !event.register(NonNull::from(&waiter).cast()) {
        return Outcome::Woken;
    }
    let wait = Wait {
        event,
        waiter: &waiter,
    };
    // SAFETY: registered just now; `unlink` withdraws this very waiter.
    unsafe { wait_for(&waiter, &wait, reason, None) }
}

/// Sets the event and wakes who waits for it; says whether somebody ever will.
#[inline]
pub(crate) fn set(event: &Event) -> Before {
    wake(event.set())
}

/// As [`set`]; `seen` is called first if somebody waits (see [`Event::set_seeing`]).
#[inline]
pub(crate) fn set_seeing(event: &Event, seen: impl FnMut()) -> Before {
    wake(event.set_seeing(seen))
}

#[inline]
fn wake(before: Before) -> Before {
    match before {
        Before::Waiter(waiter) => {
            // SAFETY: `set` returned it, so it is ours to wake; only waiters are registered.
            unsafe { Claimed::new(waiter.cast()) }.wake();
            Before::Nobody
        }
        other => other,
    }
}
