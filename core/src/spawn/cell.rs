//! The typed part of a routine: one heap object with the header, the closure and later the result.
//!
//! ```text
//! Closure --start--> Empty --> Returned, Panicked, Cancelled --join or drop--> Empty
//!    ^                 |
//!    '--- restart -----'  (as `Again`)
//! ```
//!
//! - I1: until `ended` is set the payload belongs to the routine (before its start: to the holder of
//!   `Fresh`); from then on to the handle; if the handle was abandoned, to the routine again.
//! - I2: user code - the closure, and destructors of what it leaves behind - runs on the routine's
//!   stack or at the handle's, never on the scheduler's.

use std::alloc::Layout;
use std::any::{Any, TypeId};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::panic::{self, AssertUnwindSafe, Location};
use std::ptr::NonNull;

use super::children::Tie;
use super::error::{JoinError, PanicPayload};
use super::restart::{self, Again};
use crate::control::blocks::{self, Class};
use crate::control::header::Restart;
use crate::control::{Extra, Fresh, Header, HeaderRef, VTable};
use crate::queue::event::Before;
use crate::sched::park::Cancel;
use crate::sched::with_core;
use crate::sched::{hooks, locals};
use crate::sys::unwind::contain;
use crate::wait::{one, shielded};

#[repr(C)]
struct Cell<F, T> {
    header: Header,
    payload: UnsafeCell<Payload<F, T>>,
}

/// That of a routine of a scope. What it borrows goes before the tie.
#[repr(C)]
struct Scoped<F, T> {
    cell: Cell<F, T>,
    /// Until its end the routine's, as the payload.
    tie: UnsafeCell<Option<Tie>>,
}

/// Flat and with boxed rarities, so that it takes 16 bytes for small closures and results: what a
/// million routines hold is memory to be touched, and that is most of what a spawn costs.
enum Payload<F, T> {
    Closure(F),
    Again(Box<Again<T>>),
    Returned(T),
    Panicked(Box<Box<dyn Any + Send>>),
    Cancelled,
    Empty,
}

impl<F, T> Payload<F, T> {
    /// Whether dropping it runs anything, or anybody has to be told of it.
    #[inline]
    fn has_destructor(&self) -> bool {
        match self {
            Payload::Cancelled | Payload::Empty => false,
            Payload::Returned(_) => mem::needs_drop::<T>(),
            _ => true,
        }
    }
}

/// The handle's side of the payload. It does not drop the count it shares with the routine by itself:
/// that takes a look at `ended`, which is the handle's business.
pub(super) struct Output<T> {
    header: NonNull<Header>,
    produces: PhantomData<fn() -> T>,
}

/// Makes a routine: the right to start it, and its handle's side.
pub(super) fn make<F, T>(
    f: F,
    id: u64,
    site: &'static Location<'static>,
    extra: Option<Box<Extra>>,
) -> (Fresh, Output<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let vtable = const {
        &VTable {
            run: run::<F, T>,
            take: take::<F, T>,
            free: free::<Cell<F, T>>,
            enroll: None,
            restart: Some(Restart {
                output: TypeId::of::<T>,
                rearm: rearm::<F, T>,
            }),
        }
    };
    build(f, vtable, id, site, extra)
}

/// As [`make`], for a closure that borrows.
///
/// # Safety
/// What `f` and `T` borrow outlives the routine: the caller waits for its end, whatever happens.
pub(super) unsafe fn make_borrowed<F, T>(
    f: F,
    id: u64,
    site: &'static Location<'static>,
    extra: Option<Box<Extra>>,
) -> (Fresh, Output<T>)
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let vtable = const {
        &VTable {
            run: run::<F, T>,
            take: take::<F, T>,
            free: free::<Cell<F, T>>,
            enroll: None,
            restart: None,
        }
    };
    build(f, vtable, id, site, extra)
}

/// As [`make_borrowed`], for a routine of a scope.
///
/// # Safety
/// What `f` and `T` borrow outlives the scope, and so does `tie`'s end of it; the scope's owner waits for all ties.
pub(super) unsafe fn make_scoped<F, T>(
    f: F,
    tie: Tie,
    id: u64,
    site: &'static Location<'static>,
    extra: Option<Box<Extra>>,
) -> (Fresh, Output<T>)
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let vtable = const {
        &VTable {
            run: run_scoped::<F, T>,
            take: take::<F, T>,
            free: free::<Scoped<F, T>>,
            enroll: Some(enroll::<F, T>),
            restart: None,
        }
    };
    let cell = Cell::<F, T>::new(f, Header::new(vtable, id, site, extra));
    let tie = UnsafeCell::new(Some(tie));
    // SAFETY: a scoped cell begins with a cell, and that with its header.
    unsafe { put(Scoped { cell, tie }) }
}

