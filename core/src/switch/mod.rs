//! L1: the context switch: corosensei behind four functions.
//!
//! A started coroutine is resumed only on the thread that started it and is driven to its end:
//! `force_unwind` is not used (a suspension inside a `Drop` would abort, a `catch_unwind` loop would
//! never end), and its `Drop` is never run. So panics must not reach the root: what runs on the
//! stack catches them itself.
//!
//! A switch costs 3 ns, a mispredicted return 5 to 10. The processor predicts returns with a stack of
//! its own, which knows nothing of ours: every `ret` between a resumption and the caller's code is
//! predicted with the other stack's addresses. So the functions on the way out of a suspension and
//! out of a resumption are `inline(always)`: yielding took 45 ns with five frames on the way and
//! takes a third of that with one.

pub(crate) mod units;

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// The part of a stack that a context may use: addresses, highest and lowest.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Highest address, a multiple of 16.
    pub(crate) base: usize,
    /// Lowest address, guard included.
    pub(crate) limit: usize,
}

// SAFETY: `Context::start` and `on_span` demand a span with a guard at its low end and more room
// than corosensei's minimum; both addresses are multiples of 16.
unsafe impl corosensei::stack::Stack for Span {
    #[inline]
    fn base(&self) -> StackPointer {
        StackPointer::new(self.base).expect("a stack does not end at address zero")
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        StackPointer::new(self.limit).expect("a stack does not start at address zero")
    }
}

/// What runs on a new stack.
pub(crate) type Entry = unsafe fn(*mut ());

/// The saved state of one coroutine.
pub(crate) struct Context {
    coroutine: MaybeUninit<Coroutine<(), (), (), Span>>,
    yielder: Cell<*const Yielder<(), ()>>,
}

impl Context {
    /// Prepares a coroutine that will run `entry(argument)` on `span`.
    ///
    /// # Safety
    /// `at` is writable and stays in place, and `span` is unused and guarded, until `resume` has
    /// returned `true`. `entry` must not unwind and must be sound to call with `argument` then.
    #[inline]
    pub(crate) unsafe fn start(at: *mut Context, span: Span, entry: Entry, argument: *mut ()) {
        // SAFETY: `at` is writable; the closure holds raw pointers that the caller vouches for.
        unsafe {
            (&raw mut (*at).yielder).write(Cell::new(ptr::null()));
            let coroutine = Coroutine::with_stack(span, move |yielder: &Yielder<(), ()>, ()| {
                (*at).yielder.set(yielder);
                entry(argument);
            });
            (&raw mut (*at).coroutine).write(MaybeUninit::new(coroutine));
        }
    }

    /// Runs until it suspends (`false`) or has ended (`true`).
    ///
    /// # Safety
    /// `at` was started on this thread or has never been resumed, is suspended and has not ended.
    #[inline(always)]
    pub(crate) unsafe fn resume(at: *mut Context) -> bool {
        // SAFETY: started; while it runs only `yielder`, another field, is touched by its own code.
        let coroutine = unsafe { (*at).coroutine.assume_init_mut() };
        matches!(coroutine.resume(()), CoroutineResult::Return(()))
    }

    /// Goes back to the caller of `resume`; returns when resumed again.
    ///
    /// # Safety
    /// Called on the stack of this context.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self) {
        // SAFETY: the yielder stands at the base of the stack we run on.
        unsafe { (*self.yielder.get()).suspend(()) };
    }
}

/// Runs `f` on another stack and returns when it has returned; it may suspend the context it was
/// called in meanwhile.
///
/// # Safety
/// `span` is unused and guarded; `f` does not unwind.
pub(crate) unsafe fn on_span<R>(span: Span, f: impl FnOnce() -> R) -> R {
    corosensei::on_stack(span, f)
}
