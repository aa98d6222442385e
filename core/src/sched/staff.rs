//! The threads of a runtime: hired, let go, counted.
//!
//! All of it happens under the staff's lock, so that who hires, who drains and who leaves agree. What lies
//! in the mail of a worker that takes nothing more must not be lost:
//!
//! ```text
//! whoever spreads a routine            whoever makes the worker take nothing more
//! S1 puts it into the mail             D1 changes its state
//! S2 fence SeqCst                      D2 fence SeqCst
//! S3 looks at the state: not active,   D3 sends the mail on
//!    sends the mail on
//! ```
//!
//! One of the two sees the other's write, and both may take the mail out: to send it on is to push it to
//! the injector, where any active worker finds it, or, with what was bound there, to begin at S1 with another
//! worker. There is always one: worker 0 is never drained.

use std::io;
use std::ptr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::core::Core;
use super::shared::{MOST_WORKERS, Phase, Shared};
use super::worker::{Seat, Worker, WorkerState};
use crate::control::Fresh;
use crate::prim::{Ordering, fence};
use crate::sys::cpus;

/// Most workers beyond those that were asked for: stand-ins for some that are blocked.
pub(super) const MOST_EXTRA: usize = 64;

#[derive(Default)]
pub(crate) struct Staff {
    pub(crate) threads: Vec<JoinHandle<()>>,
    /// Workers of `Place::Own` that run now.
    pub(crate) own: Vec<&'static Worker>,
    /// Threads that have left their loop.
    pub(crate) left: usize,
    /// Threads that were started.
    pub(crate) hired: usize,
    /// The monitor's thread.
    pub(super) monitor: Option<JoinHandle<()>>,
    /// How many workers were asked for.
    pub(super) target: usize,
    /// How many stand-ins there are to be beside those.
    pub(super) extra: usize,
    /// The monitor looks at own workers; those that end meanwhile are kept until it has looked.
    is_looked_at: bool,
    kept: Vec<Seat>,
    /// Numbers without a thread.
    vacant: Vec<(usize, Seat)>,
    /// Routines spawned and finished by own workers that have ended.
    pub(crate) past_spawned: u64,
    pub(crate) past_finished: u64,
    /// What still lived when the time-out of a shutdown passed.
    pub(crate) stuck: Vec<String>,
    /// Workers that have added to `stuck`.
    pub(crate) reported: Vec<*const Worker>,
}

// SAFETY: the pointers in `reported` are names of type-stable workers, compared only.
unsafe impl Send for Staff {}

impl Drop for Staff {
    fn drop(&mut self) {
        let vacant = self.vacant.drain(..).map(|(_, seat)| seat);
        vacant.chain(self.kept.drain(..)).for_each(Worker::retire);
    }
}

impl Shared {
    /// How many workers there are to be from now on.
    ///
    /// # Errors
    /// After a shutdown; the system's error if it refuses a thread: then there are as many as there could be.
    pub(crate) fn set_workers(self: &Arc<Self>, workers: usize) -> io::Result<()> {
        let mut staff = self.staff.lock();
        self.refuse_after_shutdown()?;
        staff.target = workers;
        self.choices.store(workers, Ordering::Relaxed);
        self.adjust(&mut staff)
    }

    /// Hires or drains until as many are active as there should be.
    pub(super) fn adjust(self: &Arc<Self>, staff: &mut Staff) -> io::Result<()> {
        let wanted = staff.target + staff.extra;
        while self.roster.active_count() < wanted {
            self.enlist(staff)?;
        }
        while self.roster.active_count() > wanted {
            // Keys and CPUs belong to the first `target` numbers, so those beyond them go first.
            let is_numbered = |number: usize| number < staff.target;
            let all = (1..self.roster.len()).map(|number| (number, self.roster.get(number)));
            let active = all.filter(|(_, worker)| worker.is_active());
            // Of equals the last, which was likely hired last.
            let Some((_, worker)) = active.rev().min_by_key(|&(number, worker)| {
                (is_numbered(number), worker.is_stalled(), worker.load())
            }) else {
                break;
            };
            self.drain(worker);
        }
        Ok(())
    }

