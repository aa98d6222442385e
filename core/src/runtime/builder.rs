//! Building a runtime.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Fatal, OnStall, Placement, Runtime, Stall, Topology};
use crate::sched::placement::Hook;
use crate::sched::stall::StallReport;
use crate::sched::{Config, shared};
use crate::stack::Size;
use crate::sys::cpus::Pins;

/// Configures a [`Runtime`].
///
/// # Examples
/// ```
/// use rust_routines::runtime;
///
/// let runtime = runtime::Builder::new().workers(4).stack_size(1 << 20).name("api").build()?;
/// assert_eq!(runtime.metrics().workers.len(), 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a Builder does nothing until `build`"]
pub struct Builder {
    workers: Option<usize>,
    stack_size: Option<usize>,
    name: Option<String>,
    fatal: Option<fn(&Fatal<'_>)>,
    blocking_threads: Option<usize>,
    lookup_threads: Option<usize>,
    on_stall: OnStall,
    stall_report: Option<StallReport>,
    placement: Option<Hook>,
    topology: Option<Topology>,
    pins: Option<Vec<usize>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("stack_size", &self.stack_size)
            .field("name", &self.name)
            .field("blocking_threads", &self.blocking_threads)
            .field("lookup_threads", &self.lookup_threads)
            .field("on_stall", &self.on_stall)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder with the defaults of the global runtime.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How many workers run routines, each on a thread of its own; the default is the number of
    /// CPUs available to the process.
    ///
    /// # Go
    /// `runtime.GOMAXPROCS(n)`.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = Some(workers);
        self
    }

    /// Bytes of stack that a routine has unless its own builder says otherwise; see
    /// [`routine::Builder::stack_size`](crate::routine::Builder::stack_size).
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// The runtime's name: its threads are called `NAME-worker-0` and so on, and `NAME-monitor`. The default is
    /// `routines`.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Most threads for [`routine::blocking`](crate::routine::blocking), at least 1; the default is 128. More
    /// calls than that wait for their turn. See also
    /// [`Runtime::set_blocking_threads`](super::Runtime::set_blocking_threads).
    ///
    /// # Go
    /// `debug.SetMaxThreads`, which ends the program instead.
    pub fn blocking_threads(mut self, most: usize) -> Builder {
        self.blocking_threads = Some(most);
        self
    }

    /// Most threads that look names up, at least 1; the default is 32. More names than that wait for their turn.
    /// They are none of the [`blocking_threads`](Builder::blocking_threads): a server of names that does not
    /// answer keeps nothing waiting but names.
    ///
    /// # Go
    /// No counterpart: Go's resolver has at most 500 threads where it uses the system's.
    pub fn lookup_threads(mut self, most: usize) -> Builder {
        self.lookup_threads = Some(most);
        self
    }

    /// Calls `hook` instead of writing the report when the runtime has to end the process because
    /// a routine's stack has overflowed.
    ///
    /// The hook runs in a signal handler: it may write to a descriptor and end the process, but not
    /// allocate, lock or unwind. When it returns, the process ends by SIGABRT.
    pub fn fatal(mut self, hook: fn(&Fatal<'_>)) -> Builder {
        self.fatal = Some(hook);
        self
    }

    /// What is done about a worker that has run one routine for more than 10 ms; by default another one stands
    /// in for it if something waits that it could run: for workers that are blocked in the kernel as many as
    /// those are, until there are four times the workers that were asked for, and never more than 64 on top of
    /// them; for workers that compute one more in all.
    ///
    /// # Go
    /// No counterpart: Go's monitor takes the processor from a thread in a system call, and ends long slices.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::runtime::{Builder, OnStall};
    ///
    /// let runtime = Builder::new().workers(1).on_stall(OnStall::Report).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_stall(mut self, what: OnStall) -> Builder {
        self.on_stall = what;
        self
    }

