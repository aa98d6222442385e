//! More stack for a while.

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use crate::sched::with_core;
use crate::stack::depot::Depot;
use crate::stack::{Size, Stack};
use crate::switch::{self, Span};

/// Runs `f` on another stack of at least `bytes` bytes.
///
/// For deep recursion in one place, instead of large stacks everywhere. `f` may block, park and
/// panic as usual; it runs on the same routine and the same thread. Works on plain threads too.
/// Costs some microseconds: memory is mapped, and given back when `f` returns.
///
/// **Blocks**: only if `f` does.
///
/// # Panics
/// For a size below 16 KiB or beyond all reason, and if there is no address space for it; says what
/// to raise. A panic of `f` goes on to the caller.
///
/// # Go
/// No counterpart: Go's stacks grow to 1 GiB.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// fn depth(n: u64) -> u64 {
///     if n == 0 { 0 } else { 1 + depth(n - 1) }
/// }
/// let n = rust_routines::run(|| routine::with_stack(64 << 20, || depth(100_000)));
/// assert_eq!(n, 100_000);
/// ```
#[track_caller]
pub fn with_stack<R>(bytes: usize, f: impl FnOnce() -> R) -> R {
    let size = match Size::for_bytes(bytes) {
        Ok(size) => size,
        Err(error) => panic!("{error}"),
    };
    let here = with_core(|core| core.map(|core| core.shared.depot.clone()));
    let depot: &Depot = match &here {
        Some(depot) => depot,
        None => for_threads(),
    };
    let stack = depot.take(size).unwrap_or_else(|error| panic!("{error}"));
    let result = run_on(&stack, f);
    depot.put_many([stack].into_iter());
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

fn run_on<R>(stack: &Stack, f: impl FnOnce() -> R) -> std::thread::Result<R> {
    let body = with_core(|core| core.and_then(|core| core.current()));
    // SAFETY: the current routine's body, alive while it runs.
    let body = body.map(|body| unsafe { body.as_ref() });
    let before = body.map(|body| body.replace_deep(stack));
    let span = Span {
        base: stack.top().as_ptr().addr(),
        limit: stack.lowest().as_ptr().addr(),
    };
    // SAFETY: leased, unused and guarded; what runs there catches its panics.
    let result = unsafe { switch::on_span(span, || panic::catch_unwind(AssertUnwindSafe(f))) };
    if let (Some(body), Some(before)) = (body, before) {
        body.replace_deep(before);
    }
    result
}

/// Stacks for plain threads.
fn for_threads() -> &'static Depot {
    static DEPOT: OnceLock<Depot> = OnceLock::new();
    DEPOT.get_or_init(|| Depot::new(Size::DEFAULT))
}
