//! What is told of a routine that keeps its worker to itself.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// What a runtime does about a worker that has run one routine for more than 10 ms; see
/// [`Builder::on_stall`](crate::runtime::Builder::on_stall).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnStall {
    /// Others stand in for it, as long as something waits that they could run. The default.
    #[default]
    Compensate,
    /// Nothing is done, and stalls are reported; on stderr, if no function was given for it. To see what a program
    /// would be without help, and where the number of workers has to be just what was asked for.
    Report,
    /// The report is written to stderr and the process ends by SIGABRT, unless the routine has a worker of its own
    /// ([`Place::Own`](crate::routine::Place::Own)): for tests that must not block.
    Abort,
}

/// What a stuck routine was found doing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StallClass {
    /// It computes: the thread uses its CPU, or waits for one.
    Computing,
    /// It waits in the kernel.
    SystemCall {
        /// The system's number of the call.
        number: i64,
        /// Its name, if it is one in which programs are often met.
        name: Option<&'static str>,
    },
    /// It waits for a lock, a condition or a thread's token of the operating system.
    Futex {
        /// The word that has to change.
        address: usize,
    },
    /// The thread does not run, and the system does not tell why; a page that is read from a disk, for example.
    Unknown,
}

impl StallClass {
    /// Whether the CPU is free for somebody else.
    pub(super) fn is_blocked(self) -> bool {
        self != StallClass::Computing
    }
}

impl fmt::Display for StallClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StallClass::Computing => f.write_str("computing"),
            StallClass::SystemCall {
                name: Some(name), ..
            } => write!(f, "in the system call {name}"),
            StallClass::SystemCall { number, .. } => write!(f, "in the system call {number}"),
            StallClass::Futex { address } => write!(f, "in a futex at {address:#x}"),
            StallClass::Unknown => f.write_str("blocked"),
        }
    }
}

/// A routine that keeps its worker to itself: handed to the function of
/// [`Builder::stall_report`](crate::runtime::Builder::stall_report).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The routine's number.
    pub routine: u64,
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// Its worker's number, as in [`Metrics::workers`](crate::runtime::Metrics::workers); `None` for one of
    /// [`Place::Own`](crate::routine::Place::Own), with which nobody else lives.
    pub worker: Option<usize>,
    /// How long it has run without parking, at least.
    pub time: Duration,
    /// What it was found doing.
    pub class: StallClass,
    /// Other routines that live at that worker, or are bound to start there, and can go on nowhere else.
    pub stranded: usize,
    /// Whether this is a probable self-deadlock: for more than a second in a futex that perhaps one of the
    /// stranded would have to change.
    pub is_probable_deadlock: bool,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "routine {}", self.routine)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        write!(
            f,
            " [{}], spawned at {}, has kept ",
            self.class, self.spawned_at
        )?;
        match self.worker {
            Some(number) => write!(f, "worker {number}")?,
            None => f.write_str("its own worker")?,
        }
        let (time, s) = (self.time.as_millis(), plural(self.stranded));
        let live = if self.stranded == 1 { "lives" } else { "live" };
        write!(
            f,
            " for {time} ms; {} other routine{s} {live} there",
            self.stranded
        )
    }
}

pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What is called with each stall.
pub(crate) type StallReport = Arc<dyn Fn(&Stall) + Send + Sync>;
