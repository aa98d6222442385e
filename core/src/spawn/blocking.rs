//! `blocking`: work that blocks its thread, on a thread of the runtime's pool.
//!
//! - I1: the call stands in the caller's frame. Between the submission and the end of the wait nothing
//!   unwinds: what the wait could panic about is asked before, it has no time-out and is shielded from
//!   cancellation. So `f` may borrow.
//! - I2: the pool's thread alone uses `f`, `inherited` and `result` until it sets the event, its last access; then the
//!   caller.

use std::cell::UnsafeCell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::thread;

use crate::control::locals::Inherited;
use crate::control::{Header, Reason};
use crate::driver::pool::Job;
use crate::queue::event::Event;
use crate::sched::park::raise_if_due_here;
use crate::sched::{deputy, forbid, locals, with_core};
use crate::sys::unwind::Bomb;
use crate::wait::{one, shielded};

struct Call<F, R> {
    caller: NonNull<Header>,
    inherited: UnsafeCell<Option<Inherited>>,
    f: UnsafeCell<Option<F>>,
    /// The error is that of a thread that could not be had.
    result: UnsafeCell<Option<io::Result<thread::Result<R>>>>,
    is_over: Event,
}

/// Runs `f`, which may block its thread, on a thread of the runtime's pool, and returns what it returns.
///
/// For files, foreign libraries, long computations: what would keep a worker from its other routines. `f`
/// may borrow from the caller, which waits until it has returned, also when it is cancelled. It runs on an
/// ordinary thread: thread-locals are that thread's, what is routine-local is what a child would have (see
/// [`RoutineLocal`](crate::routine::RoutineLocal)), what blocks there blocks the thread, and
/// [`spawn`](crate::routine::spawn) spawns on the global runtime. Threads are
/// started as they are needed, at most [`blocking_threads`](crate::runtime::Builder::blocking_threads);
/// a call beyond that waits for its turn, so calls that wait for each other need room for all of them. On a
/// plain thread `f` is simply called, and so is a call inside of another one.
///
/// **Blocks** the calling routine; on a plain thread, the thread.
///
/// # Panics
/// Rethrows the panic of `f`. Under [`forbid_park`](crate::routine::forbid_park); if there is no thread and
/// the system refuses one.
///
/// # Go
/// No counterpart: Go's runtime starts a thread when one blocks in a system call.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// rust_routines::run(|| {
///     let path = String::from("/proc/self/status");
///     let text = routine::blocking(|| std::fs::read_to_string(&path));
///     assert_eq!(text.is_ok(), std::path::Path::new(&path).exists());
/// });
/// ```
#[track_caller]
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let caller = with_core(|core| {
        let (core, body) = core.and_then(|core| Some((core, core.current()?)))?;
        // SAFETY: the current routine's body.
        Some((
            core.shared.pool.clone(),
            unsafe { body.as_ref() }.header_ptr(),
        ))
    });
    let Some((pool, caller)) = caller else {
        return f();
    };
    forbid::check();
    raise_if_due_here();
    let call = Call {
        caller,
        inherited: UnsafeCell::new(locals::inherit()),
        f: UnsafeCell::new(Some(f)),
        result: UnsafeCell::new(None),
        is_over: Event::new(),
    };
    // SAFETY: I1, I2; `f` and its result may change threads.
    let job = unsafe { Job::new((&raw const call).cast(), perform::<F, R>) };
    let bomb = Bomb("the wait of a `blocking` panicked");
    pool.submit(job);
    // A guard that a clone of an inherited value has leaked must not keep the caller from its wait (I1).
    forbid::reset();
    shielded(|| one::wait_unraised(&call.is_over, Reason::Blocking));
    bomb.defuse();
    match call.result.into_inner() {
        Some(Ok(Ok(result))) => result,
        Some(Ok(Err(payload))) => panic::resume_unwind(payload),
        Some(Err(error)) => {
            panic!(
                "no thread for a blocking call ({error}): raise the limit of threads (ulimit -u)"
            )
        }
        None => unreachable!("a blocking call that is over has a result"),
    }
}

/// # Safety
/// `data` points to a `Call<F, R>` whose maker waits for its event; called once.
unsafe fn perform<F: FnOnce() -> R, R>(data: *const (), admitted: io::Result<()>) {
    // SAFETY: the caller's promise.
    let call = unsafe { &*data.cast::<Call<F, R>>() };
    let result = admitted.map(|()| {
        // SAFETY: I2.
        let f = unsafe { (*call.f.get()).take() }.expect("a call is performed once");
        // SAFETY: I2.
        let inherited = unsafe { (*call.inherited.get()).take() };
        let f = || panic::catch_unwind(AssertUnwindSafe(f));
        // SAFETY: I1: the caller waits until the event is set.
        locals::apart(inherited, || unsafe { deputy::act_for(call.caller, f) })
    });
    // SAFETY: I2.
    unsafe { *call.result.get() = Some(result) };
    one::set(&call.is_over);
}
