//! What the monitor has seen of one worker: since when it runs the same routine, and what that does.
//!
//! A thread that has used half of the time or more runs; that costs one look at its CPU clock. Else the
//! kernel is asked what it waits for, again only when the thread has run since. One that waits for a CPU is
//! said to be running. What runs is stuck when it has had a whole time slice of its CPU: on a busy machine a routine
//! that others keep from its CPU does nothing wrong, and a stand-in would get no CPU either.

use std::time::Duration;

use super::super::clock::Nanos;
use super::super::shared::Shared;
use super::super::stall::{Stall, StallClass};
use super::super::worker::Worker;
use super::PERIOD;
use crate::prim::Ordering;
use crate::sys::thread::{self, Doing};

/// From when on a worker is stuck; looks are not exactly a period apart.
const STUCK: Nanos = PERIOD - PERIOD / 8;
/// In a futex for so long, with home-mates, is a probable deadlock.
const DEADLOCK: Nanos = 1_000_000_000;
/// How often that is said.
const AGAIN: Nanos = 10_000_000_000;
/// A thread that has used less than this between two looks is where it was.
const STILL: Nanos = 50_000;

#[derive(Default)]
pub(super) struct Seen {
    /// The thread; workers of `Place::Own` are used again, and count anew.
    thread: thread::Id,
    /// How many routines had been resumed when this one was first seen.
    switches: u64,
    since: Nanos,
    /// The thread's CPU time then.
    used_before: Option<Nanos>,
    /// The thread's CPU time at the last look, and when that was.
    used: Option<Nanos>,
    looked: Nanos,
    stall: Option<Episode>,
}

/// A stall that goes on.
struct Episode {
    class: StallClass,
    is_reported: bool,
    /// Since when it is in the same futex, and when that is to be said.
    in_futex: Option<(usize, Nanos)>,
    say_deadlock: Nanos,
}

/// What has to be said of a stall.
#[derive(Default)]
pub(super) struct Due {
    pub(super) is_new: bool,
    pub(super) is_deadlock: bool,
}

impl Seen {
    /// What the worker is stuck in, if it is.
    pub(super) fn look(&mut self, worker: &Worker, now: Nanos) -> Option<StallClass> {
        let runs = worker.is_awake() && !worker.stats.current.load(Ordering::Relaxed).is_null();
        let switches = worker.stats.switches.get();
        let id = worker.thread();
        if !runs || switches != self.switches || id != self.thread {
            if self.stall.take().is_some() {
                worker.set_stalled(false);
            }
            self.thread = id;
            self.switches = switches;
            self.since = now;
            self.looked = now;
            self.used = if runs { thread::cpu_time(id) } else { None };
            self.used_before = self.used;
            return None;
        }
        if now - self.since < STUCK {
            return None;
        }
        let used = thread::cpu_time(id);
        let used_since = |before: Option<Nanos>| used.zip(before).map(|(now, before)| now - before);
        let times = Times {
            elapsed: now - self.looked,
            last: used_since(self.used),
            all: used_since(self.used_before),
        };
        (self.used, self.looked) = (used, now);
        let before = self.stall.as_ref().map(|stall| stall.class);
        let class = match before {
            Some(class) if class.is_blocked() && times.stands_still() => Some(class),
            _ => times.judge(|| thread::doing(id).0),
        };
        match class {
            Some(class) => self.note(class, now),
            None => worker.set_stalled(false),
        }
        class
    }

    fn note(&mut self, class: StallClass, now: Nanos) {
        let since = self.since;
        let stall = self.stall.get_or_insert(Episode {
            class,
            is_reported: false,
            in_futex: None,
            say_deadlock: 0,
        });
        let first = stall.in_futex.is_none() && !stall.is_reported;
        stall.class = class;
        stall.in_futex = match (class, stall.in_futex) {
            (StallClass::Futex { address }, Some((before, since))) if before == address => {
                Some((address, since))
            }
            (StallClass::Futex { address }, _) => {
                let since = if first { since } else { now };
                stall.say_deadlock = since + DEADLOCK;
                Some((address, since))
            }
            _ => None,
        };
    }