#[inline]
fn build<F, T>(
    f: F,
    vtable: &'static VTable,
    id: u64,
    site: &'static Location<'static>,
    extra: Option<Box<Extra>>,
) -> (Fresh, Output<T>)
where
    F: Send,
    T: Send,
{
    // SAFETY: a cell begins with its header.
    unsafe { put(Cell::<F, T>::new(f, Header::new(vtable, id, site, extra))) }
}

impl<F, T> Cell<F, T> {
    #[inline]
    fn new(f: F, header: Header) -> Self {
        Cell {
            header,
            payload: UnsafeCell::new(Payload::Closure(f)),
        }
    }
}

/// Puts a cell on the heap.
///
/// # Safety
/// A `C` begins with the header of a routine that produces a `T`.
#[inline]
unsafe fn put<C, T>(cell: C) -> (Fresh, Output<T>) {
    let memory = allocate::<C>();
    // SAFETY: new memory for just this.
    unsafe { memory.write(cell) };
    let header = memory.cast::<Header>();
    let output = Output {
        header,
        produces: PhantomData,
    };
    // SAFETY: it has never been started.
    (unsafe { Fresh::new(header) }, output)
}

/// # Safety
/// `header` is the head of a `Cell<F, T>` that is alive.
unsafe fn payload<'a, F, T>(header: NonNull<Header>) -> &'a UnsafeCell<Payload<F, T>> {
    // SAFETY: the caller's promise; the header is the first field.
    unsafe { &(*header.as_ptr().cast::<Cell<F, T>>()).payload }
}

/// # Safety
/// As [`payload`], and the payload is the caller's (I1).
unsafe fn replace<F, T>(header: NonNull<Header>, with: Payload<F, T>) -> Payload<F, T> {
    // SAFETY: the caller's promise.
    unsafe { mem::replace(&mut *payload::<F, T>(header).get(), with) }
}

/// # Safety
/// As [`payload`], the payload is the caller's (I1), and it is `Empty`.
unsafe fn fill<F, T>(header: NonNull<Header>, with: Payload<F, T>) {
    // SAFETY: the caller's promise; what is overwritten owns nothing.
    unsafe { payload::<F, T>(header).get().write(with) };
}

/// The life of a routine, on its own stack.
///
/// # Safety
/// `header` is the head of a `Cell<F, T>`, and this is the start of its routine.
unsafe fn run<F, T>(header: NonNull<Header>)
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: I1: ours until `ended` is set.
        let start = unsafe { replace::<F, T>(header, Payload::Empty) };
        // SAFETY: alive until `ended` is set.
        let h = unsafe { header.as_ref() };
        if h.is_cancelled() {
            // SAFETY: as above; it is `Empty`.
            return unsafe { give_up::<F, T>(header, start) };
        }
        let output = match start {
            Payload::Closure(f) => f(),
            Payload::Again(f) => f(),
            _ => unreachable!("a routine starts once"),
        };
        // From here, and not from outside of the `catch_unwind`: a large result is moved less often.
        // SAFETY: as above; it is `Empty`.
        unsafe { fill::<F, T>(header, Payload::Returned(output)) };
    }));
    hooks::discard();
    locals::end();
    if let Err(payload) = result {
        // SAFETY: `header` is ours.
        let h = unsafe { header.as_ref() };
        if restart::is_restart(&*payload, h) {
            // SAFETY: the routine gives its stack up.
            return unsafe { restart::again(header, payload) };
        }
        let failure = failure(h, payload);
        // SAFETY: as above; it is `Empty`.
        unsafe { fill::<F, T>(header, failure) };
    }
    with_core(|core| core.expect("a routine runs on a worker").count_out());
    // SAFETY: as above.
    unsafe { end::<F, T>(header, drop) };
}

/// The end of a routine that was cancelled before its start.
///
/// # Safety
/// As [`fill`].
// Out of the way, as `failure`: an unwinding looks through all calls of its frames.
#[cold]
#[inline(never)]
unsafe fn give_up<F, T>(header: NonNull<Header>, start: Payload<F, T>) {
    // Its destructors are not to be cut short by the cancellation that they belong to.
    shielded(|| drop(start));
    // SAFETY: the caller's promise.
    unsafe { fill::<F, T>(header, Payload::Cancelled) };
}

