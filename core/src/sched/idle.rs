//! Who searches, who sleeps, and who wakes a sleeper for work that anyone may take.
//!
//! Work that belongs to a worker goes through its inbox and needs nothing of this. Work that any
//! worker may start - not-started routines in a deque, a nursery or the injector - must never lie
//! unseen while a worker sleeps. Waking a sleeper costs microseconds, so a publisher does it only
//! if nobody is searching already; that is the delicate part.
//!
//! ```text
//! publisher                               worker that runs out of work
//! P1 publish the work                     W1 search (counted in `searching` if it may)
//! P2 fence SeqCst                         W2 enter the list of sleepers, sleeping += 1
//! P3 read the counts                      W3 searching -= 1 (if it searched)
//! P4 searching > 0 or sleeping == 0:      W4 fence SeqCst
//!    done                                 W5 look at all stealable work once more:
//! P5 CAS searching 0 -> 1, take a            found: leave the list, go on as a searcher
//!    sleeper off the list, ring it        W6 sleep
//! ```
//!
//! Argument. Let P2 and W4 be ordered by the SeqCst fences. If P2 comes before W4, W5 sees the work
//! of P1. If W4 comes before P2, P3 sees W2 and W3, so the worker counts as sleeping and not as
//! searching: either P5 rings it (or another sleeper), or P4 saw another searcher. That searcher has
//! not reached its own W4 before P2 by the same argument, or it finds work and, when it stops
//! searching as the last one, looks again (`end` tells it so) and wakes the next.
//!
//! "Published work" has to stay where W5 looks for it. Where it moves - from the nursery or the injector
//! into a deque - W5 may look at both ends at the wrong moments and see neither. So a move is a
//! publication: whoever moved work and left some of it goes through P2 to P5 afterwards.
//!
//! P5 is a search too, while it lasts: if the list turns out empty, because the sleeper has left by
//! itself, the claim is taken back and the counts are read once more. (Without that, a second
//! publisher that met the short-lived claim at P4 and a worker that entered the list after the look
//! at it would miss each other.)
//!
//! A sleeper is rung by the one publisher that took it off the list and inherits the publisher's
//! count in `searching`: the evidence `Searching` is made in exactly these two places.

use crate::prim::{AtomicU64, Ordering, SpinLock, fence, full_fence};

/// `searching` in the low half, `sleeping` in the high half.
pub(crate) struct Idle {
    counts: AtomicU64,
    /// Numbers of the sleeping workers; the last to fall asleep has the warmest caches.
    sleepers: SpinLock<Vec<usize>>,
}

/// The worker that holds this is counted in `searching`.
#[must_use]
pub(crate) struct Searching(());

const SEARCHING: u64 = 1;
const SLEEPING: u64 = 1 << 32;

fn searching(counts: u64) -> u64 {
    counts & (SLEEPING - 1)
}

fn sleeping(counts: u64) -> u64 {
    counts >> 32
}

impl Idle {
    pub(crate) fn new() -> Idle {
        Idle {
            counts: AtomicU64::new(0),
            sleepers: SpinLock::new(Vec::new()),
        }
    }

    /// P2 to P5, after publishing: the number of a worker that the caller must ring now.
    #[inline]
    #[must_use]
    pub(crate) fn to_ring(&self) -> Option<usize> {
        // ORDER: SeqCst, P2; pairs with the fence in `end` and `enter` (W4).
        full_fence();
        let counts = self.counts.load(Ordering::Relaxed);
        if searching(counts) > 0 || sleeping(counts) == 0 {
            return None;
        }
        self.to_ring_slow(counts)
    }

    #[cold]
    fn to_ring_slow(&self, mut counts: u64) -> Option<usize> {
        while searching(counts) == 0 && sleeping(counts) > 0 {
            // ORDER: SeqCst keeps the count in one order with W2 and W3.
            let claimed = self.counts.compare_exchange(
                counts,
                counts + SEARCHING,
                Ordering::SeqCst,
                Ordering::Relaxed,
            );
            if claimed.is_ok() {
                let mut sleepers = self.sleepers.lock();
                if let Some(number) = sleepers.pop() {
                    // ORDER: SeqCst, as above.
                    self.counts.fetch_sub(SLEEPING, Ordering::SeqCst);
                    return Some(number);
                }
                // The sleeper left by itself. Taking the claim back is the end of a search: another
                // publisher may have relied on it at P4 meanwhile, so the counts are read anew.
                // ORDER: SeqCst, as above.
                self.counts.fetch_sub(SEARCHING, Ordering::SeqCst);
                drop(sleepers);
            }
            // ORDER: as P2: what anybody published before relying on our claim is either seen by the
            // worker that enters the list after this, or that worker is seen here.
            fence(Ordering::SeqCst);
            counts = self.counts.load(Ordering::Relaxed);
        }
        None
    }

