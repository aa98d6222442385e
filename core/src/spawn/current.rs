//! What a routine does with itself: its name, its permit, its turn.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::control::{HeaderRef, Outcome, Priority, Reason};
use crate::sched::clock::{self, Nanos};
use crate::sched::park::{give_way, raise_if_due_here};
use crate::sched::{Core, core, limit, with_core};
use crate::wait::one;

/// The number of a routine: unique in this process, in the order of spawning on each worker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(NonZeroU64);

impl Id {
    pub(super) fn new(id: u64) -> Id {
        Id(NonZeroU64::new(id).expect("routines are numbered from one"))
    }

    /// The number itself.
    pub fn as_u64(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A routine, seen from anywhere: from [`current`] or
/// [`JoinHandle::routine`](super::JoinHandle::routine).
#[derive(Clone)]
pub struct Routine {
    header: HeaderRef,
}

impl Routine {
    pub(super) fn new(header: HeaderRef) -> Routine {
        Routine { header }
    }

    /// Lets the routine's present or next [`park`] return.
    ///
    /// A permit is stored, at most one, as with `std::thread::Thread::unpark`. What happens before
    /// `unpark` is visible after the `park` that returns because of it. Does nothing to a routine
    /// that has ended.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// No counterpart in the language; a channel of capacity one does the same.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine;
    ///
    /// let sleeper = routine::spawn(|| routine::park());
    /// sleeper.routine().unpark();
    /// sleeper.join().unwrap();
    /// ```
    pub fn unpark(&self) {
        one::set(&self.header.permit);
    }

    /// The routine's number.
    pub fn id(&self) -> Id {
        Id::new(self.header.id())
    }

    /// The routine's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.header.name().map(|name| &**name)
    }
}

impl fmt::Debug for Routine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)
    }
}

impl PartialEq for Routine {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Routine {}

/// The routine that runs here; `None` on a plain thread.
///
/// **Blocks**: never.
///
/// # Go
/// No counterpart: goroutines have no identity.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// assert!(routine::current().is_none());
/// rust_routines::run(|| assert!(routine::current().is_some()));
/// ```
pub fn current() -> Option<Routine> {
    with_core(|core| {
        let body = core?.current()?;
        // SAFETY: the current routine's body; its header is alive while it runs.
        unsafe { Some(Routine::new(HeaderRef::share(body.as_ref().header_ptr()))) }
    })
}

/// Whether this code runs in a routine (and not on a plain thread).
///
/// **Blocks**: never.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// assert!(!routine::is_routine());
/// assert!(rust_routines::run(routine::is_routine));
/// ```
pub fn is_routine() -> bool {
    with_core(|core| core.is_some_and(|core| core.current().is_some()))
}

/// The priority of the routine that runs here; of a plain thread: `Normal`.
///
/// **Blocks**: never.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::routine::{self, Priority};
///
/// assert_eq!(routine::priority(), Priority::Normal);
/// ```
pub fn priority() -> Priority {
    with_core(|core| core.and_then(Core::current))
        // SAFETY: the current routine's body, on its own thread.
        .map_or(Priority::Normal, |body| unsafe { body.as_ref() }.priority())
}

/// Gives the routine that runs here another priority, from its next wait or yield on.
///
/// See [`Builder::priority`](super::Builder::priority). One that starts again by
/// [`restart`](super::restart()) has the priority that it was spawned with.
///
/// **Blocks**: never.
///
/// # Panics
/// On a plain thread.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::routine::{self, Priority};
///
/// rust_routines::run(|| {
///     routine::set_priority(Priority::High);
///     assert_eq!(routine::priority(), Priority::High);
/// });
/// ```
#[track_caller]
pub fn set_priority(priority: Priority) {
    let is_set = with_core(|core| {
        let core = core?;
        core.set_priority(core.current()?, priority);
        Some(())
    });
    assert!(
        is_set.is_some(),
        "set_priority: called on a plain thread; only routines have priorities"
    );
}

/// The number of the worker that the routine which runs here lives on; `None` on a plain thread and on a worker of
/// [`Place::Own`](crate::routine::Place::Own).
///
/// As a [`Placement`](crate::runtime::Placement) counts them. It never changes for a routine, but with
/// [`restart`](super::restart()).
///
/// **Blocks**: never.
///
/// # Go
/// No counterpart: a goroutine belongs to nobody.
///
/// # Examples
/// ```
/// use rust_routines::routine::{self, Builder, Place};
///
/// assert_eq!(routine::worker(), None);
/// let home = || Builder::new().place(Place::Key(3)).spawn(routine::worker).unwrap();
/// let (one, other) = (home().join().unwrap(), home().join().unwrap());
/// assert!(one.is_some() && one == other);
/// ```
pub fn worker() -> Option<usize> {
    with_core(|core| {
        let core = core.filter(|core| core.current().is_some())?;
        Some(core.number).filter(|&number| number < core.shared.choices())
    })
}

/// Lets the other routines of this worker go first.
///
/// As a rule everything that is ready or newly spawned here runs before this returns; now and then a
/// routine that has yielded comes first, so that none can be held up for ever. One of high priority lets those of
/// its kind go first, and the others as often as their priority says. On a plain thread: `std::thread::yield_now`.
///
/// **Blocks** the routine until its next turn.
///
/// # Panics
/// Under [`forbid_park`](crate::routine::forbid_park).
///
/// # Go
/// `runtime.Gosched()`.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// rust_routines::run(|| {
///     routine::spawn(|| println!("first"));
///     routine::yield_now();
///     println!("second");
/// });
/// ```
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    crate::sched::forbid::check();
    // Without a closure, which would be a frame of its own on the way back to the caller.
    // SAFETY: used here and now.
    if let Some(core) = unsafe { core::core() } {
        if let Some(body) = core.current() {
            return core.yield_now(body);
        }
    }
    give_way();
}

