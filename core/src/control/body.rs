//! The half of a routine that exists while it has a stack.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | `context`, `header`, `stack`, `deep`, `wait`, `outcome`, `shield`, `registered`, `arrival`, `timer`, `limit`, `limited`, `wants_look`, `locals`, `priority` | home | home |
//! | `link` | the holder of `Ready` | the queue it is in |
//! | `id`, `site`, `reason`, `low` | home, relaxed; any bits are valid | reports, from anywhere |
//!
//! - I1: from its first instruction until its end a routine is resumed by its home's thread only.
//! - I2: `wait` is set exactly while the routine is suspended in a wait that may be given up; what
//!   it points to lives in the suspended frames, so it is alive as long as I1 keeps them suspended.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::panic::Location;
use std::ptr::{self, NonNull};

use super::header::{Header, Priority};
use super::home::Home;
use super::locals::Locals;
use super::reason::Reason;
use crate::prim::{AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, prefetch};
use crate::queue::Linked;
use crate::stack::Stack;
use crate::switch::{Context, Entry, Span};
use crate::sys::clock::Nanos;

/// How the home gives up a wait of one of its routines: for a time-out or a cancellation.
pub(crate) trait Unlink {
    /// Takes the waiter out of the object it waits on. `false`: it is not there any more, so its
    /// wake is already coming. Called at home, not on the routine's stack.
    fn unlink(&self) -> bool;
}

/// Where the packets of a connection arrive that a routine has taken on, if that is known.
pub(crate) type Arrival = Option<u32>;

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Woken,
    TimedOut,
    Cancelled,
}

#[repr(C, align(64))]
pub(crate) struct Body {
    context: MaybeUninit<Context>,
    link: AtomicPtr<Body>,
    /// About where its stack ended when it was suspended.
    low: AtomicUsize,
    /// Also the way to what stands behind the header, so never narrowed to it.
    header: Cell<NonNull<Header>>,
    home: &'static Home,
    wait: Cell<Option<NonNull<dyn Unlink>>>,
    outcome: Cell<Outcome>,
    reason: AtomicU8,
    last_reason: Cell<Reason>,
    shield: Cell<u32>,
    /// The timer of the present wait, as the scheduler names it.
    timer: Cell<Option<NonZeroU64>>,
    /// When the first `timeout` that it is in is over.
    limit: Cell<Nanos>,
    /// Whether `timer` is set for that.
    limited: Cell<bool>,
    /// Whether the header has to be looked at before a wait; here, so that a wait does not touch that line.
    wants_look: Cell<bool>,
    // Up to here, two cache lines, every wait comes by.
    raised: Cell<bool>,
    named: bool,
    priority: Cell<Priority>,
    registered: Cell<u32>,
    /// See [`Body::note_arrival`].
    arrival: Cell<Option<Arrival>>,
    locals: Locals,
    /// The stack that `with_stack` has moved the routine to, if any.
    deep: Cell<*const Stack>,
    stack: Stack,
    id: AtomicU64,
    site: AtomicPtr<Location<'static>>,
}

/// Fills a body field by field: what others may read of the one that stood there before is stored.
macro_rules! fill {
    ($at:ident, { $($own:ident: $value:expr,)* } seen by others { $($seen:ident: $told:expr,)* }) => {{
        // All of them: a field that is missing does not compile.
        let _all = |Body { $($own: _,)* $($seen: _,)* }: &Body| ();
        $((&raw mut (*$at.as_ptr()).$own).write($value);)*
        $((*$at.as_ptr()).$seen.store($told, Ordering::Relaxed);)*
    }};
}

impl Linked for Body {
    #[inline]
    fn link(&self) -> &AtomicPtr<Body> {
        &self.link
    }
}

/// The right to resume a routine, once; made when it is taken off what it waited on.
#[must_use]
pub(crate) struct Ready(NonNull<Body>);

// SAFETY: `Ready` is passed to the home; holding it allows nothing but writing the link.
unsafe impl Send for Ready {}