/// What unwound to the root.
#[cold]
#[inline(never)]
fn failure<F, T>(header: &Header, payload: Box<dyn Any + Send>) -> Payload<F, T> {
    if Cancel::is_of(header, &*payload) {
        Payload::Cancelled
    } else {
        Payload::Panicked(Box::new(payload))
    }
}

/// As [`run`], for a routine of a scope: its tie goes when nothing is left of what it borrows.
///
/// # Safety
/// `header` is the head of a `Scoped<F, T>`, and this is the start of its routine.
unsafe fn run_scoped<F, T>(header: NonNull<Header>)
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // SAFETY: alive until `ended` is set.
    let h = unsafe { header.as_ref() };
    // SAFETY: I1: ours until `ended` is set.
    let tied = unsafe { tie::<F, T>(header) }.as_ref();
    if tied.is_some_and(|tie| tie.children().is_cancelled()) {
        // Nobody has to be told: it looks now.
        let _nobody = h.cancel();
    }
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: I1, as above.
        let start = unsafe { replace::<F, T>(header, Payload::Empty) };
        if h.is_cancelled() {
            // SAFETY: as above; it is `Empty`.
            return unsafe { give_up::<F, T>(header, start) };
        }
        let Payload::Closure(f) = start else {
            unreachable!("a routine starts once");
        };
        let output = f();
        // SAFETY: as above; it is `Empty`.
        unsafe { fill::<F, T>(header, Payload::Returned(output)) };
    }));
    hooks::discard();
    locals::end();
    // SAFETY: I1, as above.
    let tie = unsafe { tie::<F, T>(header) }.take();
    let mut tie = tie.expect("a routine of a scope is tied to it until its end");
    if let Err(payload) = result {
        let failure = failure::<F, T>(h, payload);
        if let Payload::Panicked(_) = failure {
            tie.note_failure();
        }
        // SAFETY: as above; it is `Empty`.
        unsafe { fill::<F, T>(header, failure) };
    }
    with_core(|core| core.expect("a routine runs on a worker").count_out());
    tie.strike();
    // SAFETY: as above.
    unsafe {
        end::<F, T>(header, |left| match left {
            Payload::Panicked(payload) => tie.children().note_panic(*payload),
            left => drop(left),
        });
    }
}

/// # Safety
/// `header` is the head of a `Scoped<F, T>` that is alive, and what is in it is the caller's (I1), who has no other
/// reference to it.
unsafe fn tie<'a, F, T>(header: NonNull<Header>) -> &'a mut Option<Tie> {
    // SAFETY: the caller's promise; the header is the first field of the first field.
    unsafe { &mut *(*header.as_ptr().cast::<Scoped<F, T>>()).tie.get() }
}

/// # Safety
/// `header` is the head of a `Scoped<F, T>` whose routine calls this.
unsafe fn enroll<F, T>(header: NonNull<Header>) {
    // SAFETY: I1: it waits, in code that has no reference to the tie. None: it has ended, and drops what is left.
    if let Some(tie) = unsafe { tie::<F, T>(header) } {
        tie.enroll(header);
    }
}

/// The last steps: hands the result over, or has it dropped if nobody wants it.
///
/// # Safety
/// As [`run`]; the routine does not touch its header afterwards.
unsafe fn end<F, T>(header: NonNull<Header>, discard: impl FnOnce(Payload<F, T>)) {
    // The handle may free the header as soon as `ended` is set, so nothing but that word is lent out.
    // SAFETY: alive until then.
    let ended = unsafe { &(*header.as_ptr()).ended };
    // Waking may run a waker: foreign code, on this routine's stack, that may drop the handle and then
    // ask who runs here.
    let mut held = None;
    let before = one::set_seeing(ended, || {
        // SAFETY: `ended` is not set yet.
        held.get_or_insert_with(|| unsafe { HeaderRef::share(header) });
    });
    if let Before::Abandoned = before {
        // SAFETY: I1: abandoned, so the payload is still ours.
        let left = unsafe { replace::<F, T>(header, Payload::Empty) };
        if left.has_destructor() {
            contain(|| shielded(|| discard(left)));
            // What that destructor has left on the thread.
            hooks::discard();
        }
        // SAFETY: the handle went first, so the count of the pair is ours (the header's I2).
        drop(unsafe { HeaderRef::from_raw(header) });
    }
}

