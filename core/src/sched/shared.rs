//! What the workers of one runtime have in common.

use std::io;
use std::sync::{Arc, OnceLock};

use crossbeam_deque::Injector;
use parking_lot::{Condvar, Mutex};

use super::idle::Idle;
use super::monitor::Monitor;
use super::overflow::FatalHook;
use super::placement::Hook;
use super::rank::RankedQueue;
use super::roster::Roster;
use super::staff::{MOST_EXTRA, Staff};
use super::stall::{OnStall, StallReport};
use super::topology::Topology;
use super::watch::Watch;
use super::worker::Worker;
use crate::control::Fresh;
use crate::driver::pool::{self, Pool};
use crate::prim::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, CachePadded, Ordering};
use crate::stack::Size;
use crate::stack::depot::Depot;
use crate::sys::cpus::{self, Pins};

/// How a runtime is built.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) stack: Size,
    pub(crate) name: Arc<str>,
    pub(crate) fatal: Option<FatalHook>,
    /// Most threads for work that blocks.
    pub(crate) blocking: usize,
    /// Most threads that look names up.
    pub(crate) lookups: usize,
    pub(crate) on_stall: OnStall,
    pub(crate) stall_report: Option<StallReport>,
    pub(crate) placement: Option<Hook>,
    pub(crate) topology: Topology,
    pub(crate) pins: Option<Pins>,
}

/// Most threads for work that blocks, unless a runtime's builder says otherwise.
pub(crate) const BLOCKING: usize = 128;

/// Most threads that look names up, unless a runtime's builder says otherwise. Far more than servers of names
/// are asked at once when they answer; when they do not, as many names wait for each other.
pub(crate) const LOOKUPS: usize = 32;

/// Where a runtime stands; only ever moves forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    Running,
    /// Routines are being cancelled; nothing new from outside.
    Stopping,
    /// The time-out has passed: each worker says what still lives with it.
    Reporting,
    /// Nothing lives any more: workers end.
    Stopped,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) roster: Roster,
    pub(crate) idle: CachePadded<Idle>,
    /// What was spawned outside of the workers, or could not be started yet.
    pub(crate) injector: CachePadded<Injector<Fresh>>,
    /// As `injector`, for routines that have a priority.
    pub(crate) ranks: CachePadded<RankedQueue>,
    /// Whether a routine of this runtime has ever had a priority.
    has_ranks: AtomicBool,
    /// How many workers keys and placements choose from: those that were asked for.
    pub(super) choices: AtomicUsize,
    /// Spawns from outside, and those among them that were refused.
    pub(crate) outside: CachePadded<Outside>,
    pub(crate) depot: Arc<Depot>,
    /// When a sleeping worker will look at the alarms of the others (see `alarms`).
    pub(super) watch: CachePadded<Watch>,
    /// Threads for work that blocks.
    pub(crate) pool: Arc<Pool>,
    /// Threads that look names up.
    pub(crate) lookups: Arc<Pool>,
    /// CPUs there were at the start.
    cpus: usize,
    phase: AtomicU8,
    pub(super) monitor: CachePadded<Monitor>,
    pub(crate) staff: Mutex<Staff>,
    /// Signalled when a worker's thread has left its loop or added to the report.
    pub(crate) changed: Condvar,
}

/// The global runtime: started by the first use of it.
///
/// # Panics
/// If it cannot be started: no threads, or a value of `RUST_ROUTINES_WORKERS` that makes no sense.
pub(crate) fn global() -> &'static Arc<Shared> {
    static GLOBAL: OnceLock<Arc<Shared>> = OnceLock::new();
    GLOBAL.get_or_init(|| {
        default_workers()
            .and_then(|workers| {
                Shared::start(Config {
                    workers,
                    stack: Size::DEFAULT,
                    name: "routines".into(),
                    fatal: None,
                    blocking: BLOCKING,
                    on_stall: OnStall::default(),
                    stall_report: None,
                    lookups: LOOKUPS,
                    placement: None,
                    topology: Topology::system(),
                    pins: None,
                })
            })
            .unwrap_or_else(|error| panic!("the global runtime cannot be started: {error}"))
    })
}

/// Most workers a runtime may have.
pub(crate) const MOST_WORKERS: usize = 1024;

