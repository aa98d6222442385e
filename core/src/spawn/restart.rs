//! Moving, the sound way: give the stack up, and start again as one that may be placed.

use std::any::{Any, TypeId, type_name};
use std::io;
use std::panic;
use std::ptr::NonNull;

use crate::control::{Fresh, Header};
use crate::sched::placement::Target;
use crate::sched::{Core, locals, with_core};
use crate::sys::signal;

/// The closure of a routine that starts again.
pub(super) type Again<T> = Box<dyn FnOnce() -> T + Send>;

/// Unwinds to the root with the new closure, a `Box<Again<T>>`, and the number of the routine that it
/// is for: a payload that was caught and let go elsewhere is an ordinary panic there.
struct Unwind {
    routine: u64,
    again: Box<dyn Any + Send>,
}

/// Ends the caller's stack and goes on with `f`, as a fresh routine under the same id and handle.
///
/// A started routine never changes its thread; this is how one moves all the same. The stack is
/// unwound (destructors run), and `f`, which has not started and so may go anywhere, is placed at
/// the worker with the fewest live routines. `join` returns what `f` returns.
///
/// Its local values end with the stack; those that children inherit are carried over.
///
/// A `catch_unwind` on the way that does not resume what it caught swallows the restart, and drops
/// `f`; so does a [scope](crate::routine::scope) that goes on with the panic of one of its routines instead.
///
/// **Blocks**: does not return.
///
/// # Panics
/// On a plain thread; in the closure of [`run`](crate::run) and in a routine of a
/// [scope](crate::routine::scope), which borrow; if the
/// routine's output is not a `T`; while unwinding already; in a program that is built with `panic = "abort"`, where
/// no stack can be unwound.
///
/// # Go
/// No counterpart: goroutines move by themselves.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let handle = routine::spawn(|| -> u32 {
///     let shard: u32 = 3;
///     routine::restart(move || shard + 1)
/// });
/// assert_eq!(handle.join().unwrap(), 4);
/// ```
#[track_caller]
pub fn restart<F, T>(f: F) -> !
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if cfg!(panic = "abort") {
        panic!(
            "restart: this program is built with `panic = \"abort\"`, so its stack cannot be unwound; spawn a routine \
             with `Place::Spread` in its place, or build with `panic = \"unwind\"`"
        );
    }
    let output = with_core(|core| {
        let body = core?.current()?;
        // SAFETY: the current routine's body; its header is alive while it runs.
        let header = unsafe { body.as_ref() }.header();
        Some((
            header.id(),
            header
                .vtable()
                .restart
                .as_ref()
                .map(|restart| (restart.output)()),
        ))
    });
    assert!(
        !std::thread::panicking(),
        "restart: called while unwinding from a panic"
    );
    let routine = match output {
        None => panic!("restart: called on a plain thread; only a routine can start again"),
        Some((_, None)) => panic!(
            "restart: called in the closure of `run` or in a scope, which borrows from one that waits; \
             spawn a routine in it and restart that one"
        ),
        Some((routine, Some(output))) => {
            assert!(
                output == TypeId::of::<T>(),
                "restart: the closure returns {}, which is not what this routine was spawned to \
                 return",
                type_name::<T>()
            );
            routine
        }
    };
    let again: Again<T> = match locals::inherit() {
        None => Box::new(f),
        Some(inherited) => Box::new(move || {
            locals::begin(inherited);
            f()
        }),
    };
    panic::resume_unwind(Box::new(Unwind {
        routine,
        again: Box::new(again),
    }))
}

/// Whether `payload` is a restart of just this routine.
pub(super) fn is_restart(payload: &(dyn Any + Send), header: &Header) -> bool {
    payload
        .downcast_ref::<Unwind>()
        .is_some_and(|unwind| unwind.routine == header.id())
}

/// Whether `payload` is a restart of the routine that runs here.
pub(crate) fn is_restart_here(payload: &(dyn Any + Send)) -> bool {
    with_core(|core| {
        // SAFETY: the current routine's body; its header is alive while it runs.
        core.and_then(Core::current)
            .is_some_and(|body| is_restart(payload, unsafe { body.as_ref() }.header()))
    })
}

/// The closure in the box that unwound; the type was checked by `restart`.
pub(super) fn closure<T: 'static>(again: Box<dyn Any + Send>) -> Again<T> {
    *again
        .downcast::<Again<T>>()
        .expect("restart has compared the types")
}

/// At the root: puts the new closure in place and places the routine anew.
///
/// # Safety
/// Called by the routine's root, as its last step.
pub(super) unsafe fn again(header: NonNull<Header>, payload: Box<dyn Any + Send>) {
    // SAFETY: alive until `ended` is set, which a later turn of the routine does.
    let h = unsafe { header.as_ref() };
    let (Some(restart), Ok(unwind)) = (&h.vtable().restart, payload.downcast::<Unwind>()) else {
        unreachable!("`restart` unwinds only routines that can be restarted");
    };
    // Before it can start elsewhere.
    h.renew();
    // SAFETY: the routine is at its root and has not ended; the types were compared.
    unsafe { (restart.rearm)(header, unwind.again) };
    with_core(|core| {
        let core = core.expect("a routine runs on a worker");
        // A stack of its own size is leased anew; if there is none left, it gets an ordinary one.
        let leased = match h.own_size() {
            Some((size, seat)) => core.shared.depot.take(size).map(|stack| {
                *seat.lock() = Some(stack);
            }),
            None => core.claim_stack(),
        };
        if let Err(error) = leased {
            core.shared.depot.claim_unsure();
            say_smaller(h, &error);
        }
        // SAFETY: it gives its stack up: after this nothing here touches it again.
        let fresh = unsafe { Fresh::new(header) };
        if let Err((error, fresh)) = core.place(fresh, Target::Spread) {
            super::cell::discard(fresh);
            unreachable!("spreading does not fail: {error}");
        }
        // After the placing: what counts here makes it go elsewhere.
        core.count_out();
    });
}

#[cold]
fn say_smaller(header: &Header, error: &io::Error) {
    let text = format!(
        "rust-routines: routine {} restarts on an ordinary stack, if there is one: {error}\n",
        header.id()
    );
    signal::write_stderr(text.as_bytes());
}
