//! The loop of a worker: what to run next.
//!
//! In order: the children of the slice that has just ended (depth first), routines that can go on,
//! not-started ones of the deque (newest first), what others have sent, what was spawned outside,
//! what has yielded, and then what other workers have to spare.
//!
//! Depth first: children are collected in the nursery while their parent runs. When it parks, the
//! newest runs next (Go's `runnext`) and the others go to the deque in reverse, so that they run in
//! the order they were spawned, before anything older: five spawns run 4 0 1 2 3, and a tree of a
//! million leaves needs a hundred stacks instead of seventy thousand. Thieves take the oldest.
//!
//! Nothing waits for ever: every 8th pick looks at the clock, the inbox and the mail, and asks the
//! poller if that was not done in the last millisecond; every 61st
//! takes from the mail, the yielded or the injector, every 976th the oldest of the deque, after 8
//! started routines in a row a not-started one has its turn, and after 61 children in a row (a chain
//! in which each spawns the next) one that is ready.

use std::ptr::NonNull;

use crossbeam_deque::Steal;

use super::core::Core;
use crate::control::{Body, Fresh, Priority, Reason};
use crate::prim::Ordering;
use crate::queue::list::List;
use crate::sys::clock;
use crate::sys::unwind::Bomb;

/// Something to do.
pub(super) enum Work {
    Resume(NonNull<Body>),
    Start(Fresh),
}

/// Picks between two looks at clock, inbox and mail.
const LOOK: u32 = 8;
/// Picks between two that favour what has waited; prime, so that no loop of routines stays in step.
const FAIR: u32 = 61;
/// Of those, one in so many takes the oldest of the deque. That one is likely the root of a large
/// tree, started in the middle of another: at every 61st pick a tree of a million leaves had 8,600
/// stacks in use at once, at every 976th a thousand.
const OLDEST: u32 = 16;
/// Started routines in a row while not-started ones wait.
const STREAK: u32 = 8;

impl Core {
    pub(super) fn run(&self) {
        self.note_awake();
        while !self.must_leave() {
            match self.pick() {
                Some(work) => self.perform(work),
                None => {
                    self.rest();
                    if !self.go_on() {
                        break;
                    }
                }
            }
        }
        let _now = self.note_asleep();
    }

    /// After a rest: whoever has found something to do, or leaves, does not look at the alarms of others. `false`: it
    /// leaves, which is asked once: one that has drained is vacant from then on.
    #[cold]
    fn go_on(&self) -> bool {
        if self.must_leave() {
            self.hand_watch_over();
            return false;
        }
        if let Some(work) = self.pick() {
            self.hand_watch_over();
            self.perform(work);
        }
        true
    }

    #[inline(always)]
    pub(super) fn perform(&self, work: Work) {
        match work {
            Work::Resume(body) => self.resume(body),
            Work::Start(fresh) => self.start(fresh),
        }
    }

