//! A call on a thread of a pool that owns what it uses, so that whoever waits for it may leave.
//!
//! What `blocking` is for functions that borrow this is for calls of the library's own: a cancelled routine,
//! or one whose time is over, goes at once, and the thread ends the call for nobody.
//!
//! - I1: the call is counted, once for the job and once for whoever waits. The job alone uses `f` and
//!   `result` until it sets the event; then the other side.

use std::cell::UnsafeCell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use crate::control::Reason;
use crate::driver::pool::{Job, Pool};
use crate::queue::event::Event;
use crate::wait::one;

struct Call<F, T> {
    f: UnsafeCell<Option<F>>,
    result: UnsafeCell<Option<thread::Result<io::Result<T>>>>,
    is_over: Event,
}

// SAFETY: I1: one side after the other uses the cells, and both `f` and the result may change threads.
unsafe impl<F: Send, T: Send> Sync for Call<F, T> {}

/// Runs `f` on a thread of `pool` and waits for what it returns, or until the caller has to go.
///
/// # Errors
/// That of `f`, or of the system that refuses a thread. A panic of `f` goes on here.
#[track_caller]
pub(crate) fn leavable<F, T>(pool: &Arc<Pool>, reason: Reason, f: F) -> io::Result<T>
where
    F: FnOnce() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    let call = Arc::new(Call {
        f: UnsafeCell::new(Some(f)),
        result: UnsafeCell::new(None),
        is_over: Event::new(),
    });
    let data = Arc::into_raw(call.clone());
    // SAFETY: I1: the count given here is the job's.
    pool.submit(unsafe { Job::new(data.cast(), perform::<F, T>) });
    one::wait(&call.is_over, reason, None);
    // SAFETY: I1: it is over, and nobody else waits.
    let result = unsafe { (*call.result.get()).take() };
    match result.expect("a call that is over has a result") {
        Ok(result) => result,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// # Safety
/// `data` is a count of a `Call<F, T>`; called once.
unsafe fn perform<F, T>(data: *const (), admitted: io::Result<()>)
where
    F: FnOnce() -> io::Result<T>,
{
    // SAFETY: the caller's promise.
    let call = unsafe { Arc::from_raw(data.cast::<Call<F, T>>()) };
    // SAFETY: I1.
    let f = unsafe { (*call.f.get()).take() }.expect("a call is performed once");
    if Arc::strong_count(&call) == 1 {
        // Whoever asked has gone while this stood in the queue.
        return;
    }
    let result = match admitted {
        Ok(()) => panic::catch_unwind(AssertUnwindSafe(f)),
        Err(error) => Ok(Err(io::Error::new(
            error.kind(),
            format!("no thread for a call that blocks: {error}"),
        ))),
    };
    // SAFETY: I1.
    unsafe { *call.result.get() = Some(result) };
    one::set(&call.is_over);
}
