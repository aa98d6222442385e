//! The end of a runtime: cancel everything, go on until nothing lives, report what will not end.
//!
//! ```text
//! Running -> Stopping    every worker cancels the routines of its home; new ones start cancelled
//!         -> Reporting   only after the time-out: every worker says what still lives with it
//!         -> Stopped     set by the worker that finds that as many have finished as were spawned
//! ```
//!
//! Nothing lives any more when the sums of all `finished` and of all `spawned` counters agree, with
//! the finished read first: each end is counted after the spawns of the routine that ended, so the
//! sum of finished as read never exceeds the spawned at any moment in between, and if they agree
//! there was a moment at which everything had ended. From outside nothing comes in any more: a spawn
//! counts itself before it looks at the phase.
//!
//! What does not end is abandoned: its stack, its worker's thread and the runtime's memory are
//! leaked, never freed under it.

use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::shared::{Phase, Shared};
use super::staff::Staff;
use super::worker::{Worker, WorkerState};
use crate::control::{Body, Peek};
use crate::prim::{Ordering, fence};
use crate::sys::signal;

impl Core {
    /// Between two routines: whether the worker leaves; does the steps of a shutdown.
    #[inline]
    pub(super) fn must_leave(&self) -> bool {
        let phase = self.shared.phase();
        (phase != Phase::Running || !self.is_active()) && self.must_leave_slow(phase)
    }

    #[cold]
    fn must_leave_slow(&self, phase: Phase) -> bool {
        if self.is_own() && self.has_served() {
            // The last one to end counts down for those that already sleep.
            self.count_down(phase);
            return true;
        }
        if phase < Phase::Stopped && self.has_drained() {
            self.count_down(phase);
            return true;
        }
        if phase >= Phase::Stopping && !self.cancelled_all.replace(true) {
            self.cancel_all();
        }
        if phase >= Phase::Reporting && !self.reported.replace(true) {
            self.report();
        }
        self.count_down(phase);
        phase == Phase::Stopped && !self.is_own()
    }

    /// Whether there is a step of a shutdown that this worker has not done.
    pub(super) fn has_step_to_do(&self) -> bool {
        let phase = self.shared.phase();
        phase == Phase::Stopped
            || (phase >= Phase::Stopping && !self.cancelled_all.get())
            || (phase >= Phase::Reporting && !self.reported.get())
            || (self.is_own() && self.has_served())
            || (self.worker.state() == WorkerState::Draining && self.is_empty())
    }

    /// A worker that drains: sends on what has not started; whether it leaves, for nothing lives here any
    /// more. From then on it does, however often this is asked: its number is given to nobody before it has left.
    fn has_drained(&self) -> bool {
        match self.worker.state() {
            WorkerState::Draining => {}
            WorkerState::Vacant => return true,
            _ => return false,
        }
        self.send_all_on();
        let leaves = self.is_empty() && self.shared.vacate(self.worker);
        // Others may have relied on its look at their alarms, and on its own look at those it leaves.
        if leaves && self.wants_watch() {
            self.shared.ring_for_work();
        }
        leaves
    }

    /// Whether nothing that has started here goes on.
    fn is_empty(&self) -> bool {
        self.worker.stats.started.get() == self.worker.stats.finished.get()
    }

    /// An own worker: its routine has come and gone.
    fn has_served(&self) -> bool {
        let stats = &self.worker.stats;
        stats.finished.get() > 0 && stats.live.get() == 0 && self.worker.mail.pending() == 0
    }

    fn count_down(&self, phase: Phase) {
        if phase < Phase::Stopping || phase == Phase::Stopped {
            return;
        }
        // ORDER: SeqCst between our own last `finished` and the sums: of two workers that end
        // their last routines at once, one sees both.
        fence(Ordering::SeqCst);
        if self.shared.is_quiescent() {
            self.shared.set_phase(Phase::Stopped);
        }
    }

    /// Makes every routine of this home unwind at its park.
    fn cancel_all(&self) {
        let bodies: Vec<_> = self.worker.slots.iter().collect();
        for body in bodies {
            // SAFETY: registered here, so alive until `retire`, on this thread.
            let cancelled = unsafe { body.as_ref() };
            // Whom it may name is this home, which ends the wait right here.
            let _here = cancelled.header().cancel();
            self.end_wait(body);
        }
    }

    /// Adds what still lives here to the report.
    fn report(&self) {
        let names = self.worker.names.lock();
        let lines: Vec<String> = self
            .worker
            .slots
            .iter()
            .map(|body| {
                // SAFETY: as in `cancel_all`.
                let body = unsafe { body.as_ref() };
                let header = body.header();
                describe(
                    header.id(),
                    names.get(&header.id()).map(|name| &**name),
                    header.site(),
                    body.reason().word(),
                )
            })
            .collect();
        drop(names);
        let mut staff = self.shared.staff.lock();
        staff.stuck.extend(lines);
        staff.reported.push(self.worker);
        self.shared.changed.notify_all();
    }
}

/// Number, spawn site and name.
pub(super) type Peeked = (u64, &'static Location<'static>, Option<Arc<str>>);

fn describe(id: u64, name: Option<&str>, site: &Location<'_>, what: &str) -> String {
    match name {
        Some(name) => format!("routine {id} \"{name}\" [{what}], spawned at {site}"),
        None => format!("routine {id} [{what}], spawned at {site}"),
    }
}