/// As many workers as `RUST_ROUTINES_WORKERS` says, or as CPUs are available.
///
/// # Errors
/// `InvalidInput` if the variable makes no sense.
pub(crate) fn default_workers() -> io::Result<usize> {
    const NAME: &str = "RUST_ROUTINES_WORKERS";
    let Some(value) = std::env::var_os(NAME) else {
        return Ok(cpus::available().min(MOST_WORKERS));
    };
    value
        .to_str()
        .and_then(|value| value.trim().parse().ok())
        .filter(|workers| (1..=MOST_WORKERS).contains(workers))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{NAME} must be a whole number from 1 to {MOST_WORKERS}, not {value:?}"),
            )
        })
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.close();
        self.lookups.close();
    }
}

#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) spawned: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Shared {
    /// Starts the workers' threads.
    pub(crate) fn start(config: Config) -> io::Result<Arc<Shared>> {
        super::overflow::install();
        let workers = config.workers;
        let shared = Arc::new(Shared {
            roster: Roster::new(MOST_WORKERS + MOST_EXTRA),
            idle: CachePadded::new(Idle::new()),
            injector: CachePadded::new(Injector::new()),
            ranks: CachePadded::default(),
            has_ranks: AtomicBool::new(false),
            choices: AtomicUsize::new(workers),
            outside: CachePadded::default(),
            depot: Arc::new(Depot::new(config.stack)),
            watch: CachePadded::new(Watch::new()),
            pool: Pool::new(
                format!("{}-blocking", config.name),
                config.blocking,
                pool::KEEP,
                config.pins.as_ref().map(|pins| pins.others),
            ),
            cpus: cpus::available(),
            lookups: Pool::new(
                format!("{}-lookup", config.name),
                config.lookups,
                pool::KEEP,
                config.pins.as_ref().map(|pins| pins.others),
            ),
            phase: AtomicU8::new(Phase::Running as u8),
            monitor: CachePadded::new(Monitor::new()?),
            staff: Mutex::default(),
            changed: Condvar::new(),
            config,
        });
        // The monitor last: it has nothing to do for 10 ms, and workers are waited for.
        let started = shared.set_workers(workers);
        if let Err(error) = started.and_then(|()| shared.start_monitor()) {
            // Those that run may look into every seat: they have to be gone before one is reused.
            shared.set_phase(Phase::Stopped);
            shared.wait_until_left(None);
            return Err(error);
        }
        Ok(shared)
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // ORDER: Acquire pairs with the SeqCst store in `set_phase`.
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Stopping,
            2 => Phase::Reporting,
            _ => Phase::Stopped,
        }
    }

    /// Moves on to a later phase and makes every worker look.
    pub(crate) fn set_phase(&self, phase: Phase) {
        // ORDER: SeqCst: a spawn from outside either sees this or is seen by the counting; workers
        // look at the phase after falling asleep (`Home::notice`).
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        let staff = self.staff.lock();
        for worker in self.roster.iter().chain(staff.own.iter().copied()) {
            worker.home().ring();
        }
        drop(staff);
        if phase == Phase::Stopped {
            self.monitor.end();
        }
    }

    /// Whether there are at least as many CPUs as workers.
    pub(super) fn has_cpu_for_each(&self) -> bool {
        self.roster.active_count() <= self.cpus
    }

    /// Whether a worker has to look at priorities.
    #[inline]
    pub(crate) fn has_ranks(&self) -> bool {
        self.has_ranks.load(Ordering::Relaxed)
    }

    /// Some routine has a priority from now on. Said before that routine can be found in any queue; a worker
    /// that picks without knowing leaves it there, and knows before it sleeps, for it is found by what rings
    /// or stops it (`Home::push`, `idle`).
    pub(crate) fn use_ranks(&self) {
        if !self.has_ranks() {
            self.has_ranks.store(true, Ordering::Relaxed);
        }
    }

    /// Takes a not-started routine that any worker may start.
    pub(crate) fn inject(&self, fresh: Fresh) {
        if let Err(fresh) = self.ranks.push(fresh) {
            self.injector.push(fresh);
        }
    }

    /// Whether a thief would find anything anywhere.
    pub(crate) fn has_stealable(&self) -> bool {
        !self.injector.is_empty()
            || !self.ranks.is_empty()
            || self.roster.iter().any(Worker::has_stealable)
    }

    /// How many a thief would find; a snapshot.
    pub(super) fn stealable(&self) -> usize {
        let of_workers: usize = self.roster.iter().map(Worker::stealable).sum();
        self.injector.len() + self.ranks.len() + of_workers
    }

    /// After publishing stealable work: rings a sleeper unless somebody searches already.
    #[inline]
    pub(crate) fn ring_for_work(&self) {
        if let Some(number) = self.idle.to_ring() {
            self.roster.get(number).home().ring();
        }
    }
}