    /// W1: searching pays while at most half of the `awake` workers do it.
    pub(crate) fn search(&self, awake: usize) -> Option<Searching> {
        let counts = self.counts.load(Ordering::Relaxed);
        if 2 * searching(counts) >= awake as u64 {
            return None;
        }
        Some(self.search_anyway())
    }

    fn search_anyway(&self) -> Searching {
        // ORDER: SeqCst, one order with the other changes of the counts.
        self.counts.fetch_add(SEARCHING, Ordering::SeqCst);
        Searching(())
    }

    /// Stops searching. `true`: it was the last, so the caller looks at the stealable work after
    /// this, and if there is some asks `to_ring`.
    #[must_use]
    pub(crate) fn end(&self, search: Searching) -> bool {
        let Searching(()) = search;
        // ORDER: SeqCst, W3 and W4: the look that follows is after this in the one order.
        let before = self.counts.fetch_sub(SEARCHING, Ordering::SeqCst);
        // ORDER: W4; pairs with P2 in `to_ring`.
        fence(Ordering::SeqCst);
        searching(before) == 1
    }

    /// W2, then W3 and W4: lists the worker as asleep and ends its search.
    pub(crate) fn enter(&self, number: usize, search: Option<Searching>) {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(number);
        // ORDER: SeqCst, W2 before W3; pairs with P3.
        self.counts.fetch_add(SLEEPING, Ordering::SeqCst);
        drop(sleepers);
        if let Some(Searching(())) = search {
            // ORDER: SeqCst, W3.
            self.counts.fetch_sub(SEARCHING, Ordering::SeqCst);
        }
        // ORDER: W4; pairs with P2 in `to_ring`.
        fence(Ordering::SeqCst);
    }

    /// Leaves the list; the evidence says that a publisher had taken the worker off it to search.
    pub(crate) fn leave(&self, number: usize) -> Option<Searching> {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().rposition(|&n| n == number) else {
            return Some(Searching(()));
        };
        sleepers.remove(at);
        // ORDER: SeqCst, one order with the other changes of the counts.
        self.counts.fetch_sub(SLEEPING, Ordering::SeqCst);
        None
    }

    /// W5: leaves the list because work was seen. The worker searches from here on even if nobody
    /// asked it to: publishers may have relied on the search that it ended at W3.
    pub(crate) fn leave_to_search(&self, number: usize) -> Searching {
        self.leave(number).unwrap_or_else(|| self.search_anyway())
    }

    /// Whether somebody searches, or could be rung to; a snapshot.
    pub(crate) fn is_anyone_free(&self) -> bool {
        self.counts.load(Ordering::Relaxed) != 0
    }

