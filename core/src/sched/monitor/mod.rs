//! The monitor: a thread that looks at workers which run, and helps those that others wait for.
//!
//! It looks every 10 ms while a worker is awake, and sleeps while none is (`queue::heartbeat` has the steps).
//! A worker that is met in the same routine twice is *stuck*: the routine has run for 10 to 20 ms. Then
//!
//! - the time slice is used up, which `checkpoint` sees;
//! - what the routine does is found out (`seen`);
//! - what has not started there is sent on to others, its poller is looked at here, and its alarms
//!   by another worker; what has started there can only wait;
//! - somebody stands in, if something waits that a worker could run and none is free (`compensate`);
//! - it is reported (`report`), also as a probable deadlock (`deadlock`).
//!
//! Who keeps the clock: a worker that wakes starts it if it stands, which is one look if it does not. The
//! monitor stops it when nobody was awake and nothing has run between two looks. A worker that had slept
//! for longer than that, and is the last to fall asleep, stops it itself: a ticker that works
//! for a moment now and then never wakes the monitor.
//!
//! No code of users runs here but the report's function; a waker of a stranger is left to workers.

mod compensate;
mod deadlock;
mod report;
mod seen;
#[cfg_attr(feature = "tracing", path = "trace_on.rs")]
#[cfg_attr(not(feature = "tracing"), path = "trace_off.rs")]
mod trace;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use self::compensate::Extra;
use self::report::Reporter;
use self::seen::Seen;
use super::alarms;
use super::clock::{self, Nanos};
use super::shared::{Phase, Shared};
use super::stall::{OnStall, StallClass};
use super::worker::{Worker, WorkerState};
use crate::prim::{AtomicBool, AtomicU64, Ordering};
use crate::queue::heartbeat::Heartbeat;
use crate::sys::cpus;
use crate::sys::pulse::Pulse;

/// Between two looks.
pub(super) const PERIOD: Nanos = 10_000_000;
/// The reports of deadlocks are put together on it.
const STACK: usize = 1 << 20;

/// What workers and monitor have in common.
pub(crate) struct Monitor {
    pulse: Pulse,
    heartbeat: Heartbeat,
    /// It has something to see to although no worker is awake.
    is_needed: AtomicBool,
    /// Alarms of a worker that does not look are late, and nobody sleeps who would have promised to look.
    errand: AtomicBool,
    pub(super) counts: Counts,
}

/// Stalls by what they were found to be at first.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) computing: AtomicU64,
    pub(super) system_calls: AtomicU64,
    pub(super) futexes: AtomicU64,
    pub(super) unknown: AtomicU64,
    pub(super) deadlocks: AtomicU64,
}

