//! Numbers that tell how a runtime is doing.

use std::time::Duration;

use super::shared::Shared;
use super::worker::{Worker, WorkerState};
use crate::driver::pool::Pool;
use crate::prim::{AtomicU64, Ordering};
use crate::sys::clock;

/// A snapshot of a runtime's counters; made by [`Runtime::metrics`](crate::runtime::Runtime::metrics).
///
/// The counters are read one after the other while routines go on, so sums may be off by what
/// happened meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// One entry for each worker there has been, then one for each worker of `Place::Own` that runs now.
    pub workers: Vec<WorkerMetrics>,
    /// Workers that start routines.
    pub active: usize,
    /// Of those, workers that stand in for others which are stuck.
    pub compensating: usize,
    /// Workers that are too many, and end when nothing lives there any more.
    pub draining: usize,
    /// Workers of [`Place::Own`](crate::routine::Place::Own).
    pub own: usize,
    /// Routines that were found to keep their worker to themselves.
    pub stalls: StallMetrics,
    /// Routines spawned since the start.
    pub spawned: u64,
    /// Routines that have ended.
    pub finished: u64,
    /// Threads for [`routine::blocking`](crate::routine::blocking).
    pub blocking: BlockingMetrics,
    /// Threads that look names up ([`net::ToSocketAddrs`](crate::net::ToSocketAddrs)).
    pub lookups: BlockingMetrics,
}

/// Stalls since the start, by what the routine was found doing at first, in [`Metrics`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StallMetrics {
    /// Computing.
    pub computing: u64,
    /// In a system call.
    pub system_calls: u64,
    /// In a futex: a lock, a condition, a thread's token.
    pub futexes: u64,
    /// Blocked, and the system does not tell by what.
    pub unknown: u64,
    /// Reports of probable self-deadlocks.
    pub probable_deadlocks: u64,
}

/// Threads for calls that block, in [`Metrics`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingMetrics {
    /// Threads there are.
    pub threads: usize,
    /// Threads that wait for work.
    pub idle: usize,
    /// Calls that wait for a thread.
    pub queued: usize,
    /// Most threads there may be.
    pub most_threads: usize,
    /// Calls that have returned.
    pub finished: u64,
}

/// The part of one worker in [`Metrics`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// What it is there for.
    pub state: WorkerState,
    /// Routines that have started here and have not ended; they stay here.
    pub live: usize,
    /// Routines that were placed here and have not started.
    pub waiting: usize,
    /// Time awake: running routines, or searching for work.
    pub busy: Duration,
    /// Routines started here.
    pub started: u64,
    /// Routines that have ended here.
    pub finished: u64,
    /// How often a routine was resumed here.
    pub switches: u64,
    /// How often not-started routines were taken from another worker.
    pub steals: u64,
    /// Stacks in use.
    pub stacks_in_use: usize,
    /// The most stacks that were ever in use at once.
    pub stacks_high_water: usize,
}

impl Metrics {
    /// Routines spawned and not ended.
    pub fn live(&self) -> u64 {
        self.spawned.saturating_sub(self.finished)
    }

    /// Stacks in use on all workers.
    pub fn stacks_in_use(&self) -> usize {
        self.workers.iter().map(|worker| worker.stacks_in_use).sum()
    }

    /// The sum of the workers' high-water marks: at least the most stacks in use at once.
    pub fn stacks_high_water(&self) -> usize {
        self.workers
            .iter()
            .map(|worker| worker.stacks_high_water)
            .sum()
    }

    /// How often not-started routines moved from one worker to another.
    pub fn steals(&self) -> u64 {
        self.workers.iter().map(|worker| worker.steals).sum()
    }
}

impl Shared {
    pub(crate) fn metrics(&self) -> Metrics {
        let staff = self.staff.lock();
        let own = staff.own.iter().copied();
        let all: Vec<&Worker> = self.roster.iter().chain(own).collect();
        let finished = all
            .iter()
            .map(|worker| worker.stats.finished.get())
            .sum::<u64>();
        let spawned = all
            .iter()
            .map(|worker| worker.stats.spawned.get())
            .sum::<u64>();
        let refused = self.outside.refused.load(Ordering::Relaxed);
        let count = |state| all.iter().filter(|worker| worker.state() == state).count();
        Metrics {
            active: count(WorkerState::Active),
            compensating: staff.extra,
            draining: count(WorkerState::Draining),
            own: count(WorkerState::Own),
            workers: all.into_iter().map(snapshot).collect(),
            finished: finished + staff.past_finished,
            spawned: spawned + staff.past_spawned + self.outside.spawned.load(Ordering::Relaxed)
                - refused,
            blocking: of_pool(&self.pool),
            lookups: of_pool(&self.lookups),
            stalls: self.stall_metrics(),
        }
    }
}

impl Shared {
    fn stall_metrics(&self) -> StallMetrics {
        let counts = &self.monitor.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StallMetrics {
            computing: get(&counts.computing),
            system_calls: get(&counts.system_calls),
            futexes: get(&counts.futexes),
            unknown: get(&counts.unknown),
            probable_deadlocks: get(&counts.deadlocks),
        }
    }
}

fn of_pool(pool: &Pool) -> BlockingMetrics {
    let count = pool.count();
    BlockingMetrics {
        threads: count.threads,
        idle: count.idle,
        queued: count.queued,
        most_threads: count.cap,
        finished: count.done,
    }
}

fn snapshot(worker: &Worker) -> WorkerMetrics {
    let stats = &worker.stats;
    let since = stats.awake_since.load(Ordering::Relaxed);
    let awake = if since > 0 { clock::now() - since } else { 0 };
    WorkerMetrics {
        state: worker.state(),
        live: stats.live.get() as usize,
        waiting: worker.mail.pending(),
        busy: Duration::from_nanos(stats.busy.get() + u64::try_from(awake).unwrap_or(0)),
        started: stats.started.get(),
        finished: stats.finished.get(),
        switches: stats.switches.get(),
        steals: stats.steals.get(),
        stacks_in_use: stats.stacks.get() as usize,
        stacks_high_water: stats.stacks_high_water.get() as usize,
    }
}
