//! Runtimes: a set of workers, and how it is built, watched and ended.
//!
//! Most programs never name one: [`spawn`](crate::routine::spawn), [`run`] and
//! `#[rust_routines::main]` use the global runtime, which starts itself. Several runtimes can stand
//! side by side, each with its own workers.

mod builder;

pub use crate::sched::metrics::{BlockingMetrics, Metrics, StallMetrics, WorkerMetrics};
pub use crate::sched::overflow::Fatal;
pub use crate::sched::placement::{Placement, Spawn, Start};
pub use crate::sched::stall::{OnStall, Stall, StallClass};
pub use crate::sched::topology::Topology;
pub use crate::sched::worker::WorkerState;
pub use builder::Builder;

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::sched::{Shared, shared, with_core};
use crate::spawn::{JoinHandle, borrowed, spawn_on, spawn_request};

/// How long a dropped runtime waits for its routines to unwind; with `panic = "abort"` they cannot.
const PATIENCE: Duration = Duration::from_millis(if cfg!(panic = "abort") { 100 } else { 10_000 });
/// How long workers have to say what lives with them, once a shutdown has timed out.
const ANSWER: Duration = Duration::from_millis(200);

/// A set of workers with routines of its own.
///
/// Dropping it shuts it down: every routine that lives is cancelled - unwound at its home, its
/// destructors run - and the drop waits until all have ended, up to ten seconds; what has not ended
/// by then is named on stderr and abandoned: its stack and its worker's thread are leaked.
///
/// # Panics
/// Dropping a runtime from one of its own routines panics (it would wait for itself): move it to
/// the thread or routine that made it, or let `run` return first. The runtime is gone all the same:
/// its routines are cancelled, and its threads end when they have.
///
/// # Go
/// No counterpart: a Go process has one runtime.
///
/// # Examples
/// ```
/// use rust_routines::runtime;
///
/// let runtime = runtime::Builder::new().workers(2).name("jobs").build()?;
/// let sum: u32 = runtime.run(|| (1..=10).sum());
/// assert_eq!(sum, 55);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    shared: Arc<Shared>,
}

/// A shutdown's time-out has passed and these routines have not ended: they are abandoned.
#[derive(Clone, PartialEq, Eq)]
pub struct Stuck {
    routines: Vec<String>,
    not_started: usize,
}

impl Stuck {
    /// One line for each that has started: number, name, what it waits for, where it was spawned.
    ///
    /// With one that keeps its worker to itself all others that live there, which cannot unwind.
    pub fn routines(&self) -> &[String] {
        &self.routines
    }

    /// How many have not started, for there is no worker that could drop their closures.
    pub fn not_started(&self) -> usize {
        self.not_started
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.routines.len() + self.not_started;
        if count == 0 {
            return f.write_str("a worker's thread did not end in time: abandoned");
        }
        let s = if count == 1 { "" } else { "s" };
        write!(f, "{count} routine{s} did not end in time: abandoned")?;
        self.routines
            .iter()
            .try_for_each(|routine| write!(f, "\n  {routine}"))?;
        match self.not_started {
            0 => Ok(()),
            count => write!(f, "\n  and {count} that had not started"),
        }
    }
}

impl fmt::Debug for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Stuck {}

/// The global runtime; it starts itself on first use and lives as long as the process.
///
/// Its workers are as many as `RUST_ROUTINES_WORKERS` says, or as CPUs are available to the process
/// by affinity and cgroup quota.
///
/// # Panics
/// If it cannot be started, or `RUST_ROUTINES_WORKERS` makes no sense.
///
/// # Go
/// The runtime; `GOMAXPROCS` is the number of workers.
///
/// # Examples
/// ```
/// let workers = rust_routines::runtime::global().metrics().workers.len();
/// assert!(workers >= 1);
/// ```
pub fn global() -> &'static Runtime {
    // Never dropped: a static's destructor does not run.
    static GLOBAL: OnceLock<Runtime> = OnceLock::new();
    GLOBAL.get_or_init(|| Runtime {
        shared: shared::global().clone(),
    })
}

