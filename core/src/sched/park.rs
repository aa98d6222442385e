//! Leaving a routine: suspend until its `Ready` is resumed, or let the others go first.
//!
//! Around the switch travel what belongs to the routine and lives in the thread: std's panic count
//! (`switch::units`) and what adapters have registered with `on_switch`.

use std::any::Any;
use std::panic;
use std::ptr::NonNull;

use super::core::{Core, with_core};
use super::{forbid, hooks, limit};
use crate::control::{Body, Header, Outcome, Ready, Reason, Unlink};
use crate::switch::units;
use crate::sys::clock::Nanos;

/// Calls without a park in one slice; some 50 us of system calls.
const CALLS: u32 = 32;

/// The payload that unwinds a cancelled routine. Not a panic: no hook runs, nothing is printed. One that was caught
/// and let go in another routine is an ordinary panic there.
pub(crate) struct Cancel {
    routine: u64,
}

impl Cancel {
    pub(crate) fn of(header: &Header) -> Cancel {
        Cancel {
            routine: header.id(),
        }
    }

    /// Whether `payload` is a cancellation of just this routine.
    pub(crate) fn is_of(header: &Header, payload: &(dyn Any + Send)) -> bool {
        payload
            .downcast_ref::<Cancel>()
            .is_some_and(|cancel| cancel.routine == header.id())
    }
}

/// Whether `payload` unwinds whoever runs here for a cancellation or a limit, and is no panic.
pub(crate) fn is_raised_here(payload: &(dyn Any + Send)) -> bool {
    let current = with_core(|core| core.and_then(Core::current));
    // SAFETY: the current routine's body; its header is alive while it runs.
    let is_cancel =
        current.is_some_and(|body| Cancel::is_of(unsafe { body.as_ref() }.header(), payload));
    is_cancel || limit::is_elapse_here(payload)
}

impl Core {
    /// Suspends the current routine; returns when it is resumed.
    #[inline(always)]
    pub(crate) fn suspend(&self, body: &Body, reason: Reason) {
        body.set_reason(reason);
        let kept = hooks::save();
        let carried = units::lift();
        if carried.is_some() {
            // It unwinds: a cancellation that ended this wait would be a second panic.
            body.add_shield(1);
        }
        // SAFETY: the caller is the current routine, on its own stack.
        unsafe { body.suspend() };
        if let Some(count) = carried {
            units::lower(count);
            body.add_shield(-1);
        }
        hooks::restore(kept);
    }

    /// After a call that could have parked and did not: now and then lets the others go first, so that
    /// a routine whose socket is never empty does not keep the worker to itself.
    #[inline]
    pub(crate) fn note_call(&self, body: NonNull<Body>) {
        let (slice, calls) = self.calls.get();
        let tick = self.tick.get();
        let calls = if slice == tick { calls + 1 } else { 0 };
        self.calls.set((tick, calls));
        if calls >= CALLS && !forbid::is_forbidden() {
            self.look_around();
            // SAFETY: the current routine gives itself up; home resumes it only after it has
            // suspended. Not `yield_now`: what the call has given must not be lost to a cancellation.
            unsafe {
                self.yielded.push(body);
                self.suspend(body.as_ref(), Reason::Yield);
            }
        }
    }

    /// Lets the others go first.
    #[inline(always)]
    pub(crate) fn yield_now(&self, body: NonNull<Body>) {
        // SAFETY: the current routine, on its own stack.
        let current = unsafe { body.as_ref() };
        forbid::check();
        raise_if_due(current);
        // SAFETY: it gives itself up; home resumes it only after it has suspended.
        unsafe { self.yielded.push(body) };
        self.suspend(current, Reason::Yield);
        raise_if_due(current);
    }

    /// Suspends the current routine in a wait that the home may give up at `deadline` or for a
    /// cancellation; says how it ended.
    ///
    /// # Safety
    /// `wait` stays valid until this returns, and as long as its `unlink` has neither succeeded
    /// nor lost, somebody else may come to own the routine's `Ready`.
    #[inline(always)]
    pub(crate) unsafe fn wait(
        &self,
        body: NonNull<Body>,
        wait: NonNull<dyn Unlink>,
        reason: Reason,
        deadline: Option<Nanos>,
    ) -> Outcome {
        // SAFETY: the current routine, on its own stack.
        let current = unsafe { body.as_ref() };
        current.set_wait(Some(wait));
        if current.wants_look() && !begin_wait(body) {
            return Outcome::Cancelled;
        }
        // What is kept for the end of the wait is kept in the body, not in this frame, which lies below
        // every routine that waits.
        let timed = deadline.is_some() || current.limit() != Nanos::MAX;
        if timed && !self.set_timer(body, deadline) {
            return Outcome::Cancelled;
        }
        self.suspend(current, reason);
        let outcome = current.outcome();
        current.set_wait(None);
        if let Some(timer) = current.take_timer() {
            self.remove_timer(timer);
        }
        outcome
    }
}

