//! For whom a plain thread runs: a closure of `blocking` is its caller's in all but the stack, and that waits. Who
//! asks who holds a lock means the caller.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::control::{Header, HeaderRef};

thread_local! {
    static CALLER: Cell<Option<NonNull<Header>>> = const { Cell::new(None) };
}

/// The routine that waits for what runs on this plain thread, if one does.
pub(crate) fn caller() -> Option<HeaderRef> {
    // SAFETY: set by `act_for` only, while it runs; it is alive then.
    CALLER
        .get()
        .map(|caller| unsafe { HeaderRef::share(caller) })
}

/// Runs `f`, which does not unwind, on this plain thread for `caller`.
///
/// # Safety
/// `caller` is the header of a routine that has not ended when this returns.
pub(crate) unsafe fn act_for<R>(caller: NonNull<Header>, f: impl FnOnce() -> R) -> R {
    let before = CALLER.replace(Some(caller));
    let result = f();
    CALLER.set(before);
    result
}