/// A routine that found no place never starts: its half of the pair ends here.
pub(super) fn discard(fresh: Fresh) {
    let header = fresh.into_raw();
    // SAFETY: as in `end`.
    if let Before::Abandoned = one::set(unsafe { &(*header.as_ptr()).ended }) {
        // SAFETY: as in `end`; the closure is dropped with the object.
        drop(unsafe { HeaderRef::from_raw(header) });
    }
}

/// # Safety
/// `header` is the head of a `C`, a cell whose last count has gone.
unsafe fn free<C>(header: NonNull<Header>) {
    let cell = header.cast::<C>();
    let _memory = Memory(cell);
    // SAFETY: made by `build`, and nobody refers to it any more.
    unsafe { cell.drop_in_place() };
}

/// Memory for a cell: a block, or from the global allocator if it is too large for one.
#[inline]
fn allocate<C>() -> NonNull<C> {
    match const { Class::of(Layout::new::<C>()) } {
        Some(class) => with_core(|core| match core {
            Some(core) => core.blocks.take(class),
            None => blocks::take_outside(class),
        })
        .cast(),
        None => NonNull::from(Box::leak(Box::<C>::new_uninit())).cast(),
    }
}

/// The memory of a cell that is dropped; freed also if that panics.
struct Memory<C>(NonNull<C>);

impl<C> Drop for Memory<C> {
    #[inline]
    fn drop(&mut self) {
        match const { Class::of(Layout::new::<C>()) } {
            Some(class) => {
                let block = self.0.cast();
                with_core(|core| match core {
                    // SAFETY: from `allocate`, which chose by the same type; dropped.
                    Some(core) => unsafe { core.blocks.put(class, block) },
                    // SAFETY: as above.
                    None => unsafe { blocks::put_outside(class, block) },
                });
            }
            // SAFETY: as above.
            None => drop(unsafe { Box::from_raw(self.0.cast::<MaybeUninit<C>>().as_ptr()) }),
        }
    }
}

/// # Safety
/// `header` is the head of a `Cell<F, T>`, `ended` is set and not abandoned (I1), and `out` points to
/// an `Option<Result<T, JoinError>>`.
unsafe fn take<F, T>(header: NonNull<Header>, out: *mut ()) {
    // SAFETY: the caller's promise.
    let result = match unsafe { replace::<F, T>(header, Payload::Empty) } {
        Payload::Returned(output) => Some(Ok(output)),
        Payload::Panicked(payload) => Some(Err(JoinError::Panicked(PanicPayload::new(*payload)))),
        Payload::Cancelled => Some(Err(JoinError::Cancelled)),
        Payload::Closure(_) | Payload::Again(_) | Payload::Empty => None,
    };
    // SAFETY: as above.
    unsafe { *out.cast::<Option<Result<T, JoinError>>>() = result };
}

/// # Safety
/// `header` is the head of a `Cell<F, T>`; its routine is at its root and has not ended.
unsafe fn rearm<F, T: 'static>(header: NonNull<Header>, again: Box<dyn Any + Send>) {
    let again = restart::closure::<T>(again);
    // SAFETY: I1: ours until `ended` is set; it was `Empty`.
    drop(unsafe { replace::<F, T>(header, Payload::Again(Box::new(again))) });
}

impl<T> Output<T> {
    #[inline]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: the count of the pair lives until `release`.
        unsafe { self.header.as_ref() }
    }

    /// A count of its own.
    pub(super) fn share(&self) -> HeaderRef {
        // SAFETY: as above.
        unsafe { HeaderRef::share(self.header) }
    }

    /// Drops the count of the pair.
    ///
    /// # Safety
    /// `ended` is set, or was before the handle abandoned it; `self` is not used again.
    #[inline]
    pub(super) unsafe fn release(&self) {
        // SAFETY: the routine went first, so the count is the handle's (the header's I2).
        drop(unsafe { HeaderRef::from_raw(self.header) });
    }

    /// The result, once.
    ///
    /// # Safety
    /// `ended` is set, and has not been abandoned.
    pub(super) unsafe fn take(&self) -> Option<Result<T, JoinError>> {
        let mut result: Option<Result<T, JoinError>> = None;
        // SAFETY: the caller's promise; `build` pairs a header with the output of its own type.
        unsafe { (self.header().vtable().take)(self.header, (&raw mut result).cast()) };
        result
    }
}
