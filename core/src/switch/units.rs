//! Carrying std's panic count from one routine to the next.
//!
//! `std::thread::panicking()` reads a count that belongs to the thread. A routine that parks inside
//! a destructor while it unwinds would leave its home-mates "panicking": their mutexes would be
//! poisoned and their destructors take the wrong branch. So the count has to travel with the
//! routine, and stable Rust has no call for that. What it has:
//!
//! - a *standing* unit is a helper stack that is in the middle of its own `resume_unwind`, inside a
//!   destructor, suspended. It has added one to the count of the thread that started it;
//! - finishing it, on any thread, lets it catch its own unwind, which takes one off *that* thread.
//!
//! Before a panicking routine parks, standing units (started elsewhere) are finished here until the
//! thread is clean; after it is resumed as many new ones are started. The first ones come from a
//! short-lived thread whose own count does not matter. Costs some 10 us, on this path only.
//!
//! What crosses threads is std's `catch_unwind`, `resume_unwind` and one destructor of ours. That
//! they look up the count anew after the switch is std's implementation, not its contract, so it
//! is tested at first use; if the test fails, the count stays where it is: home-mates may see a
//! wrong `panicking()`, but nothing blocks.

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::thread;

use parking_lot::Mutex;

use super::{Context, Span};
use crate::sys::memory::{self, Region};
use crate::sys::unwind::Bomb;

/// A helper runs std's unwinder and nothing else.
const HELPER_STACK: usize = 256 * 1024;

/// A helper stack; its context is boxed because a started one may not move.
struct Helper {
    context: Box<std::mem::MaybeUninit<Context>>,
    memory: Region,
}

// SAFETY: a suspended helper holds frames of `stand` and of std's unwinder only, none of which
// keep anything that belongs to a thread across the suspension (tested by `travels`).
unsafe impl Send for Helper {}

#[derive(Default)]
struct Pool {
    standing: Vec<Helper>,
    idle: Vec<Helper>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    standing: Vec::new(),
    idle: Vec::new(),
});

/// Takes the panic count off this thread and returns it, if the caller unwinds; call before a
/// routine parks.
#[inline]
pub(crate) fn lift() -> Option<usize> {
    if thread::panicking() {
        Some(lift_slow())
    } else {
        None
    }
}

#[cold]
fn lift_slow() -> usize {
    let mut count = 0;
    while thread::panicking() && travels() {
        let standing = POOL.lock().standing.pop();
        let Some(helper) = standing.or_else(from_another_thread) else {
            break;
        };
        finish(helper);
        count += 1;
    }
    count
}

/// Puts a lifted count on this thread; call when the routine has been resumed.
#[inline]
pub(crate) fn lower(count: usize) {
    for _ in 0..count {
        let idle = POOL.lock().idle.pop();
        // `lift` has just put as many helpers there as are taken out here. Without one the count would
        // be one too low for good, and wrap at the end of the unwind.
        let bomb = Bomb("no memory for a helper stack to carry a panic");
        let helper = idle.or_else(|| Helper::new().ok()).map(start);
        if helper.is_some() {
            bomb.defuse();
        }
        POOL.lock().standing.extend(helper);
    }
}

impl Helper {
    fn new() -> std::io::Result<Helper> {
        let page = memory::page_size();
        let memory = Region::reserve(HELPER_STACK, page)?;
        // SAFETY: the lowest page of a region that nobody uses yet.
        unsafe { memory::guard(&[memory.base().as_ptr()], page)? };
        Ok(Helper {
            context: Box::new(std::mem::MaybeUninit::uninit()),
            memory,
        })
    }

    fn context(&mut self) -> *mut Context {
        self.context.as_mut_ptr()
    }
}

/// Adds one to this thread's count.
fn start(mut helper: Helper) -> Helper {
    let limit = helper.memory.base().as_ptr().addr();
    let span = Span {
        base: limit + helper.memory.len(),
        limit,
    };
    let context = helper.context();
    // SAFETY: the context is boxed and the memory unused and guarded; both stay with the helper
    // until `finish`. `stand` catches its own unwind.
    let ended = unsafe {
        Context::start(context, span, stand, context.cast());
        Context::resume(context)
    };
    debug_assert!(!ended, "a helper suspends in its destructor");
    helper
}

/// Takes one off this thread's count.
fn finish(mut helper: Helper) {
    // SAFETY: started and suspended; it moves between threads by the argument at `Send`.
    let ended = unsafe { Context::resume(helper.context()) };
    debug_assert!(ended, "a finished helper has returned");
    POOL.lock().idle.push(helper);
}

struct Standing(*const Context);

impl Drop for Standing {
    fn drop(&mut self) {
        // SAFETY: runs on the helper's own stack.
        unsafe { (*self.0).suspend() };
    }
}

/// What a helper runs.
///
/// # Safety
/// `context` is the context that runs it.
unsafe fn stand(context: *mut ()) {
    let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
        let _standing = Standing(context.cast());
        panic::resume_unwind(Box::new(()));
    }));
    debug_assert!(unwound.is_err());
}

/// A standing unit whose count stays behind on a thread that is no more.
fn from_another_thread() -> Option<Helper> {
    let helper = Helper::new().ok()?;
    thread::Builder::new()
        .spawn(move || start(helper))
        .ok()?
        .join()
        .ok()
}

/// Whether units carry the count from thread to thread here: tried once, on threads of its own.
fn travels() -> bool {
    static TRAVELS: OnceLock<bool> = OnceLock::new();
    *TRAVELS.get_or_init(|| {
        let Some(helper) = from_another_thread() else {
            return false;
        };
        let Ok(trial) = thread::Builder::new().spawn(move || trial(helper)) else {
            return false;
        };
        trial.join().unwrap_or(false)
    })
}

/// Panics, and from a destructor looks at the count before, between and after a finish and a start.
fn trial(helper: Helper) -> bool {
    struct Look<'a>(Option<Helper>, &'a mut bool);
    impl Drop for Look<'_> {
        fn drop(&mut self) {
            let before = thread::panicking();
            if let Some(helper) = self.0.take() {
                finish(helper);
            }
            let between = thread::panicking();
            lower(1);
            *self.1 = before && !between && thread::panicking();
        }
    }
    let mut travels = false;
    let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
        let _look = Look(Some(helper), &mut travels);
        panic::resume_unwind(Box::new(()));
    }));
    travels && unwound.is_err() && !thread::panicking()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifted_count_is_gone_and_a_lowered_one_is_back() {
        struct Look<'a>(&'a mut Vec<bool>);
        impl Drop for Look<'_> {
            fn drop(&mut self) {
                self.0.push(thread::panicking());
                let count = lift();
                self.0.push(thread::panicking());
                lower(count.unwrap_or(0));
                self.0.push(thread::panicking());
            }
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
                let _look = Look(&mut seen);
                panic::resume_unwind(Box::new(()));
            }));
            assert!(unwound.is_err());
        }
        assert_eq!(seen, [true, false, true].repeat(3));
        assert!(!thread::panicking());
    }
}