    /// How many routines had been resumed when the one that runs was.
    pub(super) fn switches(&self) -> u64 {
        self.switches
    }

    /// What has to be said now, once.
    pub(super) fn due_reports(&mut self, worker: &Worker, now: Nanos) -> Due {
        let Some(stall) = &mut self.stall else {
            return Due::default();
        };
        let is_new = !std::mem::replace(&mut stall.is_reported, true);
        let is_deadlock =
            stall.in_futex.is_some() && now >= stall.say_deadlock && worker.load() > 1;
        if is_deadlock {
            stall.say_deadlock = now + AGAIN;
        }
        Due {
            is_new,
            is_deadlock,
        }
    }

    /// The stall in words; `None`: it is over.
    pub(super) fn describe(
        &self,
        shared: &Shared,
        number: Option<usize>,
        worker: &Worker,
        now: Nanos,
        is_probable_deadlock: bool,
    ) -> Option<Stall> {
        let stall = self.stall.as_ref()?;
        let (routine, spawned_at, name) = shared.peek_current(worker)?;
        // Else that was another one.
        (worker.stats.switches.get() == self.switches).then(|| Stall {
            routine,
            name,
            spawned_at,
            worker: number,
            time: Duration::from_nanos((now - self.since) as u64),
            class: stall.class,
            stranded: worker.load().saturating_sub(1),
            is_probable_deadlock,
        })
    }
}

/// What a thread has used of its CPU.
#[derive(Clone, Copy)]
struct Times {
    /// Between the last two looks, and the CPU time of that.
    elapsed: Nanos,
    last: Option<Nanos>,
    /// CPU time since the routine was first seen.
    all: Option<Nanos>,
}

impl Times {
    fn stands_still(self) -> bool {
        self.last.is_some_and(|last| last < STILL)
    }

    /// What the routine is stuck in; `None`: it has not had its time slice yet.
    fn judge(self, doing: impl FnOnce() -> Doing) -> Option<StallClass> {
        let runs = self.last.is_some_and(|last| 2 * last >= self.elapsed);
        match if runs { Doing::Running } else { doing() } {
            // Not told: if its clock stands still, it waits for something.
            Doing::Unknown if self.stands_still() => Some(StallClass::Unknown),
            Doing::Running | Doing::Unknown => {
                let had_its_slice = self.all.is_none_or(|all| all >= STUCK);
                had_its_slice.then_some(StallClass::Computing)
            }
            Doing::Futex { address } => Some(StallClass::Futex { address }),
            Doing::Call { number } => Some(StallClass::SystemCall {
                number,
                name: thread::call_name(number),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(last: Nanos, all: Nanos, doing: Doing) -> Option<StallClass> {
        let times = Times {
            elapsed: PERIOD,
            last: Some(last),
            all: Some(all),
        };
        times.judge(|| doing)
    }

    #[test]
    fn what_uses_its_cpu_computes_whatever_the_kernel_says() {
        let doing = Doing::Call { number: 1 };
        let computing = Some(StallClass::Computing);
        assert_eq!(judge(PERIOD / 2, PERIOD, doing), computing);
        assert_eq!(judge(PERIOD / 4, PERIOD, Doing::Running), computing);
        assert_eq!(judge(PERIOD / 4, PERIOD, Doing::Unknown), computing);
    }

    #[test]
    fn what_is_kept_from_its_cpu_is_not_stuck() {
        for doing in [Doing::Running, Doing::Unknown] {
            assert_eq!(judge(PERIOD / 4, PERIOD / 4, doing), None);
        }
        assert_eq!(judge(0, 0, Doing::Running), None);
    }

    #[test]
    fn what_stands_still_is_where_the_kernel_says() {
        let number = libc::SYS_read;
        let name = Some("read");
        assert_eq!(
            judge(0, 0, Doing::Call { number }),
            Some(StallClass::SystemCall { number, name })
        );
        let address = 16;
        assert_eq!(
            judge(0, 0, Doing::Futex { address }),
            Some(StallClass::Futex { address })
        );
        assert_eq!(judge(0, 0, Doing::Unknown), Some(StallClass::Unknown));
    }
}