    /// How many workers are listed as asleep; a snapshot.
    pub(crate) fn sleeping(&self) -> usize {
        sleeping(self.counts.load(Ordering::Relaxed)) as usize
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// Stands in for the stealable queues: counts, of which `take` takes one off.
    #[derive(Default)]
    struct Work {
        injector: AtomicUsize,
        deque: AtomicUsize,
    }

    impl Work {
        fn take(&self) -> bool {
            Self::take_from(&self.deque) || Self::take_from(&self.injector)
        }

        fn take_from(queue: &AtomicUsize) -> bool {
            let mut n = queue.load(Ordering::Relaxed);
            while n > 0 {
                // ORDER: pairs with nothing; a count stands for the queue here.
                match queue.compare_exchange(n, n - 1, Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(now) => n = now,
                }
            }
            false
        }

        /// W5, in the order that can miss what moves.
        fn is_seen(&self) -> bool {
            self.deque.load(Ordering::Relaxed) > 0 || self.injector.load(Ordering::Relaxed) > 0
        }
    }

    struct World {
        idle: Idle,
        work: Work,
        rung: Vec<(loom::sync::Mutex<bool>, loom::sync::Condvar)>,
        done: AtomicUsize,
    }

    impl World {
        fn new(workers: usize) -> Arc<World> {
            Arc::new(World {
                idle: Idle::new(),
                work: Work::default(),
                rung: (0..workers).map(|_| Default::default()).collect(),
                done: AtomicUsize::new(0),
            })
        }

        fn publish(&self) {
            self.work.injector.fetch_add(1, Ordering::Relaxed);
            self.ring();
        }

        /// What a worker does that takes a batch from the injector and keeps one piece for later.
        fn move_one(&self) {
            if Work::take_from(&self.work.injector) {
                self.work.deque.fetch_add(1, Ordering::Relaxed);
                self.ring();
            }
        }

        fn ring(&self) {
            if let Some(number) = self.idle.to_ring() {
                *self.rung[number].0.lock().unwrap() = true;
                self.rung[number].1.notify_one();
            }
        }

        fn take(&self, search: &mut Option<Searching>) -> bool {
            let found = self.work.take();
            if found {
                if let Some(search) = search.take() {
                    if self.idle.end(search) && self.work.is_seen() {
                        self.ring();
                    }
                }
            }
            found
        }

        /// W2 to W6, and what follows.
        fn sleep(&self, number: usize, search: Option<Searching>) -> Option<Searching> {
            self.idle.enter(number, search);
            if self.work.is_seen() {
                return Some(self.idle.leave_to_search(number));
            }
            let mut rung = self.rung[number].0.lock().unwrap();
            while !*rung {
                rung = self.rung[number].1.wait(rung).unwrap();
            }
            *rung = false;
            drop(rung);
            self.idle.leave(number)
        }

        /// One worker: does one piece and is gone.
        fn do_one(&self, number: usize) {
            let mut search = self.idle.search(2);
            while !self.take(&mut search) {
                search = self.sleep(number, search);
            }
        }

        /// One worker: works until `total` pieces have been done.
        fn do_all(&self, number: usize, total: usize) {
            let mut search = self.idle.search(2);
            loop {
                while self.take(&mut search) {
                    // ORDER: AcqRel; pairs with the load below, and orders nothing of the protocol.
                    self.done.fetch_add(1, Ordering::AcqRel);
                }
                // ORDER: pairs with the addition above.
                if self.done.load(Ordering::Acquire) == total {
                    if let Some(search) = search.take() {
                        let _last = self.idle.end(search);
                    }
                    return;
                }
                search = self.sleep(number, search);
            }
        }
    }

    /// A publisher, and a worker that falls asleep: every piece of work is done, or the model ends
    /// in a deadlock that loom reports.
    #[test]
    fn no_work_is_left_to_sleepers() {
        loom::model(|| {
            let world = World::new(1);
            let worker = {
                let world = world.clone();
                thread::spawn(move || world.do_all(0, 2))
            };
            world.publish();
            world.publish();
            worker.join().unwrap();
            assert_eq!(world.done.load(Ordering::Relaxed), 2);
            assert_eq!(world.idle.counts.load(Ordering::Relaxed), 0);
        });
    }

    /// Two workers that do one piece each, and two pieces: whoever has found one leaves the other to
    /// the other worker, which must not sleep on. At the end nobody is counted as searching.
    fn one_piece_each(publishers: usize, preemptions: usize) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(preemptions);
        model.check(move || {
            let world = World::new(2);
            let workers: Vec<_> = (0..2)
                .map(|number| {
                    let world = world.clone();
                    thread::spawn(move || world.do_one(number))
                })
                .collect();
            let others: Vec<_> = (1..publishers)
                .map(|_| {
                    let world = world.clone();
                    thread::spawn(move || world.publish())
                })
                .collect();
            (publishers..=2).for_each(|_| world.publish());
            for thread in workers.into_iter().chain(others) {
                thread.join().unwrap();
            }
            assert_eq!(searching(world.idle.counts.load(Ordering::Relaxed)), 0);
        });
    }

    #[test]
    fn a_searcher_that_finds_work_hands_the_search_on() {
        one_piece_each(1, 3);
    }

    /// The claim of one publisher lives while the other looks: see the note on P5.
    #[test]
    fn a_claim_that_is_taken_back_misleads_nobody() {
        one_piece_each(2, 2);
    }

    /// Work moves from one queue to another while a worker falls asleep: it is still found.
    #[test]
    fn work_that_moves_is_found() {
        loom::model(|| {
            let world = World::new(1);
            let worker = {
                let world = world.clone();
                thread::spawn(move || world.do_one(0))
            };
            world.publish();
            world.move_one();
            worker.join().unwrap();
        });
    }
}
