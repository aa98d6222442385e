//! Cancelling one routine, from anywhere.
//!
//! Only its home can end a wait (`queue::reach` has the steps, and its model): who cancels sets the flag and,
//! if the routine may be parked, tells the home, which looks between two turns, while it searches and
//! before it sleeps. At home it goes at once. Nobody is told of a routine that has not started: it finds
//! the flag when it begins, and drops its closure.

use std::ptr::{self, NonNull};

use super::core::{Core, with_core};
use crate::control::{Abort, Body, Header, HeaderRef, Outcome};

impl Core {
    /// Ends the waits of routines that others have cancelled.
    #[cold]
    pub(super) fn end_aborted(&self) {
        let mut aborts = self.aborts.borrow_mut();
        self.worker.home().take_aborts(&mut aborts);
        for Abort { header, slot } in aborts.drain(..) {
            self.end_wait_of(header.as_ptr(), slot);
        }
    }

    /// As [`end_wait`](Core::end_wait), for the one in that slot, if it is still there.
    fn end_wait_of(&self, header: NonNull<Header>, slot: u32) {
        let found = self.worker.slots.get(slot);
        // SAFETY: registered here, so alive until `retire`, on this thread.
        if let Some(body) = found.filter(|body| unsafe { body.as_ref() }.header_ptr() == header) {
            self.end_wait(body);
        }
    }

    /// Gives the wait of a cancelled routine of this home up, if it is in one and is not shielded. If not, it
    /// finds the flag when it waits next.
    pub(super) fn end_wait(&self, body: NonNull<Body>) {
        // SAFETY: the caller has it from the registry: alive until `retire`, on this thread.
        let cancelled = unsafe { body.as_ref() };
        cancelled.set_wants_look(true);
        if cancelled.is_shielded() || !cancelled.header().is_cancelled() {
            return;
        }
        // None: it runs, is ready, or is being woken: what that brings wins.
        if let Some(ready) = Body::give_up(body, Outcome::Cancelled) {
            // SAFETY: `ready` is the sole right to queue it.
            unsafe { self.ready.push(ready.into_body()) };
        }
    }
}

/// Asks a routine to unwind at its next park, or now if it is parked. Never blocks.
///
/// # Safety
/// `header` is alive for the duration of the call.
pub(crate) unsafe fn abort(header: NonNull<Header>) {
    // SAFETY: the caller's promise.
    let Some((home, slot)) = unsafe { header.as_ref() }.cancel() else {
        return;
    };
    with_core(|core| match core {
        Some(core) if ptr::eq(core.worker.home(), home) => core.end_wait_of(header, slot),
        _ => {
            // SAFETY: the caller's promise.
            let header = unsafe { HeaderRef::share(header) };
            home.abort(Abort { header, slot });
        }
    });
}