/// Queues a routine at its home.
#[inline]
pub(crate) fn make_ready(ready: Ready) {
    let body = ready.into_body();
    // SAFETY: the holder of the `Ready` may look at the body and queue it, once.
    let home = unsafe { body.as_ref() }.home();
    with_core(|core| match core {
        // SAFETY: as above; this thread is its home.
        Some(core) if std::ptr::eq(core.worker.home(), home) => unsafe { core.ready.push(body) },
        // SAFETY: as above.
        _ => home.push(unsafe { Ready::new(body) }),
    });
}

/// Before the first wait, and before each one of a routine that has been cancelled: from now on it can be
/// reached here. `false`: the cancellation lands, and the wait has been given up.
#[cold]
#[inline(never)]
fn begin_wait(body: NonNull<Body>) -> bool {
    // SAFETY: the current routine, on its own stack.
    let current = unsafe { body.as_ref() };
    settle(current);
    current.set_wants_look(current.header().is_cancelled());
    // None: its wake is coming, and what it brings wins.
    !is_cancelled(current) || Body::give_up(body, Outcome::Cancelled).is_none()
}

/// Before the current routine waits, or looks, for the first time: from now on who cancels it tells its home, and who
/// cancels its scope finds it.
fn settle(current: &Body) {
    let header = current.header();
    if header.settle(current.home(), current.registered()) {
        if let Some(enroll) = header.vtable().enroll {
            // SAFETY: of this header's own vtable, and its routine calls.
            unsafe { enroll(current.header_ptr()) };
        }
    }
}

/// Whether a cancellation lands at this park.
#[inline]
fn is_cancelled(current: &Body) -> bool {
    current.header().is_cancelled() && !current.is_shielded() && !std::thread::panicking()
}

/// Whether the code that runs here is a routine that has been cancelled.
#[inline]
pub(crate) fn is_cancelled_here() -> bool {
    with_core(|core| {
        core.and_then(Core::current).is_some_and(|body| {
            // SAFETY: the current routine.
            let current = unsafe { body.as_ref() };
            settle(current);
            is_cancelled(current)
        })
    })
}

/// After a call that could have parked and did not; see [`Core::note_call`].
#[inline]
pub(crate) fn note_call() {
    with_core(|core| {
        if let Some((core, body)) = core.and_then(|core| Some((core, core.current()?))) {
            core.note_call(body);
        }
    });
}

/// Lets the others go first, whoever runs here: home-mates, or other threads.
pub(crate) fn give_way() {
    with_core(
        |core| match core.and_then(|core| Some((core, core.current()?))) {
            Some((core, body)) => core.yield_now(body),
            None => {
                std::thread::yield_now();
                raise_if_due_here();
            }
        },
    );
}

/// [`raise_if_due`], for whoever runs here: on a plain thread a `timeout` may be over too.
#[inline]
pub(crate) fn raise_if_due_here() {
    let current = with_core(|core| core.and_then(Core::current));
    match current {
        // SAFETY: the current routine.
        Some(body) => raise_if_due(unsafe { body.as_ref() }),
        None if limit::is_over_on_thread() => raise(),
        None => {}
    }
}

/// Unwinds the current routine if it has been cancelled or a `timeout` around it is over, unless it is
/// shielded or unwinds already. Sticky: one that swallows this meets it again at its next park.
// Always: one more return after a switch would be mispredicted.
#[inline(always)]
pub(crate) fn raise_if_due(current: &Body) {
    if current.header().wants_look() || current.limit() != Nanos::MAX {
        raise_if_really_due(current);
    }
}

#[cold]
fn raise_if_really_due(current: &Body) {
    settle(current);
    if is_cancelled(current) || limit::is_over(current) {
        raise();
    }
}

/// Unwinds the current routine to its root, or to the `timeout` that is over. One that has caught this
/// before, and blocks again, lets the others go first: a loop around `catch_unwind` must not keep them
/// from their own end.
// Inlined: one frame less to unwind.
#[inline(always)]
pub(crate) fn raise() -> ! {
    panic::resume_unwind(news())
}

/// The payload of what ends the current routine's wait.
#[cold]
#[inline(never)]
fn news() -> Box<dyn Any + Send> {
    with_core(|core| -> Box<dyn Any + Send> {
        let Some((core, body)) = core.and_then(|core| Some((core, core.current()?))) else {
            return Box::new(limit::elapse_here());
        };
        // SAFETY: the current routine, on its own stack.
        let current = unsafe { body.as_ref() };
        if current.note_raise() && !forbid::is_forbidden() {
            // SAFETY: it waits for nothing; home resumes it only after it has suspended.
            unsafe { core.yielded.push(body) };
            core.suspend(current, Reason::Yield);
        }
        if is_cancelled(current) {
            Box::new(Cancel::of(current.header()))
        } else {
            Box::new(limit::elapse_here())
        }
    })
}