impl Monitor {
    pub(super) fn new() -> io::Result<Monitor> {
        Ok(Monitor {
            pulse: Pulse::new()?,
            heartbeat: Heartbeat::new(),
            is_needed: AtomicBool::new(false),
            errand: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    fn start_clock(&self) {
        self.pulse.start(Duration::from_nanos(PERIOD as u64));
    }

    /// A worker has said that it is awake.
    #[inline]
    pub(super) fn note_awake(&self) {
        self.heartbeat.wake(|| self.start_clock());
    }

    pub(super) fn end(&self) {
        self.heartbeat.end(|| self.pulse.beat());
    }

    /// A busy worker: whether it has to look after others' alarms.
    #[inline]
    pub(super) fn take_errand(&self) -> bool {
        self.errand.load(Ordering::Relaxed) && self.errand.swap(false, Ordering::Relaxed)
    }
}

impl Shared {
    /// Starts the monitor's thread.
    pub(super) fn start_monitor(self: &Arc<Self>) -> io::Result<()> {
        let shared = self.clone();
        let loose = cpus::before_pin();
        let thread = thread::Builder::new()
            .name(format!("{}-monitor", self.config.name))
            .stack_size(STACK)
            .spawn(move || {
                let _refused = loose.as_ref().map(cpus::bind);
                View::new(shared).run();
            })?;
        self.staff.lock().monitor = Some(thread);
        Ok(())
    }

    /// The last worker that was awake falls asleep, or the monitor has seen nobody: stops the clock.
    pub(super) fn rest_if_alone(&self) {
        let monitor = &self.monitor;
        if monitor.heartbeat.beats() && !self.is_anyone_awake() {
            monitor.heartbeat.rest(
                || monitor.pulse.stop(),
                || monitor.start_clock(),
                || self.is_anyone_awake(),
            );
        }
    }

    fn is_anyone_awake(&self) -> bool {
        self.monitor.is_needed.load(Ordering::Relaxed)
            || self.roster.iter().any(Worker::is_awake)
            || self.staff.lock().own.iter().any(|own| own.is_awake())
    }
}

/// What the monitor's thread knows.
struct View {
    shared: Arc<Shared>,
    /// By the worker's address: they are type-stable.
    seen: HashMap<usize, Seen>,
    extra: Extra,
    reporter: Reporter,
    /// How often routines had been resumed at the last look.
    switches: u64,
}

/// What one look has found.
#[derive(Default)]
struct Tally {
    /// Active workers that are stuck, by whether they leave their CPU to others.
    blocked: usize,
    computing: usize,
    /// Whether alarms are late that only a stranger looks after.
    late: bool,
    is_anyone_awake: bool,
    switches: u64,
}

impl View {
    fn new(shared: Arc<Shared>) -> View {
        View {
            reporter: Reporter::new(&shared.config),
            shared,
            seen: HashMap::new(),
            extra: Extra::default(),
            switches: 0,
        }
    }

    fn run(mut self) {
        loop {
            self.shared.monitor.pulse.wait();
            if self.shared.phase() == Phase::Stopped {
                return;
            }
            self.look();
        }
    }

    fn look(&mut self) {
        let shared = self.shared.clone();
        let own = shared.own_to_look_at();
        let now = clock::now();
        let numbered = shared.roster.iter().enumerate();
        let all = numbered.map(|(number, worker)| (Some(number), worker));
        let mut tally = Tally::default();
        for (number, worker) in all.chain(own.into_iter().map(|worker| (None, worker))) {
            self.look_at(number, worker, now, &mut tally);
        }
        shared.looked_at_own();
        if tally.late && shared.idle.sleeping() == 0 {
            shared.monitor.errand.store(true, Ordering::Relaxed);
        }
        let has_extra = self.extra.adjust(&shared, &tally, now);
        shared.monitor.is_needed.store(has_extra, Ordering::Relaxed);
        let has_run = tally.switches != self.switches;
        self.switches = tally.switches;
        if !has_run && !tally.is_anyone_awake {
            // Workers of `Place::Own` that have ended.
            self.seen.clear();
            shared.rest_if_alone();
        }
    }

    fn look_at(
        &mut self,
        number: Option<usize>,
        worker: &'static Worker,
        now: Nanos,
        tally: &mut Tally,
    ) {
        tally.is_anyone_awake |= worker.is_awake();
        tally.switches = tally.switches.wrapping_add(worker.stats.switches.get());
        let seen = self
            .seen
            .entry(std::ptr::from_ref(worker).addr())
            .or_default();
        let Some(class) = seen.look(worker, now) else {
            tally.late |= worker.state() == WorkerState::Vacant && alarms::is_late(worker, now);
            return;
        };
        worker.end_slice(seen.switches());
        let due = seen.due_reports(worker, now);
        tally.late |= alarms::is_late(worker, now);
        if self.shared.config.on_stall == OnStall::Compensate {
            self.help(worker, class, tally);
        }
        if due.is_new {
            self.shared.monitor.counts.add(class);
        }
        if due.is_new || due.is_deadlock {
            self.report(number, worker, now, due.is_deadlock);
        }
    }

    /// What is not the stuck routine's goes on.
    fn help(&self, worker: &'static Worker, class: StallClass, tally: &mut Tally) {
        worker.set_stalled(true);
        if worker.is_active() {
            match class.is_blocked() {
                true => tally.blocked += 1,
                false => tally.computing += 1,
            }
            self.shared.send_on(worker);
        }
        self.shared.poll_for(worker);
    }

    /// Tells of a stall, if the routine still runs.
    fn report(
        &mut self,
        number: Option<usize>,
        worker: &'static Worker,
        now: Nanos,
        is_deadlock: bool,
    ) {
        let Some(seen) = self.seen.get(&std::ptr::from_ref(worker).addr()) else {
            return;
        };
        let Some(stall) = seen.describe(&self.shared, number, worker, now, is_deadlock) else {
            return;
        };
        let details = is_deadlock.then(|| {
            let deadlocks = &self.shared.monitor.counts.deadlocks;
            deadlocks.fetch_add(1, Ordering::Relaxed);
            deadlock::details(&self.shared, worker, &stall, seen.switches())
        });
        self.reporter
            .tell(&self.shared.config, &stall, details.as_deref());
    }
}

impl Counts {
    fn add(&self, class: StallClass) {
        let count = match class {
            StallClass::Computing => &self.computing,
            StallClass::SystemCall { .. } => &self.system_calls,
            StallClass::Futex { .. } => &self.futexes,
            StallClass::Unknown => &self.unknown,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
