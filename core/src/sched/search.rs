//! Out of work: search others' queues for a while, then sleep.
//!
//! A searching worker looks at its own inbox between pauses, so a partner on another core that
//! answers soon is met awake. If another worker was last seen on the same CPU, it does not pause but
//! gives up its turn: the partner may be waiting for this very CPU.

use std::hint;
use std::time::Duration;

use crossbeam_deque::Steal;

use super::core::Core;
use super::idle::Searching;
use super::monitor::PERIOD;
use super::run::Work;
use super::worker::{Nursery, Worker};
use crate::control::{Fresh, Priority};
use crate::prim::Ordering;
use crate::sys::clock::{self, Nanos};
use crate::sys::cpus;

/// How long it pauses between looks, in nanoseconds: what a sleep and a wake cost together. Measured
/// on a virtual machine, where waking an idle CPU takes 25 us; with 3 us, partners that answer after
/// a few microseconds were met asleep each time.
const SPIN: Nanos = 20_000;
/// How long it waits (nanoseconds) for the end of somebody else's search.
const LINGER: Nanos = 2_000;
/// Looks at the inbox between two rounds over the other workers' queues.
const LOOKS: usize = 32;
/// Rounds after that, which give up the thread's turn instead.
const TURNS: usize = 3;
/// A worker moves away from a CPU that it shares with another at most once in this time.
const MOVE_EVERY: Nanos = 5_000_000;
/// Free stacks are trimmed at most once in this time (nanoseconds).
const TRIM_EVERY: Nanos = 1_000_000_000;
/// So long (nanoseconds) a single routine is left to the worker that has spawned it: some slices of one
/// that is about to start it, and little beside what a thread's wake-up costs.
const PATIENCE: Nanos = 10_000;
/// How long to wait for a stack to come back before trying again.
const NAP: Duration = Duration::from_millis(10);

impl Core {
    /// Finds something to do, or sleeps until there may be something.
    #[cold]
    pub(super) fn rest(&self) {
        self.pin_anew();
        if self.poll_at_once() {
            return;
        }
        let mut search = self.begin_search();
        if search.is_none() && self.has_work_of_its_own() {
            return;
        }
        loop {
            if let Some(searching) = search {
                match self.search_for_a_while(searching) {
                    Ok(()) => return,
                    Err(searching) => search = self.sleep(Some(searching)),
                }
            } else {
                search = self.sleep(None);
            }
            if self.has_work_of_its_own() || self.has_step_to_do() {
                if let Some(searching) = search {
                    self.end_search(searching);
                }
                return;
            }
            match search.take() {
                Some(searching) if self.is_active() => search = Some(searching),
                Some(searching) => return self.end_search(searching),
                None => return,
            }
        }
    }

    /// A search, unless others do that already, or there is something to do.
    ///
    /// The other searcher may be the very one that has just been given something, and has not noticed yet: two workers whose
    /// routines answer each other would take turns in falling asleep. So it waits for a moment whether that one goes on.
    fn begin_search(&self) -> Option<Searching> {
        if !self.is_active() {
            return None;
        }
        let (idle, roster) = (&self.shared.idle, &self.shared.roster);
        let search = || idle.search(roster.active_count().saturating_sub(idle.sleeping()));
        if let Some(search) = search() {
            return Some(search);
        }
        let start = clock::now();
        if !self.may_pause(start) {
            return None;
        }
        loop {
            self.pause_for_mail();
            let search = search();
            if search.is_some() || self.has_work_of_its_own() || clock::now() - start >= LINGER {
                return search;
            }
        }
    }

    /// Whether pauses keep nobody from a CPU, nor events from coming together.
    fn may_pause(&self, now: Nanos) -> bool {
        self.stands_apart(now) && !self.pace.gathers(now)
    }

