//! Where parking is forbidden: while foreign code stands on the stack that trusts the thread.
//!
//! Two routines of one home interleave at their parks only. Code that relies on last-in first-out
//! nesting on a thread (scoped thread-locals, a poll with a context set) is safe exactly if nothing
//! under it parks; `forbid_park` turns a violation into a panic that names both places.
//!
//! A guard counts until it is dropped, in whatever order, so one that is forgotten counts until its *section*
//! ends: the rest of a routine's life, or a callback that runs on somebody else's stack ([`around`]). Rejected:
//! an inner guard that ends with the outer one, wherever they are. A guard that is only dropped later cannot
//! be told from one that was forgotten, and has to be obeyed.
//!
//! - I1: none outlives a park, so all guards of a thread belong to what runs there now.
//! - I2: `count` and `newest` are of the section that runs; a callback counts for one that has no place.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;

thread_local! {
    static FORBIDDEN: Forbidden = const {
        Forbidden {
            now: Cell::new(Section { number: 0, count: 0, newest: None, is_callback: false }),
            sections: Cell::new(0),
        }
    };
}

struct Forbidden {
    now: Cell<Section>,
    /// How many there have been.
    sections: Cell<u64>,
}

#[derive(Clone, Copy)]
struct Section {
    /// A guard of another section is nobody's any more.
    number: u64,
    count: u32,
    /// The last one that was made; after drops in another order than that of nesting perhaps one before it.
    newest: Option<&'static Location<'static>>,
    is_callback: bool,
}

impl Forbidden {
    /// Begins a section; a callback counts as a guard.
    fn begin(&self, is_callback: bool) {
        let number = self.sections.get() + 1;
        self.sections.set(number);
        self.now.set(Section {
            number,
            count: is_callback.into(),
            newest: None,
            is_callback,
        });
    }
}

/// Parking panics on this thread until this is dropped. Made by
/// [`forbid_park`].
///
/// One that is not dropped ends with its routine, and one that was made in a callback that the runtime calls
/// (of a waker, a token, a hook, a placement) ends with that.
#[must_use = "parking is allowed again as soon as the guard is dropped"]
#[derive(Debug)]
pub struct ForbidPark {
    section: u64,
    site: &'static Location<'static>,
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
    FORBIDDEN.with(|forbidden| {
        let now = forbidden.now.get();
        forbidden.now.set(Section {
            count: now.count + 1,
            newest: Some(site),
            ..now
        });
        ForbidPark {
            section: now.number,
            site,
            previous: now.newest.filter(|_| now.count > 0),
            not_send: PhantomData,
        }
    })
}

impl Drop for ForbidPark {
    fn drop(&mut self) {
        FORBIDDEN.with(|forbidden| {
            let now = forbidden.now.get();
            if now.number != self.section {
                return;
            }
            let is_newest = now.newest.is_some_and(|newest| newest == self.site);
            forbidden.now.set(Section {
                count: now.count - 1,
                newest: if is_newest {
                    self.previous.or(now.newest.filter(|_| !now.is_callback))
                } else {
                    now.newest
                },
                ..now
            });
        });
    }
}

/// Runs a callback of the user's on the stack of somebody else, with parks forbidden. What guards it leaves
/// behind end with it; one from outside that it drops, which takes a thread-local, stays.
pub(crate) fn around(callback: impl FnOnce()) {
    struct Restore(Section);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORBIDDEN.with(|forbidden| forbidden.now.set(self.0));
        }
    }
    let _restore = FORBIDDEN.with(|forbidden| {
        let before = forbidden.now.get();
        forbidden.begin(true);
        Restore(before)
    });
    callback();
}

/// Panics if parking is forbidden here.
#[inline]
#[track_caller]
pub(crate) fn check() {
    if is_forbidden() {
        refuse();
    }
}

/// Whether parking is forbidden here.
#[inline]
pub(crate) fn is_forbidden() -> bool {
    FORBIDDEN.with(|forbidden| forbidden.now.get().count > 0)
}

/// The routine that runs here ends, or has to wait whatever it has leaked: guards that it has leaked must not
/// hurt its home-mates.
#[inline]
pub(crate) fn reset() {
    FORBIDDEN.with(|forbidden| {
        if forbidden.now.get().count > 0 {
            forbidden.begin(false);
        }
    });
}

#[cold]
#[track_caller]
fn refuse() -> ! {
    let newest = FORBIDDEN.with(|forbidden| forbidden.now.get().newest);
    match newest {
        Some(site) => panic!(
            "parking is forbidden here: a guard from `forbid_park` at {site} is alive; drop it before \
             blocking, or move the blocking call out of the callback"
        ),
        None => panic!(
            "parking is forbidden here: this runs in a callback (of a token, a waker, a placement, a hook), on the \
             stack of whoever calls it; let it spawn a routine that blocks"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is forbidden, as both who ask are told.
    fn forbidden() -> bool {
        let is_refused = std::panic::catch_unwind(check).is_err();
        assert_eq!(is_refused, is_forbidden());
        is_refused
    }

    #[test]
    fn what_a_callback_leaves_ends_with_it() {
        let mut kept = None;
        around(|| {
            kept = Some(forbid_park());
            std::mem::forget(forbid_park());
            around(|| std::mem::forget(forbid_park()));
            assert!(forbidden());
        });
        assert!(!forbidden());
        let guard = forbid_park();
        around(|| std::mem::forget(forbid_park()));
        drop(kept);
        assert!(forbidden(), "by the guard");
        drop(guard);
        assert!(!forbidden());
    }

    #[test]
    fn a_callback_that_unwinds_leaves_nothing() {
        let thrown = std::panic::catch_unwind(|| {
            around(|| {
                std::mem::forget(forbid_park());
                std::panic::resume_unwind(Box::new(()));
            });
        });
        assert!(thrown.is_err() && !forbidden());
    }

    #[test]
    fn guards_count_in_any_order_and_until_a_reset() {
        let (a, b) = (forbid_park(), forbid_park());
        drop(a);
        assert!(forbidden());
        drop(b);
        assert!(!forbidden());
        let c = forbid_park();
        std::mem::forget(forbid_park());
        drop(c);
        assert!(forbidden());
        let kept = forbid_park();
        reset();
        assert!(!forbidden());
        let d = forbid_park();
        drop(kept);
        assert!(forbidden());
        drop(d);
        assert!(!forbidden());
    }
}
