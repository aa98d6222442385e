//! Whose local values are meant: those of the routine that runs here, or else of the thread.
//!
//! A thread's table hangs on a thread-local without a destructor, so that it can be used until the last of its
//! values is gone; a second one, which has a destructor and nothing else, ends it.

use super::core::{Core, with_core};
use super::hooks;
use crate::control::locals::{Inherited, Locals};

thread_local! {
    static THREAD: Locals = const { Locals::new() };
    static SWEEPER: Sweeper = const { Sweeper };
}

struct Sweeper;

impl Drop for Sweeper {
    fn drop(&mut self) {
        THREAD.with(Locals::end);
    }
}

/// Gives the table of whoever runs here.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Locals) -> R) -> R {
    with_core(|core| match core.and_then(Core::current) {
        // SAFETY: the current routine's body, on its own thread.
        Some(body) => f(unsafe { body.as_ref() }.locals()),
        None => THREAD.with(f),
    })
}

/// Makes sure that what hangs here now will be destroyed; `false`: it is too late for that.
pub(crate) fn will_end() -> bool {
    let is_routine = with_core(|core| core.and_then(Core::current).is_some());
    // A thread's destructors may hang new values on the table that is being emptied.
    is_routine || !THREAD.with(Locals::is_unused) || SWEEPER.try_with(|_| ()).is_ok()
}

/// What a child of whoever runs here inherits.
pub(crate) fn inherit() -> Option<Inherited> {
    with(Locals::inherit)
}

/// The routine that runs here has just started again: gives it what it had.
pub(crate) fn begin(inherited: Inherited) {
    with(|locals| {
        let before = locals.replace(Locals::of(Some(inherited)));
        debug_assert!(before.is_unused(), "values before the start of a routine");
    });
}

/// The routine that runs here has returned: destroys its values, on its stack. A cancellation is held off,
/// for these are destructors.
#[inline]
pub(crate) fn end() {
    with_core(|core| {
        let Some(body) = core.and_then(Core::current) else {
            unreachable!("a routine runs on a worker");
        };
        // SAFETY: the current routine's body, on its own thread.
        let body = unsafe { body.as_ref() };
        if body.locals().is_unused() {
            return body.locals().end();
        }
        body.add_shield(1);
        body.locals().end();
        body.add_shield(-1);
        // What the destructors have left on the thread.
        hooks::discard();
    });
}

/// Runs `f` on this plain thread with values of its own, which end with it. `f` does not unwind.
pub(crate) fn apart<R>(inherited: Option<Inherited>, f: impl FnOnce() -> R) -> R {
    let before = THREAD.with(|locals| locals.replace(Locals::of(inherited)));
    let result = f();
    THREAD.with(|locals| {
        locals.end();
        locals.replace(before);
    });
    result
}