/// Runs `f` as a routine of the global runtime, with a stack of 64 MiB, and returns what it returns.
///
/// `f` may borrow from the caller, which waits. When it has returned, other routines go on until the
/// process ends.
///
/// **Blocks** the calling thread; from a routine, the routine.
///
/// # Panics
/// Rethrows the panic of `f`. If the global runtime cannot be started; under
/// [`forbid_park`](crate::routine::forbid_park).
///
/// # Go
/// `func main`.
///
/// # Examples
/// ```
/// use rust_routines::routine;
///
/// let words = ["one", "two"];
/// let total = rust_routines::run(|| {
///     let other = routine::spawn(|| 1);
///     words.len() + other.join().unwrap()
/// });
/// assert_eq!(total, 3);
/// ```
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    global().run(f)
}

impl Runtime {
    pub(crate) fn start(config: crate::sched::Config) -> io::Result<Runtime> {
        Ok(Runtime {
            shared: Shared::start(config)?,
        })
    }

    /// Starts a routine on this runtime.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// As [`routine::spawn`](crate::routine::spawn); and after a shutdown.
    ///
    /// # Go
    /// `go f()`.
    ///
    /// # Examples
    /// ```
    /// let runtime = rust_routines::runtime::Builder::new().workers(1).build()?;
    /// assert_eq!(runtime.spawn(|| 1 + 1).join().unwrap(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn_on(&self.shared, f)
    }

    /// Starts a routine on this runtime, with what `builder` says.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// As [`routine::Builder::spawn`](crate::routine::Builder::spawn).
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, runtime};
    ///
    /// let runtime = runtime::Builder::new().workers(1).build()?;
    /// let handle = runtime.spawn_with(routine::Builder::new().name("one"), || 1)?;
    /// assert_eq!(handle.join().unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<F, T>(
        &self,
        builder: crate::spawn::Builder,
        f: F,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn_request(&self.shared, builder.request()?, f)
    }

    /// Runs `f` as a routine of this runtime, with a stack of 64 MiB, and returns what it returns.
    ///
    /// `f` may borrow from the caller, which waits. Other routines go on when it has returned.
    ///
    /// **Blocks** the calling thread; from a routine, the routine.
    ///
    /// # Panics
    /// Rethrows the panic of `f`. If the runtime is shut down meanwhile; under
    /// [`forbid_park`](crate::routine::forbid_park); without address space for the stack; if the runtime's
    /// [`Placement`] names a worker that there is not.
    ///
    /// # Go
    /// `func main`.
    ///
    /// # Examples
    /// ```
    /// let runtime = rust_routines::runtime::Builder::new().workers(1).build()?;
    /// let mut words = vec!["a"];
    /// runtime.run(|| words.push("b"));
    /// assert_eq!(words, ["a", "b"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        borrowed::run(&self.shared, f)
    }

    /// A snapshot of the runtime's counters.
    ///
    /// **Blocks**: never for long.
    ///
    /// # Go
    /// `runtime.NumGoroutine()` and `runtime/metrics`.
    ///
    /// # Examples
    /// ```
    /// let runtime = rust_routines::runtime::Builder::new().workers(2).build()?;
    /// runtime.run(|| ());
    /// let metrics = runtime.metrics();
    /// assert_eq!(metrics.workers.len(), 2);
    /// assert_eq!(metrics.spawned, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// Most threads for [`routine::blocking`](crate::routine::blocking) from now on; 0 counts as 1. More of them
    /// start at once if calls wait; those that are too many go when their calls have returned.
    ///
    /// **Blocks**: never.
    ///
    /// # Examples
    /// ```
    /// let runtime = rust_routines::runtime::Builder::new().workers(1).build()?;
    /// runtime.set_blocking_threads(512);
    /// assert_eq!(runtime.metrics().blocking.most_threads, 512);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_blocking_threads(&self, most: usize) {
        self.shared.pool.set_cap(most);
    }

    /// How many workers run routines from now on.
    ///
    /// More start at once. Of those that are too many each goes on with the routines that live there, starts
    /// none, and ends with the last of them; they are the first to be taken when there are to be more again.
    /// Timers, sockets and locks of such routines work on.
    ///
    /// **Blocks**: never for long.
    ///
    /// # Errors
    /// `InvalidInput` for none or more than 1,024; the system's error if it refuses a thread: then there are
    /// as many as there could be; after a shutdown.
    ///
    /// # Go
    /// `runtime.GOMAXPROCS(n)`, which stops the world for it.
    ///
    /// # Examples
    /// ```
    /// let runtime = rust_routines::runtime::Builder::new().workers(1).build()?;
    /// runtime.set_workers(3)?;
    /// assert_eq!(runtime.metrics().active, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_workers(&self, workers: usize) -> io::Result<()> {
        builder::check_workers(workers)?;
        self.shared.set_workers(workers)
    }

    /// Ends the runtime: cancels every routine and waits until all have ended.
    ///
    /// A cancelled routine unwinds at its next park: destructors run, locks are released, `join`
    /// returns [`JoinError::Cancelled`](crate::routine::JoinError). Routines that have not started
    /// drop their closure. Destructors may still park.
    ///
    /// **Blocks** the calling thread (a routine of another runtime: that routine) for at most
    /// `timeout`, and up to 200 ms more to ask what is stuck; a thread, but not a routine, also waits for the destructors of thread-locals on the
    /// workers' threads.
    ///
    /// # Errors
    /// [`Stuck`] names what has not ended in time. It is abandoned: its stack and its worker's
    /// thread are leaked, never freed; should it end one day, the thread ends too. With
    /// `panic = "abort"` nothing can be unwound: what does not end by itself is abandoned.
    ///
    /// # Panics
    /// From one of the runtime's own routines, which would wait for itself.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, runtime, time::Duration};
    ///
    /// let runtime = runtime::Builder::new().workers(1).build()?;
    /// let parked = runtime.spawn(|| routine::park());
    /// runtime.shutdown(Duration::from_secs(5)).unwrap();
    /// assert!(matches!(parked.join(), Err(routine::JoinError::Cancelled)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(self, timeout: Duration) -> Result<(), Stuck> {
        self.refuse_from_within();
        // The drop would shut down once more.
        let this = ManuallyDrop::new(self);
        // SAFETY: read once; `this` is not used again.
        let shared = unsafe { std::ptr::read(&this.shared) };
        stop(&shared, timeout)
    }

    /// Panics if the caller is a routine of this runtime.
    fn refuse_from_within(&self) {
        if self.is_own_routine() {
            self.shared.begin_stop();
            panic!(
                "a Runtime cannot be shut down or dropped by one of its own routines, it would \
                 wait for itself: move it out of the routine, to the thread that made it, or let \
                 `run` return first"
            );
        }
    }

    fn is_own_routine(&self) -> bool {
        with_core(|core| core.is_some_and(|core| Arc::ptr_eq(&core.shared, &self.shared)))
    }
}

