//! The routines of a scope: who they are, how many live, what they have panicked with.
//!
//! - I1: it stands in the frame of the scope's owner. `live` counts the children, each from before it can run
//!   until everything it holds has been dropped, and one for the owner. The owner leaves the frame after it
//!   has taken `live` to zero itself, or has seen `over`, which whoever takes it to zero then sets, as
//!   its last access.
//! - I2: a header in the roll is alive: a child strikes itself off before it sets `ended`.

use std::any::Any;
use std::ptr::NonNull;

use crate::control::{Header, HeaderRef, Outcome, Reason};
use crate::prim::{AtomicUsize, Ordering, SpinLock};
use crate::queue::event::Event;
use crate::queue::slots::Slots;
use crate::sched::{abort, forbid};
use crate::sys::unwind::Bomb;
use crate::wait::{one, shielded};

pub(crate) struct Children {
    live: AtomicUsize,
    over: Event,
    roll: SpinLock<Roll>,
    /// Whether a panic of one cancels the others.
    fails_fast: bool,
    /// The first panic that nobody has joined.
    panic: SpinLock<Option<Box<dyn Any + Send>>>,
}

#[derive(Default)]
struct Roll {
    headers: Slots<NonNull<Header>>,
    is_cancelled: bool,
}

// SAFETY: I2: the headers in the roll are alive, and `Sync`.
unsafe impl Send for Roll {}

/// Children that are cancelled between two holds of the lock.
const BATCH: usize = 32;

impl Children {
    pub(crate) fn new(fails_fast: bool) -> Children {
        Children {
            live: AtomicUsize::new(1),
            over: Event::new(),
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
            let mut roll = self.roll.lock();
            roll.is_cancelled = true;
            let end = roll.headers.end();
            while from < end && batch.len() < BATCH {
                if let Some(header) = roll.headers.get(from) {
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
        self.roll.lock().is_cancelled
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
        // ORDER: Acquire pairs with the Release in `Tie::drop`: what the children did is seen here.
        if self.live.fetch_sub(1, Ordering::AcqRel) == 1 {
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
    /// The caller is the owner before its `finish`, or a child; so `children` is there, and will be for as long
    /// as the tie lives (I1).
    pub(super) unsafe fn new(children: &Children) -> Tie {
        children.live.fetch_add(1, Ordering::Relaxed);
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

    /// Enters it into the roll; one of a scope that is cancelled already begins so.
    pub(super) fn enroll(&mut self, header: NonNull<Header>) {
        // SAFETY: I1; not `children`, which would borrow `self`.
        let mut roll = unsafe { self.children.as_ref() }.roll.lock();
        let slot = roll.headers.reserve();
        roll.headers.set(slot, header);
        self.slot = Some(slot);
        if roll.is_cancelled {
            // SAFETY: made just now by the caller; nobody has to be told, for it has not started.
            let _nobody = unsafe { header.as_ref() }.cancel();
        }
    }

    /// Strikes it off the roll: nobody cancels it any more.
    pub(super) fn strike(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.children().roll.lock().headers.release(slot);
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
        // ORDER: Release pairs with the Acquire in `finish`, or with that of the last child, which
        // passes it on through `over`.
        if children.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            one::set(&children.over);
        }
    }
}