impl Ready {
    /// # Safety
    /// The caller has just ended the routine's wait (unlinked its waiter, fired its timer), or the
    /// routine gives itself up (yield), and nobody else can.
    pub(crate) unsafe fn new(body: NonNull<Body>) -> Ready {
        Ready(body)
    }

    #[inline]
    pub(crate) fn into_body(self) -> NonNull<Body> {
        self.0
    }
}

impl Body {
    /// Builds a body at the top of `stack`, ready to be resumed.
    ///
    /// # Safety
    /// `stack` is unused; `entry` does not unwind; the result is used by this thread only (I1).
    #[inline]
    pub(crate) unsafe fn build(
        stack: Stack,
        header: NonNull<Header>,
        home: &'static Home,
        registered: u32,
        entry: Entry,
    ) -> NonNull<Body> {
        let at: NonNull<Body> = stack.at_top(size_of::<Body>()).cast();
        let span = Span {
            base: at.as_ptr().addr(),
            limit: stack.lowest().as_ptr().addr(),
        };
        // SAFETY: the memory is inside the leased stack; the span below it is unused and guarded; the
        // header is alive until its routine sets `ended`.
        unsafe {
            let from = header.as_ref();
            fill!(at, {
                context: MaybeUninit::uninit(),
                link: AtomicPtr::new(ptr::null_mut()),
                header: Cell::new(header),
                home: home,
                wait: Cell::new(None),
                outcome: Cell::new(Outcome::Woken),
                last_reason: Cell::new(Reason::Running),
                shield: Cell::new(0),
                raised: Cell::new(false),
                registered: Cell::new(registered),
                arrival: Cell::new(None),
                timer: Cell::new(None),
                limit: Cell::new(Nanos::MAX),
                limited: Cell::new(false),
                wants_look: Cell::new(true),
                named: from.name().is_some(),
                priority: Cell::new(from.priority()),
                locals: Locals::of(from.take_inherited()),
                deep: Cell::new(ptr::null()),
                stack: stack,
            } seen by others {
                low: at.as_ptr().addr(),
                reason: Reason::Running as u8,
                id: from.id(),
                site: ptr::from_ref(from.site()).cast_mut(),
            });
            let context = (&raw mut (*at.as_ptr()).context).cast();
            Context::start(context, span, entry, at.as_ptr().cast());
        }
        at
    }

    /// Resumes the routine; `true` when it has ended.
    ///
    /// # Safety
    /// Called at home by the holder of its `Ready` (given up), not from a routine.
    #[inline(always)]
    pub(crate) unsafe fn resume(this: NonNull<Body>) -> bool {
        // SAFETY: I1 and the caller's promise; `context` was initialised by `build`.
        unsafe { Context::resume((&raw mut (*this.as_ptr()).context).cast()) }
    }

    /// Asks for the line from which [`prefetch`](Body::prefetch) learns where the stack ends.
    #[inline]
    pub(crate) fn prefetch_first(this: NonNull<Body>) {
        prefetch(this.as_ptr().addr());
    }

    /// It will be resumed next but one: fetches what it will touch first, its own lines and the end of
    /// its stack. With a thousand connections nothing of that is cached, and a tenth of the time went
    /// into waiting for it.
    #[inline]
    pub(crate) fn prefetch(&self) {
        const LINE: usize = 64;
        let low = self.low.load(Ordering::Relaxed);
        let own = ptr::from_ref(self).addr();
        for line in 1..3 {
            prefetch(own + line * LINE);
            prefetch(own - line * LINE);
        }
        for line in 0..5 {
            prefetch(low + line * LINE);
        }
    }