    /// One more active worker: one that drains, else one whose thread has left, else a new one. But first one of the
    /// numbers that were asked for, which are those that keys mean.
    fn enlist(self: &Arc<Self>, staff: &mut Staff) -> io::Result<()> {
        self.refuse_after_shutdown()?;
        let takes_up =
            |worker: &Worker| worker.state() == WorkerState::Draining && !worker.is_stalled();
        let draining = (0..self.roster.len()).find(|&number| takes_up(self.roster.get(number)));
        let vacant = (0..staff.vacant.len()).min_by_key(|&at| staff.vacant[at].0);
        let is_asked_for = vacant.is_some_and(|at| staff.vacant[at].0 < staff.target);
        if let Some(number) = draining.filter(|&number| number < staff.target || !is_asked_for) {
            let worker = self.roster.get(number);
            self.roster.set_state(worker, WorkerState::Active);
            // It may sleep, and is not listed as one who can be rung for work.
            worker.home().ring();
            return Ok(());
        }
        let (number, seat) = match vacant {
            Some(at) => staff.vacant.swap_remove(at),
            None => self.new_number()?,
        };
        let worker = seat.worker;
        self.roster.set_state(worker, WorkerState::Active);
        let name = format!("{}-worker-{number}", self.config.name);
        self.hire(staff, name, number, seat)
            .map_err(|(error, seat)| {
                self.roster.set_state(worker, WorkerState::Vacant);
                staff.vacant.push((number, seat));
                // Somebody may have relied on it.
                self.send_on(worker);
                error
            })
    }

    fn refuse_after_shutdown(&self) -> io::Result<()> {
        match self.phase() {
            Phase::Running => Ok(()),
            _ => Err(io::Error::other("the runtime is shut down")),
        }
    }

    fn new_number(self: &Arc<Self>) -> io::Result<(usize, Seat)> {
        let seat = Worker::hire();
        // Of somebody before us, whose end has emptied it.
        drop(seat.worker.alarms.renew(Arc::downgrade(self)));
        match self.roster.add(seat.worker) {
            Some(number) => Ok((number, seat)),
            None => {
                Worker::retire(seat);
                let text = format!("there are {} workers already", MOST_WORKERS + MOST_EXTRA);
                Err(io::Error::other(text))
            }
        }
    }

    /// D1 to D3: the worker starts nothing more, and leaves when nothing lives there any more.
    fn drain(&self, worker: &'static Worker) {
        self.roster.set_state(worker, WorkerState::Draining);
        self.send_on(worker);
        worker.home().ring();
    }

    /// D2 and D3, or S3.
    pub(super) fn send_on(&self, worker: &Worker) {
        // ORDER: SeqCst, D2; pairs with S2 in `Shared::spread`.
        fence(Ordering::SeqCst);
        while let Some(fresh) = worker.mail.pop_spread() {
            self.inject(fresh);
            worker.mail.arrived();
            self.ring_for_work();
        }
        // What is bound to it stays, unless it starts nothing more: then it goes to one other, together.
        if !worker.is_active() {
            self.hand_over(worker);
        }
    }

    fn hand_over(&self, worker: &Worker) {
        let is_it = |number: &usize| ptr::eq(self.roster.get(*number), worker);
        let number = (0..self.roster.len()).find(is_it).unwrap_or(0);
        while let Some(fresh) = worker.mail.pop_bound() {
            match self.active_from(number % self.choices()) {
                Some(heir) => self.send_to(heir, fresh),
                // After a shutdown that has abandoned somebody: it is dropped with the runtime.
                None => self.inject(fresh),
            }
            worker.mail.arrived();
        }
    }

