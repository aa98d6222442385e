//! `run`: a routine that borrows from its caller, which waits.

use std::panic::Location;
use std::sync::Arc;

use super::builder::{Request, spawn_with};
use super::cell;
use super::error::JoinError;
use crate::sched::park::{is_cancelled_here, raise};
use crate::sched::{Shared, forbid};
use crate::stack::Size;
use crate::sys::unwind::Bomb;
use crate::wait::Waiter;

/// Runs `f` as a routine with a stack of 64 MiB and waits for it; rethrows its panic.
///
/// Sound although `f` borrows: between the spawn and the end of the wait nothing unwinds - parking
/// is possible (tried before), the wait has no time-out and is shielded from cancellation - and a
/// routine that is never ended keeps its caller waiting.
#[track_caller]
pub(crate) fn run<F, T>(shared: &Arc<Shared>, f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // Whatever the wait could panic about, it does now: a forbidden park, a thread that is so near
    // its end that it cannot sleep any more.
    drop(Waiter::here());
    let site = Location::caller();
    let request = Request {
        name: None,
        size: Some(Size::MAIN),
        ..Request::default()
    };
    let spawned = spawn_with(shared, request, site, |id, extra| {
        // SAFETY: this function returns only after the routine has ended; see above.
        unsafe { cell::make_borrowed(f, id, site, extra) }
    });
    let handle = match spawned {
        Ok(handle) => handle,
        // Not in a closure: the place is that of the caller.
        Err(error) => panic!("{error}"),
    };
    let bomb = Bomb("the wait of `run` panicked");
    // A guard that a clone of an inherited value has leaked meanwhile must not keep the caller from its wait.
    forbid::reset();
    let joined = handle.join_shielded();
    bomb.defuse();
    match joined {
        Ok(output) => output,
        Err(JoinError::Panicked(payload)) => payload.resume(),
        // Of the same runtime, and cancelled with it.
        Err(JoinError::Cancelled) if is_cancelled_here() => raise(),
        Err(JoinError::Cancelled) => {
            panic!("run: the runtime was shut down before the routine ended")
        }
    }
}
