//! Where parking is forbidden: while foreign code stands on the stack that trusts the thread.
//!
//! Two routines of one home interleave at their parks only. Code that relies on last-in first-out
//! nesting on a thread (scoped thread-locals, a poll with a context set) is safe exactly if nothing
//! under it parks; `forbid_park` turns a violation into a panic that names both places.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;

thread_local! {
    static FORBIDDEN: Forbidden = const {
        Forbidden { count: Cell::new(0), newest: Cell::new(None), epoch: Cell::new(0) }
    };
}

/// The guards that are alive on a thread. None of them outlives a park, so they all belong to what
/// runs there now.
struct Forbidden {
    count: Cell<u32>,
    newest: Cell<Option<&'static Location<'static>>>,
    /// Moves on when a routine ends: a guard that it leaked or hid is nobody's any more.
    epoch: Cell<u32>,
}

/// Parking panics on this thread until this is dropped. Made by
/// [`forbid_park`].
#[must_use = "parking is allowed again as soon as the guard is dropped"]
#[derive(Debug)]
pub struct ForbidPark {
    epoch: u32,
    /// The guard that was the newest before.
    previous: Option<&'static Location<'static>>,
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
    let site = Location::caller();
    let (epoch, previous) = FORBIDDEN.with(|forbidden| {
        forbidden.count.set(forbidden.count.get() + 1);
        (forbidden.epoch.get(), forbidden.newest.replace(Some(site)))
    });
    ForbidPark {
        epoch,
        previous,
        not_send: PhantomData,
    }
}

impl Drop for ForbidPark {
    fn drop(&mut self) {
        FORBIDDEN.with(|forbidden| {
            if forbidden.epoch.get() == self.epoch {
                forbidden.count.set(forbidden.count.get() - 1);
                forbidden.newest.set(self.previous);
            }
        });
    }
}

/// Panics if parking is forbidden here.
#[inline]
#[track_caller]
pub(crate) fn check() {
    let site = FORBIDDEN.with(|forbidden| match forbidden.count.get() {
        0 => None,
        _ => forbidden.newest.get(),
    });
    if let Some(site) = site {
        refuse(site);
    }
}

/// Whether parking is forbidden here.
#[inline]
pub(crate) fn is_forbidden() -> bool {
    FORBIDDEN.with(|forbidden| forbidden.count.get() > 0)
}

/// The routine that runs here ends, or has to wait whatever it has leaked: guards that it has leaked must not
/// hurt its home-mates.
#[inline]
pub(crate) fn reset() {
    FORBIDDEN.with(|forbidden| {
        if forbidden.count.get() > 0 {
            forbidden.count.set(0);
            forbidden.epoch.set(forbidden.epoch.get().wrapping_add(1));
        }
    });
}

#[cold]
#[track_caller]
fn refuse(site: &'static Location<'static>) -> ! {
    panic!(
        "parking is forbidden here: a guard from `forbid_park` at {site} is alive; drop it before \
         blocking, or move the blocking call out of the callback"
    );
}