    /// A worker with which nothing lives any more: whether its thread may leave, for it still drains.
    pub(super) fn vacate(&self, worker: &'static Worker) -> bool {
        let staff = self.staff.lock();
        let leaves = worker.state() == WorkerState::Draining;
        if leaves {
            self.roster.set_state(worker, WorkerState::Vacant);
        }
        drop(staff);
        if leaves {
            self.send_on(worker);
        }
        leaves
    }

    /// The last step of a worker's thread.
    pub(super) fn let_go(&self, number: usize, seat: Seat) {
        let mut staff = self.staff.lock();
        if number == Core::OWN {
            let stats = &seat.worker.stats;
            staff.past_spawned += stats.spawned.get();
            staff.past_finished += stats.finished.get();
            staff.own.retain(|own| !std::ptr::eq(*own, seat.worker));
            match staff.is_looked_at {
                true => staff.kept.push(seat),
                false => Worker::retire(seat),
            }
        } else {
            // Its figures stay readable until the runtime itself goes.
            self.roster.set_state(seat.worker, WorkerState::Vacant);
            staff.vacant.push((number, seat));
        }
        staff.left += 1;
        self.changed.notify_all();
    }

    /// For the monitor: own workers, which are nobody else's until `looked_at_own`. One that was used again by
    /// another runtime would run routines whose stacks are not held by this one's depot.
    pub(super) fn own_to_look_at(&self) -> Vec<&'static Worker> {
        let mut staff = self.staff.lock();
        staff.is_looked_at = true;
        staff.own.clone()
    }

    pub(super) fn looked_at_own(&self) {
        let mut staff = self.staff.lock();
        staff.is_looked_at = false;
        staff.kept.drain(..).for_each(Worker::retire);
    }

    /// Starts one thread; gives the seat back if there can be none.
    fn hire(
        self: &Arc<Self>,
        staff: &mut Staff,
        name: String,
        number: usize,
        seat: Seat,
    ) -> Result<(), (io::Error, Seat)> {
        // Not joined: they may still run the destructors of thread-locals, and we a routine.
        staff.threads.retain(|thread| !thread.is_finished());
        let (shared, seat) = (self.clone(), Arc::new(Mutex::new(Some(seat))));
        let passed = seat.clone();
        let loose = cpus::before_pin();
        let thread = thread::Builder::new().name(name).spawn(move || {
            // A refusal leaves it where its maker runs, which is slower and no more.
            let _refused = loose.as_ref().map(cpus::bind);
            let seat = passed
                .lock()
                .take()
                .expect("only this thread takes the seat");
            drop(passed);
            Core::main(shared, seat, number);
        });
        match thread {
            Ok(thread) => {
                staff.threads.push(thread);
                staff.hired += 1;
                Ok(())
            }
            Err(error) => {
                let seat = seat
                    .lock()
                    .take()
                    .expect("the thread that would take it never ran");
                let text = format!("cannot start a worker's thread: {error}");
                Err((io::Error::new(error.kind(), text), seat))
            }
        }
    }

    /// Starts a worker for one routine; gives the routine back if there can be no thread for it.
    pub(crate) fn hire_own(self: &Arc<Self>, fresh: Fresh) -> Result<(), (io::Error, Fresh)> {
        let seat = Worker::hire();
        let worker = seat.worker;
        worker.replace_state(WorkerState::Own);
        worker.mail.push(fresh);
        let mut staff = self.staff.lock();
        staff.own.push(worker);
        let name = format!("{}-own", self.config.name);
        let hired = self.hire(&mut staff, name, Core::OWN, seat);
        hired.map_err(|(error, seat)| {
            staff.own.retain(|own| !std::ptr::eq(*own, worker));
            let fresh = worker
                .mail
                .pop_spread()
                .expect("nobody else takes an own worker's mail");
            worker.mail.arrived();
            Worker::retire(seat);
            (error, fresh)
        })
    }
}
