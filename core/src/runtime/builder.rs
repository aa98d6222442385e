//! Building a runtime.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Fatal, OnStall, Runtime, Stall};
use crate::sched::stall::StallReport;
use crate::sched::{Config, shared};
use crate::stack::Size;

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
    /// those are, up to four times the workers that were asked for and 64 more; for workers that compute one
    /// more in all.
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

    /// Starts the workers.
    ///
    /// **Blocks**: never for long.
    ///
    /// # Errors
    /// `InvalidInput` for no workers, blocking threads or threads for names, more than 1,024, a senseless value of
    /// `RUST_ROUTINES_WORKERS` that is asked, a stack below 16 KiB or beyond all reason, or a
    /// name with a zero byte; the system's error if it refuses a thread.
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