impl Shared {
    /// Whether as many routines have finished as were spawned.
    fn is_quiescent(&self) -> bool {
        let staff = self.staff.lock();
        let all = || self.roster.iter().chain(staff.own.iter().copied());
        // ORDER: SeqCst reads pair with the counting in `place_from_outside`.
        let finished = all().map(|worker| worker.stats.finished.get()).sum::<u64>()
            + staff.past_finished
            + self.outside.refused.load(Ordering::SeqCst);
        let spawned = all().map(|worker| worker.stats.spawned.get()).sum::<u64>()
            + staff.past_spawned
            // ORDER: as above.
            + self.outside.spawned.load(Ordering::SeqCst);
        finished == spawned
    }

    /// Begins the end; returns at once.
    pub(crate) fn begin_stop(&self) {
        self.set_phase(Phase::Stopping);
    }

    /// From a plain thread: waits until every worker's thread has left, or until `deadline`.
    pub(crate) fn wait_until_left(&self, deadline: Option<Instant>) -> bool {
        let mut staff = self.staff.lock();
        loop {
            if staff.left == staff.hired {
                break;
            }
            match deadline {
                None => self.changed.wait(&mut staff),
                Some(deadline) => {
                    if self.changed.wait_until(&mut staff, deadline).timed_out() {
                        return staff.left == staff.hired && self.join_all(staff);
                    }
                }
            }
        }
        self.join_all(staff)
    }

    /// Whether every worker's thread has left its loop. Does not wait: for callers that are routines.
    pub(crate) fn have_left(&self) -> bool {
        let staff = self.staff.lock();
        staff.left == staff.hired
    }

    /// Waits for threads that have left their loops, and so for the destructors of thread-locals that
    /// routines have left there.
    fn join_all(&self, mut staff: parking_lot::MutexGuard<'_, Staff>) -> bool {
        let threads = std::mem::take(&mut staff.threads);
        let monitor = staff.monitor.take();
        drop(staff);
        for thread in threads.into_iter().chain(monitor) {
            if thread.thread().id() != std::thread::current().id() {
                // A worker's loop does not unwind; a panic of a thread-local's destructor at its
                // exit has been printed by then.
                drop(thread.join());
            }
        }
        true
    }

    /// Asks every worker what still lives; those that do not answer before `deadline` are stuck in
    /// the routine they run, and what else lives there is read from outside. And how many have not started.
    pub(crate) fn collect_stuck(&self, deadline: Instant) -> (Vec<String>, usize) {
        self.set_phase(Phase::Reporting);
        let mut staff = self.staff.lock();
        while staff.left < staff.hired && staff.reported.len() < staff.hired - staff.left {
            if self.changed.wait_until(&mut staff, deadline).timed_out() {
                break;
            }
        }
        let mut stuck = staff.stuck.clone();
        let mut waiting = self.stealable();
        for worker in self.roster.iter().chain(staff.own.iter().copied()) {
            if !staff.reported.iter().any(|seen| ptr::eq(*seen, worker)) {
                stuck.extend(self.describe_current(worker));
                stuck.extend(self.describe_others(worker));
            }
            waiting += worker.mail.pending();
        }
        (stuck, waiting)
    }

    /// What lives beside the routine that a worker which does not answer is running.
    fn describe_others(&self, worker: &Worker) -> Vec<String> {
        let turns = worker.stats.switches.get();
        let current = worker.stats.current.load(Ordering::Relaxed);
        let others: Vec<_> = self.depot.hold(|| {
            let all = worker.slots.iter();
            let others = all.filter(|body| body.as_ptr() != current);
            // SAFETY: memory of stacks that were in use a moment ago, and is mapped as long as the depot is held.
            others
                .filter_map(|body| unsafe { Body::peek_parked(body) })
                .collect()
        });
        if current.is_null() || worker.stats.switches.get() != turns {
            // It goes on, and will answer, though too late for this.
            return Vec::new();
        }
        let names = worker.names.lock();
        let describe = |peek: Peek| {
            let name = names.get(&peek.id).map(|name| &**name);
            // SAFETY: nobody was resumed there meanwhile, so it was alive all the time.
            describe(peek.id, name, unsafe { peek.site() }, peek.reason.word())
        };
        others.into_iter().map(describe).collect()
    }

    /// The routine that a worker which does not answer is running, read from outside.
    fn describe_current(&self, worker: &Worker) -> Option<String> {
        let (id, site, name) = self.peek_current(worker)?;
        Some(describe(id, name.as_deref(), site, "running"))
    }

    /// Number, spawn site and name of the routine that a worker runs, read from outside.
    pub(super) fn peek_current(&self, worker: &Worker) -> Option<Peeked> {
        let (id, site) = self.depot.hold(|| {
            let body = worker.stats.current.load(Ordering::Relaxed);
            if body.is_null() {
                return None;
            }
            // SAFETY: a current body's stack is leased, so not unmapped before we held the depot.
            unsafe { Body::peek(body) }
        })?;
        let name = worker.names.lock().get(&id).cloned();
        Some((id, site, name))
    }

    /// Says, once, that stacks have run out and routines wait for one.
    pub(super) fn say_starved(&self, error: &std::io::Error) {
        use std::sync::Once;
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let text = format!(
                "rust-routines: {error}; routines wait until a stack comes back (said once)\n"
            );
            // Not `eprintln`: this is the scheduler's stack, where nothing may panic.
            signal::write_stderr(text.as_bytes());
        });
    }
}
