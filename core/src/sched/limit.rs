//! What `timeout` limits: every wait of the code inside of it, by unwinding to it.
//!
//! A limit is one number of the routine (on a plain thread: of the thread), the earliest of all limits it
//! is in; entering and leaving one reads the clock once and sets no timer. A wait sets its timer for
//! the limit if that is earlier than its own deadline, and ends like a cancelled one; the payload says
//! which limit is meant, and the `timeout` that has set this one takes it.
//!
//! As with a cancellation: a value that has been handed over wins; nothing is raised while unwinding or
//! in a shield; one that swallows the payload meets it again at its next park.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use super::clock::{self, Nanos};
use super::core::{Core, outside_id, with_core};
use crate::control::Body;

thread_local! {
    /// Of a plain thread.
    static LIMIT: Cell<Nanos> = const { Cell::new(Nanos::MAX) };
}

/// The payload that unwinds to the `timeout` that is over. Not a panic: no hook runs, nothing is printed. One that
/// was caught and let go elsewhere, where another `timeout` may have the same limit, is an ordinary panic there.
pub(super) struct Elapse {
    owner: u64,
    limit: Nanos,
}

/// The payload for the limit of whoever runs here.
pub(super) fn elapse_here() -> Elapse {
    let owner = Owner::here();
    Elapse {
        owner: owner.number(),
        limit: owner.limit(),
    }
}

/// Whether `payload` unwinds whoever runs here to a `timeout`.
pub(super) fn is_elapse_here(payload: &(dyn Any + Send)) -> bool {
    payload
        .downcast_ref::<Elapse>()
        .is_some_and(|elapse| elapse.owner == Owner::here().number())
}

/// The limit of waits of this routine; `Nanos::MAX` also where none applies just now.
#[inline]
pub(super) fn of(current: &Body) -> Nanos {
    match current.limit() {
        Nanos::MAX => Nanos::MAX,
        _ if current.is_shielded() || std::thread::panicking() => Nanos::MAX,
        limit => limit,
    }
}

#[inline]
pub(super) fn is_over(current: &Body) -> bool {
    current.limit() != Nanos::MAX && of(current) <= clock::now()
}

/// As it was set.
pub(super) fn of_thread() -> Nanos {
    LIMIT.get()
}

/// The limit of waits of the plain thread that runs here, if one applies just now.
pub(crate) fn on_thread() -> Option<Nanos> {
    Some(LIMIT.get()).filter(|&limit| limit != Nanos::MAX && !std::thread::panicking())
}

/// Whether the limit of whoever runs here has passed, also in a shield and while it unwinds for that.
pub(crate) fn has_passed() -> bool {
    let limit = Owner::here().limit();
    limit != Nanos::MAX && limit <= clock::now()
}

/// Whether waits of whoever runs here end by themselves.
pub(crate) fn is_set() -> bool {
    Owner::here().limit() != Nanos::MAX
}

#[inline]
pub(super) fn is_over_on_thread() -> bool {
    LIMIT.get() != Nanos::MAX && on_thread().is_some_and(|limit| limit <= clock::now())
}

/// Whose limit is set: it stays the same while the code on it runs.
#[derive(Clone, Copy)]
struct Owner(Option<NonNull<Body>>);

impl Owner {
    fn here() -> Owner {
        Owner(with_core(|core| core.and_then(Core::current)))
    }

    fn body(&self) -> Option<&Body> {
        // SAFETY: the current routine's body, alive while it runs.
        self.0.map(|body| unsafe { body.as_ref() })
    }

    fn limit(self) -> Nanos {
        self.body().map_or_else(of_thread, Body::limit)
    }

    /// The routine's; a thread has one that no routine has.
    fn number(self) -> u64 {
        thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
        match self.body() {
            Some(body) => body.header().id(),
            None if NUMBER.get() == 0 => {
                NUMBER.set(outside_id());
                NUMBER.get()
            }
            None => NUMBER.get(),
        }
    }

    fn set(self, limit: Nanos) {
        match self.body() {
            Some(body) => body.set_limit(limit),
            None => LIMIT.set(limit),
        }
    }
}

/// The limit around whoever runs here, also where it does not apply just now.
pub(crate) fn in_force() -> Option<Nanos> {
    Some(Owner::here().limit()).filter(|&limit| limit != Nanos::MAX)
}

/// Puts the limit back, also when it is left by unwinding.
struct Restore {
    owner: Owner,
    limit: Nanos,
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.owner.set(self.limit);
    }
}

/// Runs `f` with its waits limited; `None` if one of them was ended by this limit.
pub(crate) fn within<R>(limit: Nanos, f: impl FnOnce() -> R) -> Option<R> {
    let owner = Owner::here();
    let before = owner.limit();
    if limit >= before {
        // The one around it comes first.
        return Some(f());
    }
    let restore = Restore {
        owner,
        limit: before,
    };
    owner.set(limit);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    drop(restore);
    match result {
        Ok(result) => Some(result),
        Err(payload)
            if payload
                .downcast_ref::<Elapse>()
                .is_some_and(|e| e.limit == limit && e.owner == owner.number()) =>
        {
            if let Some(body) = owner.body() {
                body.forget_raise();
            }
            None
        }
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Runs `f` without the limit of the plain thread.
pub(crate) fn lifted_on_thread<R>(f: impl FnOnce() -> R) -> R {
    let _restore = Restore {
        owner: Owner(None),
        limit: LIMIT.replace(Nanos::MAX),
    };
    f()
}
