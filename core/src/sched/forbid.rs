//! Where parking is forbidden: while foreign code stands on the stack that trusts the thread.
//!
//! Two routines of one home interleave at their parks only. Code that relies on last-in first-out
//! nesting on a thread (scoped thread-locals, a poll with a context set) is safe exactly if nothing
//! under it parks; `forbid_park` turns a violation into a panic that names both places.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;

thread_local! {
    static FORBIDDEN: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Parking panics on this thread until this is dropped. Made by
/// [`forbid_park`].
#[must_use = "parking is allowed again as soon as the guard is dropped"]
#[derive(Debug)]
pub struct ForbidPark {
    before: Option<&'static Location<'static>>,
    /// The rule belongs to the thread.
    not_send: PhantomData<*const ()>,
}

/// Forbids parking until the guard is dropped.
///
/// For callbacks and polls that must not be interleaved with other routines of the same worker:
/// whoever calls foreign code that trusts last-in first-out nesting on its thread (a scoped
/// thread-local, `tracing`'s entered spans, a re-entrant C library) holds this around the call.
///
/// **Blocks**: never.
///
/// # Panics
/// Does not panic itself. A park under it - any blocking call that finds nothing ready, `yield_now`,
/// `sleep` - panics, and names the place of the park and the place of this call.
///
/// # Go
/// No counterpart: goroutines have no thread-locals to protect.
///
/// # Examples
/// ```should_panic
/// use rust_routines::routine;
///
/// rust_routines::run(|| {
///     let _guard = routine::forbid_park();
///     routine::yield_now(); // panics
/// });
/// ```
#[track_caller]
pub fn forbid_park() -> ForbidPark {
    ForbidPark {
        before: FORBIDDEN.replace(Some(Location::caller())),
        not_send: PhantomData,
    }
}

impl Drop for ForbidPark {
    fn drop(&mut self) {
        FORBIDDEN.set(self.before);
    }
}

/// Panics if parking is forbidden here.
#[inline]
#[track_caller]
pub(crate) fn check() {
    if let Some(site) = FORBIDDEN.get() {
        refuse(site);
    }
}

#[cold]
#[track_caller]
fn refuse(site: &'static Location<'static>) -> ! {
    panic!(
        "parking is forbidden here: a guard from `forbid_park` at {site} is alive; drop it before \
         blocking, or move the blocking call out of the callback"
    );
}