/// Ends a runtime; see [`Runtime::shutdown`].
fn stop(shared: &Arc<Shared>, timeout: Duration) -> Result<(), Stuck> {
    let deadline = Instant::now().checked_add(timeout);
    shared.begin_stop();
    if wait_until_left(shared, deadline) {
        return Ok(());
    }
    let (routines, not_started) = shared.collect_stuck(Instant::now() + ANSWER);
    // Without routines it is a matter of time until the threads have gone.
    let is_over = routines.is_empty() && not_started == 0;
    let more = is_over.then(|| Instant::now() + ANSWER);
    if shared.have_left() || more.is_some_and(|more| wait_until_left(shared, Some(more))) {
        return Ok(());
    }
    Err(Stuck {
        routines,
        not_started,
    })
}

/// Waits for the workers' threads: a thread sleeps, a routine of another runtime looks now and then.
fn wait_until_left(shared: &Arc<Shared>, deadline: Option<Instant>) -> bool {
    if !crate::spawn::is_routine() {
        return shared.wait_until_left(deadline);
    }
    let mut pause = Duration::from_micros(100);
    loop {
        if shared.have_left() {
            return true;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        crate::time::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if std::thread::panicking() && self.is_own_routine() {
            // A second panic would abort; the workers end by themselves when the routines have.
            return self.shared.begin_stop();
        }
        self.refuse_from_within();
        if let Err(stuck) = stop(&self.shared, PATIENCE) {
            eprintln!(
                "rust-routines: dropped runtime {:?}: {stuck}",
                self.shared.config.name
            );
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("name", &self.shared.config.name)
            .field("workers", &self.shared.roster.active_count())
            .finish()
    }
}