    /// Suspends the routine that runs on this body.
    ///
    /// # Safety
    /// Called on the body's own stack.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self) {
        let here = MaybeUninit::<u64>::uninit();
        self.low.store(here.as_ptr().addr(), Ordering::Relaxed);
        // SAFETY: initialised by `build`; the caller runs on this context.
        unsafe { self.context.assume_init_ref().suspend() };
    }

    /// Takes the lease back from a routine that has ended.
    ///
    /// # Safety
    /// `resume` has returned `true` and nothing refers to the body.
    #[inline]
    pub(crate) unsafe fn take_stack(this: NonNull<Body>) -> Stack {
        // SAFETY: the body is never used again, so this lease is the only one.
        unsafe {
            debug_assert!(
                this.as_ref().locals.has_ended(),
                "values outlive their routine"
            );
            this.as_ref().id.store(0, Ordering::Relaxed);
            this.as_ref().stack.duplicate()
        }
    }

    #[inline]
    pub(crate) fn home(&self) -> &'static Home {
        self.home
    }

    /// The routine's header: alive until the routine sets its `ended`.
    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: only home calls this, between `build` and the routine's end.
        unsafe { self.header.get().as_ref() }
    }

    #[inline]
    pub(crate) fn header_ptr(&self) -> NonNull<Header> {
        self.header.get()
    }

    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn priority(&self) -> Priority {
        self.priority.get()
    }

    pub(crate) fn set_priority(&self, priority: Priority) {
        self.priority.set(priority);
    }

    /// Its local values.
    #[inline]
    pub(crate) fn locals(&self) -> &Locals {
        &self.locals
    }

    /// Whether its home keeps a name for it.
    #[inline]
    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    #[inline]
    pub(crate) fn registered(&self) -> u32 {
        self.registered.get()
    }

    #[inline]
    pub(crate) fn set_reason(&self, reason: Reason) {
        self.reason.store(reason as u8, Ordering::Relaxed);
        if reason.is_wait() {
            self.last_reason.set(reason);
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        Reason::from_u8(self.reason.load(Ordering::Relaxed))
    }

    /// Why it waited last; to yield is not to wait.
    #[inline]
    pub(crate) fn last_reason(&self) -> Reason {
        self.last_reason.get()
    }

    /// It has taken on a connection, whose packets arrive on this CPU if that is known: the next
    /// routine it spawns is likely the handler.
    pub(crate) fn note_arrival(&self, cpu: Arrival) {
        self.arrival.set(Some(cpu));
    }

    /// Once.
    #[inline]
    pub(crate) fn take_arrival(&self) -> Option<Arrival> {
        self.arrival.take()
    }

    /// Whether it has not waited yet, or its home knows that it has been cancelled.
    #[inline]
    pub(crate) fn wants_look(&self) -> bool {
        self.wants_look.get()
    }

    pub(crate) fn set_wants_look(&self, wants: bool) {
        self.wants_look.set(wants);
    }

    /// Enters or leaves a wait that the home may give up.
    #[inline]
    pub(crate) fn set_wait(&self, wait: Option<NonNull<dyn Unlink>>) {
        self.wait.set(wait);
        self.outcome.set(Outcome::Woken);
    }

    /// How the last wait ended.
    #[inline]
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }

    /// Home: tries to end the wait with `outcome`; `None` if it is not in one or is being woken.
    pub(crate) fn give_up(this: NonNull<Body>, outcome: Outcome) -> Option<Ready> {
        // SAFETY: home asks, about a routine that has not ended.
        let body = unsafe { this.as_ref() };
        let wait = body.wait.get()?;
        // SAFETY: I2.
        if !unsafe { wait.as_ref() }.unlink() {
            return None;
        }
        body.wait.set(None);
        body.outcome.set(outcome);
        // SAFETY: unlinked just now, so the right is ours.
        Some(unsafe { Ready::new(this) })
    }

    /// Home, when the timer of the wait is due: tries to end the wait. `None`: it is being woken.
    pub(crate) fn time_out(this: NonNull<Body>) -> Option<Ready> {
        // SAFETY: home asks, about a routine that waits.
        let body = unsafe { this.as_ref() };
        body.timer.set(None);
        let outcome = if body.limited.get() {
            Outcome::Cancelled
        } else {
            Outcome::TimedOut
        };
        Body::give_up(this, outcome)
    }

    /// Notes the timer of a wait, and whether it is that of a `timeout` around it.
    pub(crate) fn set_timer(&self, timer: NonZeroU64, limited: bool) {
        self.timer.set(Some(timer));
        self.limited.set(limited);
    }

    /// The timer of the wait that has ended, unless it has fired.
    #[inline]
    pub(crate) fn take_timer(&self) -> Option<NonZeroU64> {
        self.timer.take()
    }

    /// When the first `timeout` that it is in is over; `Nanos::MAX`: it is in none.
    #[inline]
    pub(crate) fn limit(&self) -> Nanos {
        self.limit.get()
    }

    pub(crate) fn set_limit(&self, limit: Nanos) {
        self.limit.set(limit);
    }

    /// Whether cancellation is held off.
    #[inline]
    pub(crate) fn is_shielded(&self) -> bool {
        self.shield.get() > 0
    }

    /// Whether its cancellation, or the end of its `timeout`, has been raised before; it is now.
    pub(crate) fn note_raise(&self) -> bool {
        self.raised.replace(true)
    }

    /// What was raised has reached the `timeout` it was for.
    pub(crate) fn forget_raise(&self) {
        self.raised.set(false);
    }

    pub(crate) fn add_shield(&self, by: i32) {
        self.shield.set(self.shield.get().wrapping_add_signed(by));
    }

    /// The stack the routine runs on: its own, or the one `with_stack` has given it.
    pub(crate) fn running_stack(&self) -> &Stack {
        // SAFETY: `deep` points into a frame of `with_stack` that is still running.
        unsafe { self.deep.get().as_ref() }.unwrap_or(&self.stack)
    }

    /// Notes that code now runs on `stack`; returns what to put back afterwards.
    pub(crate) fn replace_deep(&self, stack: *const Stack) -> *const Stack {
        self.deep.replace(stack)
    }

    /// For reports from other threads: what is to be seen of a routine that has suspended.
    ///
    /// # Safety
    /// `this` points into memory that was once a body and is still mapped.
    pub(crate) unsafe fn peek_parked(this: NonNull<Body>) -> Option<Peek> {
        let this = this.as_ptr();
        // SAFETY: atomics of mapped memory.
        let peek = unsafe {
            Peek {
                id: (*this).id.load(Ordering::Relaxed),
                site: (*this).site.load(Ordering::Relaxed),
                reason: Reason::from_u8((*this).reason.load(Ordering::Relaxed)),
                low: (*this).low.load(Ordering::Relaxed),
            }
        };
        (peek.id != 0 && peek.reason != Reason::Running && !peek.site.is_null()).then_some(peek)
    }

    /// For reports from other threads: number and spawn site, if it is a routine just now.
    ///
    /// # Safety
    /// `this` points into memory that was once a body and is still mapped.
    pub(crate) unsafe fn peek(this: *const Body) -> Option<(u64, &'static Location<'static>)> {
        // SAFETY: atomics of mapped memory; a torn pair is caught by the second look at the id,
        // and `site` only ever holds pointers to statics or, in memory given back, null.
        unsafe {
            let id = (*this).id.load(Ordering::Relaxed);
            let site = (*this).site.load(Ordering::Relaxed);
            let again = (*this).id.load(Ordering::Relaxed);
            (id != 0 && id == again && !site.is_null()).then(|| (id, &*site))
        }
    }
}

/// See [`Body::peek_parked`].
pub(crate) struct Peek {
    pub(crate) id: u64,
    site: *const Location<'static>,
    pub(crate) reason: Reason,
    /// About where its stack ended when it was suspended.
    pub(crate) low: usize,
}

impl Peek {
    /// Where it was spawned.
    ///
    /// # Safety
    /// It was read of a body that was alive all the time.
    pub(crate) unsafe fn site(&self) -> &'static Location<'static> {
        // SAFETY: a live body's site is a static.
        unsafe { &*self.site }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_body_fit_in_256_bytes() {
        assert!(
            size_of::<Body>() + size_of::<Header>() <= 256,
            "body {} + header {}",
            size_of::<Body>(),
            size_of::<Header>()
        );
    }
}
