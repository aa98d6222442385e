//! The routines of a scope: who they are, how many live, what they have panicked with.
//!
//! Most children never wait, and cost the scope no lock: only who waits, or looks whether it is cancelled, enters
//! the roll, once, from where a cancellation finds it. Those who have not looked yet see the flag when they do.
//!
//! - I1: it stands in the frame of the scope's owner. `live` counts the children, each from before it can run
//!   until everything it holds has been dropped. The owner leaves the frame after it has found nobody left when it
//!   closed the count, or has seen `over`, which whoever leaves last then sets, as its last access.
//! - I2: a header in the roll is alive: a child strikes itself off before it sets `ended`.
//! - I3: who enters the roll sees the flag, or is found in the roll by the one who has set it: both under the lock.

use std::any::Any;
use std::ptr::NonNull;

use crate::control::{Body, Header, HeaderRef, Outcome, Reason};
use crate::prim::{AtomicBool, Ordering, SpinLock};
use crate::queue::event::Event;
use crate::queue::slots::Slots;
use crate::queue::tally::Tally;
use crate::sched::core::Core;
use crate::sched::{abort, forbid, with_core};
use crate::sys::unwind::Bomb;
use crate::wait::{one, shielded};

pub(crate) struct Children {
    live: Tally,
    over: Event,
    /// The routine whose frame this is; on a plain thread nobody.
    owner: Option<NonNull<Body>>,
    /// Changed under the lock of the roll.
    is_cancelled: AtomicBool,
    /// Those who have waited.
    roll: SpinLock<Roll>,
    /// Whether a panic of one cancels the others.
    fails_fast: bool,
    /// The first panic that nobody has joined.
    panic: SpinLock<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `owner` is compared, and leads nowhere.
unsafe impl Send for Children {}
// SAFETY: as above.
unsafe impl Sync for Children {}

/// Whom to tell of a cancellation.
#[derive(Default)]
struct Roll(Slots<NonNull<Header>>);

// SAFETY: I2: the headers in the roll are alive, and `Sync`.
unsafe impl Send for Roll {}

/// Children that are cancelled between two holds of the lock.
const BATCH: usize = 32;

impl Children {
    pub(crate) fn new(fails_fast: bool) -> Children {
        Children {
            live: Tally::new(),
            over: Event::new(),
            owner: with_core(|core| core.and_then(Core::current)),
            is_cancelled: AtomicBool::new(false),
            roll: SpinLock::new(Roll::default()),
            fails_fast,
            panic: SpinLock::new(None),
        }
    }

    /// Cancels all children, also those to come.
    pub(crate) fn cancel(&self) {
        let mut from = 0;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let roll = self.roll.lock();
            self.is_cancelled.store(true, Ordering::Relaxed);
            let end = roll.0.end();
            while from < end && batch.len() < BATCH {
                if let Some(header) = roll.0.get(from) {
                    // SAFETY: I2, under the lock.
                    batch.push(unsafe { HeaderRef::share(header) });
                }
                from += 1;
            }
            drop(roll);
            if batch.is_empty() {
                return;
            }
            for header in batch.drain(..) {
                // SAFETY: a count of our own.
                unsafe { abort::abort(header.as_ptr()) };
            }
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Notes a panic that nobody joins; one that comes later is dropped.
    pub(crate) fn note_panic(&self, payload: Box<dyn Any + Send>) {
        let mut first = self.panic.lock();
        if first.is_none() {
            *first = Some(payload);
            return;
        }
        drop(first);
        // The destructor of a payload is anybody's code.
        crate::sys::unwind::contain(|| drop(payload));
    }

    /// After the end: the first panic that nobody has joined.
    pub(crate) fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic.lock().take()
    }

    /// The owner, once: waits until all children have ended; `Cancelled` if it was cancelled meanwhile, and so
    /// were they. Does not unwind.
    pub(crate) fn finish(&self) -> Outcome {
        // A guard that the body has leaked or hid must not keep the owner from its children; and whether it goes
        // on to forbid must not depend on who is faster.
        forbid::reset();
        if self.live.close() {
            return Outcome::Woken;
        }
        let bomb = Bomb("the wait at the end of a scope panicked");
        let outcome = one::wait_unraised(&self.over, Reason::Scope);
        if outcome == Outcome::Cancelled {
            self.cancel();
            shielded(|| one::wait_unraised(&self.over, Reason::Scope));
        }
        bomb.defuse();
        outcome
    }
}

/// What ties a routine to its scope; its drop is the routine's leave.
pub(super) struct Tie {
    children: NonNull<Children>,
    slot: Option<u32>,
}

// SAFETY: `Children` is `Sync`, and stays for as long as there are ties (I1).
unsafe impl Send for Tie {}

impl Tie {
    /// # Safety
    /// The caller, `spawner` if it is a routine, is the owner before its `finish`, or a child; so `children` is there,
    /// and will be for as long as the tie lives (I1).
    #[inline]
    pub(super) unsafe fn new(children: &Children, spawner: Option<NonNull<Body>>) -> Tie {
        if spawner.is_some() && spawner == children.owner {
            children.live.enter_own();
        } else {
            children.live.enter();
        }
        Tie {
            children: NonNull::from(children),
            slot: None,
        }
    }

    #[inline]
    pub(super) fn children(&self) -> &Children {
        // SAFETY: I1.
        unsafe { self.children.as_ref() }
    }

    /// Before its first wait: from now on whoever cancels the scope finds it.
    pub(super) fn enroll(&mut self, header: NonNull<Header>) {
        // SAFETY: I1; not `children`, which would borrow `self`.
        let children = unsafe { self.children.as_ref() };
        let mut roll = children.roll.lock();
        let slot = roll.0.reserve();
        roll.0.set(slot, header);
        self.slot = Some(slot);
        if children.is_cancelled() {
            // SAFETY: the caller's own; nobody has to be told, for it looks next.
            let _nobody = unsafe { header.as_ref() }.cancel();
        }
    }

    /// Strikes it off the roll: nobody cancels it any more.
    #[inline]
    pub(super) fn strike(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.children().roll.lock().0.release(slot);
        }
    }

    /// It has panicked.
    pub(super) fn note_failure(&self) {
        if self.children().fails_fast {
            self.children().cancel();
        }
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        self.strike();
        let children = self.children();
        if children.live.leave() {
            one::set(&children.over);
        }
    }
}