/// Lets the other routines of this worker go first if this one has run for more than 10 ms.
///
/// For loops that compute for long: one load as long as the time slice is not used up, [`yield_now`] when it
/// is. A cancellation, or the end of a [`timeout`](crate::time::timeout), takes effect there as in any wait.
/// Does nothing under [`forbid_park`](crate::routine::forbid_park), while unwinding, and on a plain thread.
///
/// **Blocks** the routine until its next turn, now and then.
///
/// # Go
/// No counterpart: the runtime interrupts a goroutine that has run for 10 ms.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let sum = rust_routines::run(|| {
///     let mut sum = 0_u64;
///     for i in 0..1_000_000 {
///         sum += i * i % 7;
///         routine::checkpoint();
///     }
///     sum
/// });
/// assert!(sum > 0);
/// ```
#[inline]
pub fn checkpoint() {
    // SAFETY: used here and now.
    if let Some(core) = unsafe { core::core() } {
        if core.is_slice_over() {
            end_slice(core);
        }
    }
}

#[cold]
fn end_slice(core: &Core) {
    core.begin_slice();
    if crate::sched::forbid::is_forbidden() || std::thread::panicking() {
        return;
    }
    if let Some(body) = core.current() {
        core.yield_now(body);
    }
}

/// Waits until somebody calls [`Routine::unpark`], or returns at once if that has happened since
/// the last park.
///
/// Never returns without a permit. On a plain thread: `std::thread::park`, which may; when a
/// [`timeout`](crate::time::timeout) around it ends there, it returns, and the next call that waits is ended.
///
/// **Blocks** the routine; on a plain thread, the thread.
///
/// # Panics
/// Under [`forbid_park`](crate::routine::forbid_park), if there is no permit.
///
/// # Go
/// No counterpart in the language; receiving from a channel of capacity one does the same.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// rust_routines::run(|| {
///     let me = routine::current().unwrap();
///     routine::spawn(move || me.unpark());
///     routine::park();
/// });
/// ```
#[track_caller]
pub fn park() {
    park_until(None);
}

/// As [`park`], for at most `timeout`.
///
/// Says nothing about why it returned. On a plain thread: `std::thread::park_timeout`.
///
/// **Blocks** the routine; on a plain thread, the thread.
///
/// # Panics
/// Under [`forbid_park`](crate::routine::forbid_park), if there is no permit.
///
/// # Examples
/// ```
/// use rust_routines::{routine, time::Duration};
///
/// rust_routines::run(|| routine::park_timeout(Duration::from_millis(1)));
/// ```
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    crate::sched::forbid::check();
    if is_routine() {
        park_until(Some(clock::deadline(timeout)));
    } else {
        park_thread(Some(timeout));
    }
}

/// It may return for nothing, so what a limit ends is raised by the next call.
fn park_thread(timeout: Option<Duration>) {
    raise_if_due_here();
    let limit = limit::on_thread().map(clock::until);
    match timeout.into_iter().chain(limit).min() {
        Some(longest) => std::thread::park_timeout(longest),
        None => std::thread::park(),
    }
}

#[track_caller]
fn park_until(deadline: Option<Nanos>) {
    let Some(body) = with_core(|core| core.and_then(Core::current)) else {
        crate::sched::forbid::check();
        return park_thread(None);
    };
    // SAFETY: the current routine's body and header, alive while it runs.
    let permit = unsafe { &body.as_ref().header_ptr().as_ref().permit };
    if one::wait(permit, Reason::Park, deadline) == Outcome::Woken {
        // Set: stored before, or by the one that woke us.
        let taken = permit.take();
        debug_assert!(taken);
    }
}
