//! The half of a routine that exists from spawn until its last handle is gone.
//!
//! | field | who |
//! |---|---|
//! | payload (behind the header, typed in `spawn`) | the routine until `ended` is set, then the handle |
//! | `ended` | set once by the routine; the one handle waits for it or abandons it |
//! | `permit` | set by any `Routine`; only the routine itself waits for it |
//! | `refs` | one for the routine and its handle together, one for each `Routine` value |
//! | `reach`, `at` | cancelled by anybody; settled by the routine at home |
//!
//! - I1: the object is freed by whoever takes `refs` to zero, and by nobody else.
//! - I2: the count of the pair goes with the second of the two: the routine sets `ended`, the handle
//!   abandons it or finds it set, and the word of `ended` tells each whether the other has been there.
//!   So neither touches `refs` at its own end, and the handle of a routine that has ended is alone.

use std::any::{Any, TypeId};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use super::home::Home;
use super::locals::Inherited;
use crate::prim::{AtomicU32, Ordering, fence};
use crate::queue::event::Event;
use crate::queue::reach::{At, Reach};
use crate::stack::{Size, Stack};

/// Where a routine starts, and with that, where it lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Place {
    /// Near the one that spawns it; an idle worker may take it before it starts. The default.
    #[default]
    Near,
    /// At the worker with the fewest live routines: for long-lived ones, such as connections.
    Spread,
    /// At the worker that all routines with this key go to: key modulo number of workers, unless the runtime's
    /// [`Placement`](crate::runtime::Placement) decides otherwise. (When the number of workers is changed it may be
    /// another one from then on.) For what shares data: the requests to one shard, the connections of one user.
    /// Keys that have a factor in common with the number of workers, such as addresses or multiples of ten, meet on
    /// few workers: [`Place::key_of`] hashes those, and whatever is no number.
    Key(u64),
    /// On a worker thread of its own, which ends with it: for code that needs a thread to itself
    /// (foreign libraries with thread affinity, long computations). Go: `runtime.LockOSThread`.
    Own,
}

impl Place {
    /// The place of what shares anything that can be hashed: a name, an address, an id. The same for the same value in
    /// all runtimes of a process.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, Builder, Place};
    ///
    /// let home = |user| Builder::new().place(Place::key_of(user)).spawn(routine::worker).unwrap();
    /// assert_eq!(home("ann").join().unwrap(), home("ann").join().unwrap());
    /// ```
    pub fn key_of<K: Hash + ?Sized>(key: &K) -> Place {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Place::Key(hasher.finish())
    }
}

/// Which routines a worker runs first; see [`Builder::priority`](crate::routine::Builder::priority).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Priority {
    /// After all others, but at least every 64th turn of a worker: for work that can wait.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before all others, but at most 7 turns of 8: for what somebody waits for.
    High,
}

/// What few routines have.
pub(crate) struct Extra {
    pub(crate) name: Option<Arc<str>>,
    /// A size of its own, with the stack that was leased for it when it was spawned.
    pub(crate) size: Option<Size>,
    pub(crate) stack: Mutex<Option<Stack>>,
    pub(crate) priority: Priority,
    /// What it has of its spawner's local values, until it starts.
    pub(crate) inherited: Mutex<Option<Inherited>>,
}

/// The operations on the typed part.
pub(crate) struct VTable {
    /// Runs the closure on the routine's stack and ends the routine; never unwinds.
    pub(crate) run: unsafe fn(NonNull<Header>),
    /// Moves the result, once `ended` is set, to where the pointer says: an `Option` of what `join`
    /// returns.
    pub(crate) take: unsafe fn(NonNull<Header>, *mut ()),
    /// Frees the object.
    pub(crate) free: unsafe fn(NonNull<Header>),
    /// For routines of a scope, at the first wait: from now on who cancels the scope finds it.
    pub(crate) enroll: Option<unsafe fn(NonNull<Header>)>,
    /// For routines whose output is `'static`: how `restart` checks and replaces the closure.
    pub(crate) restart: Option<Restart>,
}

/// See [`VTable::restart`].
pub(crate) struct Restart {
    pub(crate) output: fn() -> TypeId,
    /// Puts the new closure, in the box that unwound to the root, where the old one was.
    pub(crate) rearm: unsafe fn(NonNull<Header>, Box<dyn Any + Send>),
}

pub(crate) struct Header {
    vtable: &'static VTable,
    pub(crate) ended: Event,
    pub(crate) permit: Event,
    refs: AtomicU32,
    /// Whether it has been cancelled, and whom to tell.
    reach: Reach,
    at: At<Home>,
    id: u64,
    site: &'static Location<'static>,
    extra: Option<Box<Extra>>,
}

impl Header {
    /// A header with one count, for the routine and its handle (I2).
    pub(crate) fn new(
        vtable: &'static VTable,
        id: u64,
        site: &'static Location<'static>,
        extra: Option<Box<Extra>>,
    ) -> Header {
        Header {
            vtable,
            ended: Event::new(),
            permit: Event::new(),
            refs: AtomicU32::new(1),
            reach: Reach::new(false),
            at: At::nowhere(),
            id,
            site,
            extra,
        }
    }

