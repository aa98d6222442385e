//! Spawning.

use std::io;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cell::{self, Output};
use super::children::{Children, Tie};
use super::handle::JoinHandle;
use crate::control::{Extra, Fresh, Place, Priority};
use crate::sched::core::outside_id;
use crate::sched::placement::Target;
use crate::sched::{Core, Shared, forbid, locals, shared, with_core};
use crate::stack::{Size, Stack};
use crate::sys::unwind::contain;

/// Starts a routine that runs `f`.
///
/// The routine runs on the runtime of the routine that calls this, or, on a plain thread, on the
/// global one, which starts itself. Until it starts, any worker may take it; from its first
/// instruction on it stays on its worker's thread, so `f` may keep `Rc`s, guards and thread-locals
/// over every blocking call.
///
/// **Blocks**: never.
///
/// # Panics
/// If there is no memory or address space for its stack, or the runtime's
/// [`Placement`](crate::runtime::Placement) names a worker that there is not, in the words of the error that
/// [`Builder::spawn`] returns; if the global runtime cannot be started.
///
/// # Go
/// `go f()`.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let sum = routine::spawn(|| (1..=100).sum::<u32>());
/// assert_eq!(sum.join().unwrap(), 5050);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    let placed = with_core(|core| match core {
        Some(core) if core.current().is_some() && !core.is_special() => spawn_here(core, f, site),
        Some(core) if core.current().is_some() => {
            spawn_with(&core.shared, Request::default(), site, |id, extra| {
                cell::make(f, id, site, extra)
            })
        }
        _ => spawn_with(shared::global(), Request::default(), site, |id, extra| {
            cell::make(f, id, site, extra)
        }),
    });
    unwrap(placed)
}

/// The fast path: near, unnamed, default size, from a routine.
#[inline]
fn spawn_here<F, T>(
    core: &Core,
    f: F,
    site: &'static Location<'static>,
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    core.claim_stack()?;
    let (fresh, output) = cell::make(f, core.next_id(), site, None);
    settle(core.place(fresh, Target::Near), output)
}

/// As [`spawn`], on a runtime that the caller names.
#[track_caller]
pub(crate) fn spawn_on<F, T>(shared: &Arc<Shared>, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    unwrap(spawn_request(shared, Request::default(), f))
}

/// As [`Builder::spawn`], on a runtime that the caller names.
#[track_caller]
pub(crate) fn spawn_request<F, T>(
    shared: &Arc<Shared>,
    request: Request,
    f: F,
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let site = Location::caller();
    spawn_with(shared, request, site, |id, extra| {
        cell::make(f, id, site, extra)
    })
}

/// What a routine is given besides its closure.
#[derive(Default)]
pub(crate) struct Request {
    pub(super) name: Option<Arc<str>>,
    pub(super) size: Option<Size>,
    pub(super) place: Place,
    /// Without its spawner's local values.
    pub(super) is_plain: bool,
    pub(super) priority: Priority,
}

/// The general path: `make` builds the routine once its stack is sure.
pub(super) fn spawn_with<T>(
    shared: &Arc<Shared>,
    request: Request,
    _site: &'static Location<'static>,
    make: impl FnOnce(u64, Option<Box<Extra>>) -> (Fresh, Output<T>),
) -> io::Result<JoinHandle<T>> {
    // First: a clone that panics must find nothing to be undone.
    let inherited = match request.is_plain {
        true => None,
        false => locals::inherit(),
    };
    with_core(|core| {
        let near =
            core.filter(|core| core.current().is_some() && Arc::ptr_eq(&core.shared, shared));
        let target = shared.target(request.place, request.name.as_deref(), near)?;
        let size = request.size.filter(|&size| size != shared.config.stack);
        let stack: Option<Stack> = match (size, near) {
            (Some(size), _) => Some(shared.depot.take(size)?),
            (None, Some(core)) => {
                core.claim_stack()?;
                None
            }
            (None, None) => {
                shared.depot.claim(1)?;
                None
            }
        };
        let is_special = request.name.is_some()
            || size.is_some()
            || inherited.is_some()
            || request.priority != Priority::Normal;
        let extra = is_special.then(|| {
            Box::new(Extra {
                name: request.name,
                size,
                stack: Mutex::new(stack),
                priority: request.priority,
                inherited: Mutex::new(inherited),
            })
        });
        if request.priority != Priority::Normal {
            shared.use_ranks();
        }
        let id = near.map_or_else(outside_id, Core::next_id);
        let (fresh, output) = make(id, extra);
        let placed = match near {
            Some(core) => core.place(fresh, target),
            None => shared.place_from_outside(fresh, target),
        };
        if placed.is_err() {
            match output.header().take_own_stack() {
                Some(stack) => shared.depot.put_many([stack].into_iter()),
                None => shared.depot.unclaim(1),
            }
        }
        settle(placed, output)
    })
}

/// The handle, or the error of a routine that found no place and is destroyed here.
#[inline]
fn settle<T>(
    placed: Result<(), (io::Error, Fresh)>,
    output: Output<T>,
) -> io::Result<JoinHandle<T>> {
    let handle = JoinHandle::new(output);
    match placed {
        Ok(()) => Ok(handle),
        Err((error, fresh)) => {
            cell::discard(fresh);
            Err(error)
        }
    }
}

