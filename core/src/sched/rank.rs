//! Priorities: which of those that could run here comes first.
//!
//! As long as nobody in a runtime has been given a priority, nothing of this is looked at but one flag. It is
//! raised by the first one that has and never taken back, so that nothing can be left behind in a list that
//! nobody looks at. From then on what becomes ready is sorted when the next one is picked:
//!
//! ```text
//! ready   ----sort----> high, normal, low
//! yielded ----sort----> high, stood back, low
//! ```
//!
//! Each push goes where it went before, so wakes, timers and sockets know nothing of priorities, and each
//! routine is moved once. Not-started ones of a priority have queues of their own from the beginning, beside
//! those of the others: at the worker that spawns them, in the mail, and in common. They are started in the
//! order they were spawned, not depth first.
//!
//! A worker takes high ones first, then normal ones, then low ones. But every [`NORMAL`]th pick looks for a
//! normal one first, and every [`LOW`]th for a low one: so of as many picks in a row one at least is such a
//! one, if one waits. Counted in picks, because that can be promised; a pick lasts as long as a routine runs.
//!
//! The turns of those that have waited longest among the normal ones (`run`) are counted in looks for a normal one. In
//! picks, they would fall on other picks than every `NORMAL`th, and never come beside a busy high one.
//!
//! Rejected: sorting at each push (every wake would look at the priority of whom it wakes), ages that grow
//! (they need a clock or a walk), handing priorities on to children or to holders of locks (Go has neither,
//! and what is inherited by accident is hard to find).

use std::ptr::NonNull;

use crossbeam_queue::SegQueue;

use super::core::Core;
use super::run::Work;
use crate::control::{Body, Fresh, Priority};
use crate::prim::{AtomicUsize, Ordering};
use crate::queue::list::List;

/// Of so many picks one looks for a normal routine first.
const NORMAL: u32 = 8;
/// Of so many picks one looks for a low routine first; a multiple of `NORMAL`, whose turn it takes.
const LOW: u32 = 64;

/// Routines of one home that can go on, sorted. Empty until priorities are used.
pub(super) struct Ranks {
    high: List<Body>,
    normal: List<Body>,
    stood_back: List<Body>,
    low: List<Body>,
    turn: std::cell::Cell<u32>,
    /// Looks for a normal one.
    plain: std::cell::Cell<u32>,
}

impl Ranks {
    pub(super) fn new() -> Ranks {
        Ranks {
            high: List::new(),
            normal: List::new(),
            stood_back: List::new(),
            low: List::new(),
            turn: std::cell::Cell::new(0),
            plain: std::cell::Cell::new(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.high.is_empty()
            && self.normal.is_empty()
            && self.stood_back.is_empty()
            && self.low.is_empty()
    }

    /// Moves all of `from` to its lists.
    fn sort(&self, from: &List<Body>, normal: &List<Body>) {
        while let Some(body) = from.pop() {
            // SAFETY: in a queue of this home, so alive.
            let list = match unsafe { body.as_ref() }.priority() {
                Priority::High => &self.high,
                Priority::Normal => normal,
                Priority::Low => &self.low,
            };
            // SAFETY: it has just been taken out of the other list.
            unsafe { list.push(body) };
        }
    }
}

/// Not-started routines that have a priority.
#[derive(Default)]
pub(crate) struct RankedQueue {
    high: SegQueue<Fresh>,
    low: SegQueue<Fresh>,
    /// Never less than what is in there.
    count: AtomicUsize,
}

impl RankedQueue {
    /// Gives it back if it has none.
    pub(crate) fn push(&self, fresh: Fresh) -> Result<(), Fresh> {
        let queue = match fresh.header().priority() {
            Priority::Normal => return Err(fresh),
            Priority::High => &self.high,
            Priority::Low => &self.low,
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        queue.push(fresh);
        Ok(())
    }

    pub(crate) fn pop(&self, priority: Priority) -> Option<Fresh> {
        if self.is_empty() {
            return None;
        }
        let fresh = match priority {
            Priority::High => self.high.pop(),
            Priority::Normal => None,
            Priority::Low => self.low.pop(),
        }?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(fresh)
    }

    pub(crate) fn pop_any(&self) -> Option<Fresh> {
        self.pop(Priority::High).or_else(|| self.pop(Priority::Low))
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Core {
    /// The next thing to do here, when there are priorities.
    #[cold]
    pub(super) fn pick_ranked(&self) -> Option<Work> {
        let ranks = &self.ranks;
        if self.ready.is_empty() && ranks.is_empty() && self.worker.home().has_mail() {
            self.worker.home().take(&self.ready);
        }
        ranks.sort(&self.ready, &ranks.normal);
        ranks.sort(&self.yielded, &ranks.stood_back);
        let turn = ranks.turn.get().wrapping_add(1);
        ranks.turn.set(turn);
        let order = if turn % LOW == 0 {
            [Priority::Low, Priority::High, Priority::Normal]
        } else if turn % NORMAL == 0 {
            [Priority::Normal, Priority::High, Priority::Low]
        } else {
            [Priority::High, Priority::Normal, Priority::Low]
        };
        order.into_iter().find_map(|priority| match priority {
            Priority::High => self.pick_of(priority, &ranks.high, turn),
            Priority::Normal => {
                let plain = ranks.plain.get().wrapping_add(1);
                ranks.plain.set(plain);
                self.pick_plain(plain, &ranks.normal, &ranks.stood_back)
            }
            Priority::Low => self.pick_of(priority, &ranks.low, turn / LOW),
        })
    }

    /// One of `priority`: those that have started and the queues of the others in turn.
    fn pick_of(&self, priority: Priority, started: &List<Body>, turn: u32) -> Option<Work> {
        (0..4).find_map(|i| match (turn + i) % 4 {
            0 => started.pop().map(Work::Resume),
            1 => self.worker.ranks.pop(priority).map(Work::Start),
            2 => self.pick_ranked_mail(priority).map(Work::Start),
            _ if !self.is_active() => None,
            _ => self.shared.ranks.pop(priority).map(Work::Start),
        })
    }

    /// Takes a not-started one of `priority` that another worker, or nobody, was going to start.
    pub(super) fn take_ranked(&self, priority: Priority) -> Option<Fresh> {
        let roster = &self.shared.roster;
        self.shared.ranks.pop(priority).or_else(|| {
            self.victims()
                .find_map(|number| roster.get(number).ranks.pop(priority))
                .inspect(|_| self.worker.stats.steals.add(1))
        })
    }

    /// The routine that runs here has another priority from its next wait or yield on.
    pub(crate) fn set_priority(&self, body: NonNull<Body>, priority: Priority) {
        if priority != Priority::Normal {
            self.shared.use_ranks();
        }
        // SAFETY: the current routine's body, on its own thread.
        unsafe { body.as_ref() }.set_priority(priority);
    }
}