    /// `Ok` when there is something to do, and the search has been ended.
    fn search_for_a_while(&self, searching: Searching) -> Result<(), Searching> {
        let start = clock::now();
        let spin = if self.may_pause(start) { SPIN } else { 0 };
        let mut turns = 0;
        while turns < TURNS {
            if self.poll_at_once() || self.has_work_of_its_own() {
                self.end_search(searching);
                return Ok(());
            }
            if let Some(fresh) = self.find_elsewhere() {
                self.end_search(searching);
                self.note_moved();
                self.perform(Work::Start(fresh));
                return Ok(());
            }
            if clock::now() - start < spin {
                self.pause_for_mail();
            } else {
                std::thread::yield_now();
                turns += 1;
            }
        }
        Err(searching)
    }

    /// Whether no other worker that is awake was last seen on the CPU of this one; if there is one,
    /// now and then moves to another CPU.
    ///
    /// The kernel wakes a thread where its waker runs when that looks cheap, and two workers that
    /// take turns look like one busy CPU to its balancer: left alone they share it for seconds, and
    /// the one that pauses keeps the CPU from the one it waits for.
    fn stands_apart(&self, now: Nanos) -> bool {
        let Some(cpu) = self.note_cpu() else {
            return true;
        };
        let shares = |other: &'static Worker| {
            !std::ptr::eq(other, self.worker)
                && other.stats.cpu.load(Ordering::Relaxed) == cpu + 1
                && other.stats.awake_since.load(Ordering::Relaxed) > 0
        };
        if !self.shared.roster.iter().any(shares) {
            return true;
        }
        if !self.shared.has_cpu_for_each() || now - self.last_move.get() < MOVE_EVERY {
            return false;
        }
        self.last_move.set(now);
        cpus::leave(cpu);
        self.note_cpu();
        true
    }

    /// Says where it runs.
    pub(super) fn note_cpu(&self) -> Option<usize> {
        let cpu = cpus::current()?;
        self.worker.stats.cpu.store(cpu + 1, Ordering::Relaxed);
        Some(cpu)
    }

    /// Pauses, until something arrives.
    fn pause_for_mail(&self) {
        for _ in 0..LOOKS {
            if self.worker.home().has_mail() || self.worker.home().has_aborts() {
                return;
            }
            hint::spin_loop();
        }
    }

    /// Whether the loop would find something without stealing.
    fn has_work_of_its_own(&self) -> bool {
        !self.ready.is_empty()
            || self.worker.home().has_mail()
            || self.worker.home().has_aborts()
            || self.worker.mail.pending() > 0
            || !self.yielded.is_empty()
            || !self.ranks.is_empty()
            || !self.deque.is_empty()
            || self.has_timer_due()
    }

    fn end_search(&self, searching: Searching) {
        let is_last = self.shared.idle.end(searching);
        if is_last && (self.shared.has_stealable() || self.wants_watch()) {
            self.shared.ring_for_work();
        }
        self.hand_watch_over();
    }

    /// A not-started routine that somebody else was going to start.
    fn find_elsewhere(&self) -> Option<Fresh> {
        let plain = || self.pick_injected().or_else(|| self.steal());
        if !self.shared.has_ranks() {
            return plain();
        }
        self.take_ranked(Priority::High)
            .or_else(plain)
            .or_else(|| self.take_ranked(Priority::Low))
    }

    /// Takes not-started routines from another worker, the nearest first.
    fn steal(&self) -> Option<Fresh> {
        let roster = &self.shared.roster;
        self.victims()
            .filter(|&i| self.may_take_from(i, roster.get(i)))
            .find_map(|i| self.steal_from(roster.get(i)))
    }

    /// One routine alone is left to its worker for a moment, as long as that goes on starting some. Taken at
    /// once, the children of a chain - a sieve, a pipeline that grows - would end up at other homes than
    /// their parents, and all they ever say to each other cross over.
    fn may_take_from(&self, number: usize, victim: &Worker) -> bool {
        let mut seen = self.seen.borrow_mut();
        if seen.len() <= number {
            seen.resize(number + 1, None);
        }
        let before = seen[number].take();
        match victim.stealable() {
            0 => false,
            1 => {
                let (started, now) = (victim.stats.started.get(), clock::now());
                let since = match before {
                    Some((before, since)) if before == started => since,
                    _ => now,
                };
                if now - since >= PATIENCE {
                    return true;
                }
                seen[number] = Some((started, since));
                false
            }
            _ => true,
        }
    }

    /// The oldest of its deque, half of what is there; else the older half of its nursery.
    fn steal_from(&self, victim: &Worker) -> Option<Fresh> {
        loop {
            match victim
                .stealer
                .steal_batch_with_limit_and_pop(&self.deque, Nursery::ROOM)
            {
                Steal::Success(fresh) => {
                    self.worker.stats.steals.add(1);
                    return Some(fresh);
                }
                Steal::Empty => break,
                Steal::Retry => {}
            }
        }
        let oldest = victim.nursery.steal(|fresh| self.deque.push(fresh))?;
        self.worker.stats.steals.add(1);
        Some(oldest)
    }

    /// Sleeps until rung or until a timer is due; the evidence says that it was rung to search.
    fn sleep(&self, searching: Option<Searching>) -> Option<Searching> {
        let listed = self.is_active();
        if listed {
            self.shared.idle.enter(self.number, searching);
            if self.shared.has_stealable() {
                return Some(self.shared.idle.leave_to_search(self.number));
            }
        } else if let Some(searching) = searching {
            self.end_search(searching);
        }
        let home = self.worker.home();
        if home.fall_asleep() {
            // ORDER: SeqCst, after the sleep word is set; pairs with the fences before
            // `Home::notice`: mail, an abort or a phase stored before them is seen by the look below.
            crate::prim::fence(Ordering::SeqCst);
            let has_news = self.worker.mail.pending() > 0 || home.has_aborts();
            if !has_news && !self.has_step_to_do() {
                self.sleep_until_due();
            }
        }
        home.take(&self.ready);
        match listed {
            true => self.shared.idle.leave(self.number),
            false => None,
        }
    }

    fn sleep_until_due(&self) {
        let watched = self.watch_others();
        let mut limit = match self.next_look().min(watched) {
            Nanos::MAX => None,
            due => Some(clock::until(due)),
        };
        if let Some(again) = self.trim() {
            limit = Some(limit.map_or(again, |limit| limit.min(again)));
        }
        let asleep = self.note_asleep();
        if self.had_slept.get() && self.shared.idle.sleeping() >= self.shared.roster.active_count()
        {
            self.shared.rest_if_alone();
        }
        self.sleep_for(limit);
        self.end_watch(watched);
        let awake = self.note_awake();
        self.had_slept.set(awake - asleep > PERIOD);
    }

    /// It runs routines, or looks for some: the monitor watches.
    pub(super) fn note_awake(&self) -> Nanos {
        let now = clock::now();
        let since = &self.worker.stats.awake_since;
        since.store(now.max(1), Ordering::Relaxed);
        self.shared.monitor.note_awake();
        now
    }

    /// Gives memory of free stacks back, unless that was done a moment ago: then the time left.
    fn trim(&self) -> Option<Duration> {
        let mut cache = self.cache.borrow_mut();
        if !cache.wants_trim() {
            return None;
        }
        let (now, due) = (clock::now(), self.last_trim.get() + TRIM_EVERY);
        if now < due {
            return Some(Duration::from_nanos((due - now) as u64));
        }
        while cache.trim() {
            if self.worker.home().has_mail() {
                return Some(Duration::ZERO);
            }
        }
        self.last_trim.set(now);
        None
    }

    pub(super) fn note_asleep(&self) -> Nanos {
        let now = clock::now();
        self.worker.set_stalled(false);
        let stats = &self.worker.stats;
        let since = stats.awake_since.swap(0, Ordering::Relaxed);
        if since > 0 {
            stats.busy.add(now - since);
        }
        now
    }

    /// Waits for a moment, or for news.
    pub(super) fn nap(&self) {
        self.sleep_for(Some(NAP));
    }
}