/// Starts a routine of a scope, on the runtime of the routine that calls this or on the global one.
///
/// # Safety
/// The caller is the owner of `children` before its `finish`, or one of them; what `f` and `T` borrow outlives
/// the scope.
#[track_caller]
pub(crate) unsafe fn spawn_scoped<F, T>(
    children: &Children,
    request: Option<Request>,
    f: F,
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let site = Location::caller();
    with_core(|core| {
        let spawner = core.and_then(Core::current);
        let make = |id, extra| {
            // SAFETY: the caller's promise.
            let tie = unsafe { Tie::new(children, spawner) };
            // SAFETY: as above.
            unsafe { cell::make_scoped(f, tie, id, site, extra) }
        };
        match core.filter(|_| spawner.is_some()) {
            // As `spawn_here`.
            Some(core) if request.is_none() && !core.is_special() => {
                core.claim_stack()?;
                let (fresh, output) = make(core.next_id(), None);
                settle(core.place(fresh, Target::Near), output)
            }
            Some(core) => spawn_with(&core.shared, request.unwrap_or_default(), site, make),
            None => spawn_with(shared::global(), request.unwrap_or_default(), site, make),
        }
    })
}

/// Starts a routine whose time has come, where there is nobody to be told of a refusal: without memory
/// for its stack it waits for some, and when the runtime is being shut down, `f` is dropped.
pub(crate) fn spawn_due<F>(shared: &Arc<Shared>, site: &'static Location<'static>, f: F)
where
    F: FnOnce() + Send + 'static,
{
    if shared.depot.claim(1).is_err() {
        shared.depot.claim_unsure();
    }
    let (fresh, output) = cell::make(f, outside_id(), site, None);
    let placed = shared.place_from_outside(fresh, Target::Near);
    if placed.is_err() {
        shared.depot.unclaim(1);
    }
    // What `f` holds may be dropped with it, on the scheduler's stack.
    forbid::around(|| contain(|| drop(settle(placed, output))));
}

#[track_caller]
fn unwrap<T>(placed: io::Result<JoinHandle<T>>) -> JoinHandle<T> {
    match placed {
        Ok(handle) => handle,
        Err(error) => panic!("{error}"),
    }
}

/// Spawns routines with a name, a stack size or a place of their own.
///
/// # Go
/// No counterpart; `Place::Own` stands for `runtime.LockOSThread` as the first statement.
///
/// # Examples
/// ```
/// use rust_routines::routine::{Builder, Place};
///
/// let handle = Builder::new()
///     .name("indexer")
///     .stack_size(1 << 20)
///     .place(Place::Spread)
///     .spawn(|| 1)?;
/// assert_eq!(handle.name(), Some("indexer"));
/// assert_eq!(handle.join().unwrap(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a Builder does nothing until `spawn`"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
    place: Place,
    is_plain: bool,
    priority: Priority,
}

impl Builder {
    /// A builder with the defaults of [`spawn`].
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the routine, for reports.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Gives the routine a stack of at least `bytes` bytes.
    ///
    /// Rounded up so that the stack and its guard of 64 KiB fill a power of two; the default is
    /// 192 KiB (960 KiB in debug builds). All of it is address space only: memory is committed
    /// page by page as it is used.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Decides where the routine starts, and so on which worker it lives.
    pub fn place(mut self, place: Place) -> Builder {
        self.place = place;
        self
    }

    /// Gives the routine a priority: of the routines that could run on a worker, not-started ones included,
    /// those of a higher priority come first.
    ///
    /// None of them starves: of 64 turns in a row at a worker, one at least is that of a low routine if one
    /// waits there, and of 16 one at least that of a normal one. Among those of one priority the order is as
    /// without; not-started ones with a priority start in the order they were spawned. A worker that has
    /// nothing to do takes high ones from the others first, but no worker looks at the others' routines before
    /// it has run its own.
    ///
    /// A priority is a matter of turns, not of time: a routine that runs is not interrupted. It is not handed
    /// on to the routines that it spawns, nor to those that hold what it waits for: locks and channels serve
    /// in the order of coming. The first priority of a runtime makes its workers look at priorities from then
    /// on, for about ten nanoseconds a turn. See also [`set_priority`](crate::routine::set_priority).
    ///
    /// # Go
    /// No counterpart.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{self, Builder, Priority};
    ///
    /// let cleaner = Builder::new().priority(Priority::Low).spawn(routine::priority).unwrap();
    /// assert_eq!(cleaner.join().unwrap(), Priority::Low);
    /// ```
    pub fn priority(mut self, priority: Priority) -> Builder {
        self.priority = priority;
        self
    }

    /// Whether the routine begins with what is `#[inherit]`ed of its spawner's values; see
    /// [`RoutineLocal`](crate::routine::RoutineLocal). The default is `true`.
    pub fn inherit_locals(mut self, inherits: bool) -> Builder {
        self.is_plain = !inherits;
        self
    }

    pub(crate) fn request(self) -> io::Result<Request> {
        Ok(Request {
            name: self.name.map(Into::into),
            size: self.stack_size.map(Size::for_bytes).transpose()?,
            place: self.place,
            is_plain: self.is_plain,
            priority: self.priority,
        })
    }

    /// Starts a routine that runs `f`.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `InvalidInput` for a stack size below 16 KiB or beyond all reason; `OutOfMemory` if there is
    /// no address space for the stack, with what to raise; with `Place::Own`, the error of the
    /// system that refuses another thread; `InvalidInput` if the runtime's
    /// [`Placement`](crate::runtime::Placement) names a worker that there is not; `Other` if the runtime is shut
    /// down. `f` is dropped.
    ///
    /// # Panics
    /// If the global runtime is needed and cannot be started.
    ///
    /// # Go
    /// `go f()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::Builder;
    ///
    /// let refused = Builder::new().stack_size(1).spawn(|| ());
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let request = self.request()?;
        let site = Location::caller();
        let make = |id, extra| cell::make(f, id, site, extra);
        let here = with_core(|core| {
            core.filter(|core| core.current().is_some())
                .map(|core| core.shared.clone())
        });
        match here {
            Some(shared) => spawn_with(&shared, request, site, make),
            None => spawn_with(shared::global(), request, site, make),
        }
    }
}