    /// The next thing to do here.
    #[inline(always)]
    fn pick(&self) -> Option<Work> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        if tick % LOOK == 0 {
            self.look_around();
        }
        if self.shared.has_ranks() {
            return self.pick_ranked();
        }
        self.pick_plain(tick, &self.ready, &self.yielded)
    }

    /// The next of those without a priority; `ready` and `yielded` are where they wait.
    #[inline(always)]
    pub(super) fn pick_plain(
        &self,
        tick: u32,
        ready: &List<Body>,
        yielded: &List<Body>,
    ) -> Option<Work> {
        if tick % FAIR == 0 {
            if let Some(work) = self.pick_oldest(tick / FAIR, yielded) {
                return Some(work);
            }
        }
        if self.has_children.get() {
            let births = self.births.get();
            if births < FAIR || ready.is_empty() {
                self.births.set(births + 1);
                if let Some(fresh) = self.flush_nursery() {
                    return Some(Work::Start(fresh));
                }
            }
        }
        self.births.set(0);
        let streak = self.streak.get();
        if streak < STREAK {
            if let Some(body) = ready.pop() {
                self.streak.set(streak + 1);
                return Some(Work::Resume(body));
            }
        }
        self.streak.set(0);
        if let Some(fresh) = self.deque.pop() {
            return Some(Work::Start(fresh));
        }
        if streak >= STREAK {
            if let Some(body) = ready.pop() {
                return Some(Work::Resume(body));
            }
        }
        self.pick_sent(ready, yielded)
    }

    /// What came from others, and what stood back for it.
    #[inline]
    fn pick_sent(&self, ready: &List<Body>, yielded: &List<Body>) -> Option<Work> {
        let home = self.worker.home();
        if home.has_mail() {
            home.take(&self.ready);
            if let Some(body) = ready.pop() {
                return Some(Work::Resume(body));
            }
        }
        if let Some(fresh) = self.pick_mail() {
            return Some(Work::Start(fresh));
        }
        if let Some(fresh) = self.pick_injected() {
            self.note_moved();
            return Some(Work::Start(fresh));
        }
        yielded.pop().map(Work::Resume)
    }

    #[inline]
    fn pick_mail(&self) -> Option<Fresh> {
        let fresh = self.worker.mail.pop();
        self.arriving.set(fresh.is_some());
        fresh
    }

    pub(super) fn pick_ranked_mail(&self, priority: Priority) -> Option<Fresh> {
        let fresh = self.worker.mail.pop_ranked(priority);
        self.arriving.set(fresh.is_some());
        fresh
    }

    /// One that was taken out of the mail has found its place.
    #[inline]
    fn note_arrival(&self) {
        if self.arriving.replace(false) {
            self.worker.mail.arrived();
        }
    }

    /// A batch from the injector; the first to run, the others to the deque. `note_moved` follows.
    pub(super) fn pick_injected(&self) -> Option<Fresh> {
        if !self.is_active() || self.shared.injector.is_empty() {
            return None;
        }
        loop {
            match self.shared.injector.steal_batch_and_pop(&self.deque) {
                Steal::Success(fresh) => return Some(fresh),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    /// Timers that are due, and homed work, into the ready queue.
    #[inline]
    pub(super) fn look_around(&self) {
        // First: what came in time is not late because nobody has looked.
        self.poll_now_and_then();
        self.fire_timers();
        if self.shared.monitor.take_errand() {
            self.fire_others(clock::now());
        }
        let home = self.worker.home();
        if home.has_mail() {
            home.take(&self.ready);
        }
        if home.has_aborts() {
            self.end_aborted();
        }
    }

    /// The turn of what has waited longest: each of the queues in turn comes first.
    fn pick_oldest(&self, turn: u32, yielded: &List<Body>) -> Option<Work> {
        if turn % OLDEST == 0 {
            if let Some(fresh) = self.worker.stealer.steal().success() {
                return Some(Work::Start(fresh));
            }
        }
        (0..3).find_map(|i| match (turn + i) % 3 {
            0 => self.pick_mail().map(Work::Start),
            1 => yielded.pop().map(Work::Resume),
            _ => self.pick_injected().map(|fresh| {
                self.note_moved();
                Work::Start(fresh)
            }),
        })
    }

    /// A new child of the routine that runs here.
    #[inline]
    pub(super) fn add_child(&self, fresh: Fresh) {
        let fresh = match self.shared.has_ranks() {
            true => match self.worker.ranks.push(fresh) {
                Ok(()) => return,
                Err(fresh) => fresh,
            },
            false => fresh,
        };
        self.worker
            .nursery
            .push(fresh, |fresh| self.deque.push(fresh));
        self.has_children.set(true);
    }

    /// Empties the nursery: the newest child is returned, the others go to the deque.
    #[inline]
    fn flush_nursery(&self) -> Option<Fresh> {
        self.has_children.set(false);
        let mut others = false;
        let newest = self.worker.nursery.flush(|fresh| {
            self.deque.push(fresh);
            others = true;
        });
        if others {
            self.note_moved();
        }
        newest
    }

    /// What has not started here goes where any active worker finds it.
    pub(super) fn send_all_on(&self) {
        let newest = match self.has_children.get() {
            true => self.flush_nursery(),
            false => None,
        };
        let rest = std::iter::from_fn(|| match self.deque.is_empty() {
            true => None,
            false => self.deque.pop(),
        });
        let ranked = std::iter::from_fn(|| self.worker.ranks.pop_any());
        for fresh in ranked.chain(newest).chain(rest) {
            self.shared.inject(fresh);
            self.shared.ring_for_work();
        }
        if self.worker.mail.pending() > 0 {
            self.shared.send_on(self.worker);
        }
    }

    /// Not-started routines have moved into this worker's deque: a worker that looked here before and
    /// where they came from afterwards has seen neither, and may be about to sleep (`idle`, W5).
    #[inline]
    pub(super) fn note_moved(&self) {
        if !self.deque.is_empty() {
            self.shared.ring_for_work();
        }
    }

    /// Gives a not-started routine its stack and its first turn.
    #[inline(never)]
    fn start(&self, fresh: Fresh) {
        let header = fresh.header();
        let mut cache = self.cache.borrow_mut();
        let stack = match header.take_own_stack() {
            Some(stack) => {
                cache.count_lease();
                stack
            }
            None => match cache.take() {
                Ok(stack) => stack,
                Err(error) => {
                    drop(cache);
                    return self.put_off(fresh, &error);
                }
            },
        };
        let stats = &self.worker.stats;
        stats.stacks.set(cache.in_use() as u64);
        stats.stacks_high_water.set(cache.high_water() as u64);
        drop(cache);
        if self.cancelled_all.get() {
            // Told by nobody: it has not begun.
            let _nobody = header.cancel();
        }
        if let Some(name) = header.name() {
            self.worker.names.lock().insert(header.id(), name.clone());
        }
        let slot = self.registry.borrow_mut().reserve(&self.worker.slots);
        // SAFETY: the stack is leased and unused; `enter` does not unwind; this is home from here on.
        let body = unsafe { Body::build(stack, fresh.as_ptr(), self.worker.home(), slot, enter) };
        let slots = &self.worker.slots;
        self.registry.borrow().set(slots, slot, body);
        stats.started.add(1);
        stats.live.add(1);
        self.note_arrival();
        let _header = fresh.into_raw();
        self.resume(body);
    }

    /// No stack just now: it waits until one comes back, and says so once.
    #[cold]
    fn put_off(&self, fresh: Fresh, error: &std::io::Error) {
        self.shared.say_starved(error);
        if self.is_own() {
            self.worker.mail.push(fresh);
        } else {
            self.shared.inject(fresh);
        }
        self.note_arrival();
        // Others may have free stacks; nobody gains from trying again at once.
        self.nap();
        if !self.is_active() {
            // It does not try again: it has been told to drain meanwhile.
            self.shared.ring_for_work();
        }
    }

    #[inline(always)]
    fn resume(&self, body: NonNull<Body>) {
        let stats = &self.worker.stats;
        // SAFETY: taken from a queue of this home, so alive and ours to run.
        unsafe { body.as_ref() }.set_reason(Reason::Running);
        self.current.set(Some(body));
        stats.switches.add(1);
        stats.current.store(body.as_ptr(), Ordering::Relaxed);
        if let Some(next) = self.ready.first() {
            // SAFETY: in a queue of this home, so alive.
            unsafe { next.as_ref() }.prefetch();
        }
        // SAFETY: as above; this is the scheduler's own stack.
        let ended = unsafe { Body::resume(body) };
        self.current.set(None);
        stats.current.store(std::ptr::null_mut(), Ordering::Relaxed);
        if ended {
            self.retire(body);
        }
    }

    /// Takes the stack back and counts the end.
    #[inline(never)]
    fn retire(&self, body: NonNull<Body>) {
        let stats = &self.worker.stats;
        // SAFETY: it has ended; the registry's entry is removed before the stack can be used again.
        let (slot, id, named, stack) = unsafe {
            let b = body.as_ref();
            (b.registered(), b.id(), b.is_named(), Body::take_stack(body))
        };
        let slots = &self.worker.slots;
        self.registry.borrow_mut().release(slots, slot);
        if named {
            self.worker.names.lock().remove(&id);
        }
        if stack.size() == self.shared.config.stack {
            self.return_claim();
        }
        let mut cache = self.cache.borrow_mut();
        cache.put(stack);
        stats.stacks.set(cache.in_use() as u64);
        drop(cache);
        stats.finished.add(1);
    }
}

/// The first frame on every routine's stack.
///
/// # Safety
/// `body` is the body of the stack this runs on.
unsafe fn enter(body: *mut ()) {
    // Nothing below unwinds; if it did, it would meet the scheduler's frames.
    let bomb = Bomb("a panic has reached the root of a routine's stack");
    // SAFETY: the caller's promise; the body outlives everything that runs on its stack.
    let header = unsafe { (*body.cast::<Body>()).header_ptr() };
    // SAFETY: this is the routine's start.
    unsafe { (header.as_ref().vtable().run)(header) };
    bomb.defuse();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::routine;
    use crate::runtime::Builder;

    /// One worker, a chain in which each routine spawns the next: one that sleeps comes back.
    #[test]
    fn a_chain_of_spawns_starves_nobody() {
        fn link(end: Arc<AtomicBool>) {
            if !end.load(Ordering::Relaxed) {
                routine::spawn(move || link(end));
            }
        }
        let runtime = Builder::new().workers(1).build().unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let seen = end.clone();
        let sleeper = runtime.spawn(move || {
            routine::sleep(std::time::Duration::from_millis(1));
            end.store(true, Ordering::Relaxed);
        });
        runtime.spawn(move || link(seen));
        sleeper.join().unwrap();
    }

    /// One worker, one routine that yields for ever: what comes from outside has its turn.
    #[test]
    fn a_yielding_routine_starves_nobody() {
        let runtime = Builder::new().workers(1).build().unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let seen = end.clone();
        let yielding = runtime.spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                routine::yield_now();
            }
        });
        runtime
            .spawn(move || end.store(true, Ordering::Relaxed))
            .join()
            .unwrap();
        yielding.join().unwrap();
    }
}