    /// Calls `report` for each routine that keeps its worker to itself for more than 10 ms, once, and for probable
    /// self-deadlocks, which are also written to stderr, every ten seconds.
    ///
    /// It runs on the thread of the runtime's monitor: until it returns, nobody looks after workers that are
    /// stuck. It must not park; a panic ends it and nothing else. With the feature `tracing` each report is an
    /// event as well, and with `RUST_ROUTINES_STALL=warn` in the environment they are written to stderr, at most
    /// one a second.
    ///
    /// # Examples
    /// ```
    /// use std::sync::mpsc;
    /// use rust_routines::runtime::{Builder, StallClass};
    ///
    /// let (tx, stalls) = mpsc::channel();
    /// let builder = Builder::new().workers(1);
    /// let runtime = builder.stall_report(move |stall| tx.send(stall.clone()).unwrap()).build()?;
    /// let sleeper = runtime.spawn(|| std::thread::sleep(std::time::Duration::from_millis(100)));
    /// let stall = stalls.recv().unwrap();
    /// assert!(matches!(stall.class, StallClass::SystemCall { .. }));
    /// sleeper.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stall_report(mut self, report: impl Fn(&Stall) + Send + Sync + 'static) -> Builder {
        self.stall_report = Some(Arc::new(report));
        self
    }

    /// Asks `placement` where each new routine starts. By default routines start where their spawner asks for
    /// them to ([`routine::Builder::place`](crate::routine::Builder::place)), near it if it does not say.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine::{Builder, Place};
    /// use rust_routines::runtime::{self, Spawn, Start};
    ///
    /// // Customers with a key below 100 share a worker, the others the rest.
    /// let runtime = runtime::Builder::new()
    ///     .workers(4)
    ///     .placement(|spawn: &Spawn<'_>| match spawn.key() {
    ///         Some(key) if key < 100 => Start::Worker(0),
    ///         Some(key) => Start::Worker(1 + key as usize % (spawn.workers() - 1)),
    ///         None => Start::AsAsked,
    ///     })
    ///     .build()?;
    /// let customer = Builder::new().place(Place::Key(7));
    /// assert_eq!(runtime.spawn_with(customer, || 1)?.join().unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn placement(mut self, placement: impl Placement) -> Builder {
        self.placement = Some(Hook(Arc::new(placement)));
        self
    }

    /// Says which workers are near each other: one that has nothing to do takes routines from the nearest first. By
    /// default the system is asked; on a machine with one memory nothing changes.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::runtime::{Builder, Topology};
    ///
    /// let flat = Builder::new().workers(2).topology(Topology::flat()).build()?;
    /// assert_eq!(flat.run(|| 1), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn topology(mut self, topology: Topology) -> Builder {
        self.topology = Some(topology);
        self
    }

    /// Binds each worker to one of `cpus`, the first worker to the first of them, and so on, in turn if there are
    /// more workers. By default the system moves workers as it likes, which is better unless the machine is the
    /// program's alone.
    ///
    /// Only the numbered workers are bound: threads for blocking work, of `Place::Own`, those that stand in for
    /// stuck workers, and those of other runtimes that a routine builds or uses first are not. A thread that a routine
    /// starts with `std::thread` is, for threads inherit it, and a pool that counts the CPUs there counts one: start
    /// pools before, or in [`routine::blocking`](crate::routine::blocking).
    ///
    /// # Examples
    /// ```
    /// use rust_routines::runtime::Builder;
    ///
    /// let refused = Builder::new().pin_cpus([1_000_000]).build();
    /// assert!(refused.is_err());
    /// ```
    pub fn pin_cpus(mut self, cpus: impl IntoIterator<Item = usize>) -> Builder {
        self.pins = Some(cpus.into_iter().collect());
        self
    }

    /// Starts the workers.
    ///
    /// **Blocks**: never for long.
    ///
    /// # Errors
    /// `InvalidInput` for no workers, blocking threads or threads for names, more than 1,024, a senseless value of
    /// `RUST_ROUTINES_WORKERS` that is asked, a stack below 16 KiB or beyond all reason, a name with a zero byte, a
    /// topology without nodes or with senseless numbers, or CPUs to be bound to that this thread may not use;
    /// `Unsupported` if the system cannot bind threads; the system's error if it refuses a thread.
    ///
    /// # Examples
    /// ```
    /// let refused = rust_routines::runtime::Builder::new().workers(0).build();
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        let workers = self.workers.map_or_else(shared::default_workers, Ok)?;
        check_workers(workers)?;
        let blocking = self.blocking_threads.unwrap_or(shared::BLOCKING);
        let lookups = self.lookup_threads.unwrap_or(shared::LOOKUPS);
        for (most, what) in [
            (blocking, "blocking threads"),
            (lookups, "threads for names"),
        ] {
            if most == 0 {
                return Err(invalid(format!(
                    "a runtime without {what}: allow at least 1"
                )));
            }
        }
        let topology = self.topology.unwrap_or_else(Topology::system);
        topology.check()?;
        let pins = self.pins.map(Pins::new).transpose()?;
        let name = self.name.unwrap_or_else(|| "routines".to_string());
        if name.contains('\0') {
            return Err(invalid(format!(
                "a runtime's name has a zero byte: {name:?}"
            )));
        }
        let stack = self.stack_size.map_or(Ok(Size::DEFAULT), Size::for_bytes)?;
        Runtime::start(Config {
            workers,
            stack,
            name: name.into(),
            fatal: self.fatal,
            blocking,
            lookups,
            on_stall: self.on_stall,
            stall_report: self.stall_report,
            placement: self.placement,
            topology,
            pins,
        })
    }
}

pub(super) fn check_workers(workers: usize) -> io::Result<()> {
    if (1..=shared::MOST_WORKERS).contains(&workers) {
        return Ok(());
    }
    Err(invalid(format!(
        "a runtime of {workers} workers: choose from 1 to {}",
        shared::MOST_WORKERS
    )))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