    #[inline]
    pub(crate) fn vtable(&self) -> &'static VTable {
        self.vtable
    }

    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn site(&self) -> &'static Location<'static> {
        self.site
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.name.as_ref()
    }

    /// The stack that was leased for this routine; the first caller gets it.
    #[inline]
    pub(crate) fn take_own_stack(&self) -> Option<Stack> {
        self.extra.as_ref()?.stack.lock().take()
    }

    /// The priority it was spawned with.
    #[inline]
    pub(crate) fn priority(&self) -> Priority {
        self.extra
            .as_ref()
            .map_or(Priority::Normal, |extra| extra.priority)
    }

    /// The local values it begins with; the first caller gets them.
    #[inline]
    pub(crate) fn take_inherited(&self) -> Option<Inherited> {
        self.extra.as_ref()?.inherited.lock().take()
    }

    /// The size it was given, if it was given one, and where the next lease for it goes.
    pub(crate) fn own_size(&self) -> Option<(Size, &Mutex<Option<Stack>>)> {
        let extra = self.extra.as_ref()?;
        Some((extra.size?, &extra.stack))
    }

    /// Asks the routine to unwind at its next park; whom to tell if it may be parked. With
    /// `panic = "abort"` nothing can unwind, and nothing is cancelled.
    pub(crate) fn cancel(&self) -> Option<(&'static Home, u32)> {
        if cfg!(panic = "abort") {
            return None;
        }
        let (home, slot) = self.reach.cancel(&self.at)?;
        // SAFETY: `settle` is given homes, which are never freed.
        Some((unsafe { home.as_ref() }, slot))
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reach.is_cancelled()
    }

    /// The routine: whether [`settle`](Header::settle) has something to do or to see.
    #[inline]
    pub(crate) fn wants_look(&self) -> bool {
        self.reach.wants_look()
    }

    /// The routine, before a wait: who cancels it tells `home`, where it stands in `slot`. `true` the first time.
    pub(crate) fn settle(&self, home: &'static Home, slot: u32) -> bool {
        self.reach.settle(&self.at, NonNull::from(home), slot)
    }

    /// The routine, about to start elsewhere.
    pub(crate) fn renew(&self) {
        self.reach.renew();
    }
}

/// A counted reference.
pub(crate) struct HeaderRef(NonNull<Header>);

// SAFETY: what a reference reaches is atomic or, like the payload, moves by the rules above, for
// types that are `Send` (a bound of every spawn).
unsafe impl Send for HeaderRef {}
// SAFETY: as above.
unsafe impl Sync for HeaderRef {}

impl HeaderRef {
    /// How many counts there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u32 {
        self.refs.load(Ordering::Relaxed)
    }

    /// # Safety
    /// The caller passes on one count it owns.
    #[inline]
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> HeaderRef {
        HeaderRef(header)
    }

    /// A new count on a header that somebody else keeps alive.
    ///
    /// # Safety
    /// A count is held for the duration of the call.
    pub(crate) unsafe fn share(header: NonNull<Header>) -> HeaderRef {
        // SAFETY: alive by the caller's promise.
        let before = unsafe { header.as_ref() }
            .refs
            .fetch_add(1, Ordering::Relaxed);
        if before > u32::MAX / 2 {
            // As `Arc` does: a count that wraps would free what is in use.
            std::process::abort();
        }
        HeaderRef(header)
    }
}

impl Clone for HeaderRef {
    fn clone(&self) -> Self {
        // SAFETY: we hold a count.
        unsafe { HeaderRef::share(self.0) }
    }
}

impl Deref for HeaderRef {
    type Target = Header;
    #[inline]
    fn deref(&self) -> &Header {
        // SAFETY: we hold a count.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for HeaderRef {
    #[inline]
    fn drop(&mut self) {
        // The only count is ours, and only who holds one can make another: no need to decrement.
        // ORDER: Acquire pairs with the Release decrements of all former holders.
        let is_last = self.refs.load(Ordering::Acquire) == 1
            // ORDER: Release pairs with the Acquire load and fence of whoever frees the object.
            || self.refs.fetch_sub(1, Ordering::Release) == 1;
        if is_last {
            // ORDER: pairs with the Release decrements of all former holders.
            fence(Ordering::Acquire);
            // SAFETY: I1: the last count has gone.
            unsafe { (self.vtable().free)(self.0) };
        }
    }
}

impl HeaderRef {
    /// The header itself, for comparing and for sharing.
    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }
}

impl fmt::Debug for HeaderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routine")
            .field("id", &self.id)
            .field("name", &self.name())
            .finish()
    }
}

/// The right to start a routine that has not started; keeps the pair's count alive (I2).
#[must_use]
pub(crate) struct Fresh(NonNull<Header>);

// SAFETY: the closure behind it is `Send` by the bound of every spawn.
unsafe impl Send for Fresh {}

impl Fresh {
    /// # Safety
    /// The routine has never been started, or has given its stack up to start again; `ended` is not
    /// set.
    pub(crate) unsafe fn new(header: NonNull<Header>) -> Fresh {
        Fresh(header)
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: I2: alive until `ended` is set, which a routine that has not run has not.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    /// Gives up the right, to the routine that runs.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        self.0
    }
}
