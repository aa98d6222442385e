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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::pool::KEEP;
    use crate::sched::{clock, limit};
    use parking_lot::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    fn until_done(pool: &Pool, calls: u64) {
        let start = Instant::now();
        while pool.count().done < calls {
            assert!(start.elapsed().as_secs() < 30, "{:?}", pool.count());
            thread::yield_now();
        }
    }

    /// Calls, and leaves after a millisecond.
    fn leave<F>(pool: &Arc<Pool>, f: F) -> bool
    where
        F: FnOnce() -> io::Result<Arc<()>> + Send + 'static,
    {
        let limit = clock::deadline(Duration::from_millis(1));
        limit::within(limit, || leavable(pool, Reason::Lookup, f)).is_none()
    }

    #[test]
    fn results_errors_and_panics_come_back() {
        let pool = Pool::new("test".to_string(), 1, KEEP, None);
        let call = |f: fn() -> io::Result<u32>| leavable(&pool, Reason::Lookup, f);
        assert_eq!(call(|| Ok(7)).unwrap(), 7);
        let refused = call(|| Err(io::ErrorKind::NotFound.into())).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotFound);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| call(|| panic!("from there"))));
        let payload = caught.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"from there"));
        pool.close();
    }

    /// One leaves while it runs, the other while it stands in the queue: that one is not done at all. What they
    /// own is dropped.
    #[test]
    fn who_leaves_leaves_nothing_behind() {
        static BEGAN: AtomicBool = AtomicBool::new(false);
        static RAN: AtomicBool = AtomicBool::new(false);
        let pool = Pool::new("test".to_string(), 1, KEEP, None);
        let own = Arc::new(());
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock();
        let mut calls = 0;
        while !BEGAN.load(Ordering::Relaxed) {
            let (result, gate) = (own.clone(), gate.clone());
            assert!(leave(&pool, move || {
                BEGAN.store(true, Ordering::Relaxed);
                drop(gate.lock());
                Ok(result)
            }));
            calls += 1;
        }
        let queued = own.clone();
        assert!(leave(&pool, move || {
            RAN.store(true, Ordering::Relaxed);
            Ok(queued)
        }));
        assert_eq!(pool.count().queued, 1);
        drop(closed);
        until_done(&pool, calls + 1);
        assert!(!RAN.load(Ordering::Relaxed));
        assert_eq!(Arc::strong_count(&own), 1);
        pool.close();
    }
}
