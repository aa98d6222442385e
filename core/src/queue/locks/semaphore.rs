//! The word of a semaphore: first come, first served, whatever they ask for.
//!
//! ```text
//! acquire                                      release
//! A1 CAS permits - n, unless QUEUED            V1 CAS permits + n, unless QUEUED
//! A2 under the line's lock: enough, and nobody V2 under the line's lock: permits + n; serve
//!    in the line: permits - n                  serve
//!    else QUEUED goes in, enter the line       S1 enough for the first: granted, permits - n; if it is a
//!                                                 task: told, and its share not given to those behind
//!                                              S2 again with the next, until there is not enough
//! ```
//!
//! - I1: while QUEUED is set, the word changes under the line's lock only.
//! - I2: the first of a line has been found to ask for more than there is - when it came, or by the last
//!   who served -, or to stand behind a task that was told: that one comes, or is dropped, which serves.
//!   Newcomers who find no line may take what it was told of, and so may the next who is served.

use super::{Comer, Entry, Line, Right};
use crate::prim::{AtomicU64, Ordering, SpinLock, const_fn};

const QUEUED: u64 = 1;
const PERMIT: u64 = 2;

/// More than anybody has.
pub(crate) const MOST: u64 = u64::MAX >> 3;

/// What one who wants so many notes in the line, which has no room for more: never enough.
pub(crate) fn ask_of(permits: u64) -> u64 {
    permits.min(MOST + 1)
}

#[repr(C)]
pub(crate) struct SemaphoreWord<L> {
    word: AtomicU64,
    pub(crate) line: SpinLock<L>,
}

impl<L> SemaphoreWord<L> {
    const_fn! {
        pub(crate) fn new(permits: u64, line: L) -> SemaphoreWord<L> {
            assert!(permits <= MOST, "more permits than a semaphore can count");
            SemaphoreWord {
                word: AtomicU64::new(permits * PERMIT),
                line: SpinLock::new(line),
            }
        }
    }

    #[inline]
    pub(crate) fn permits(&self) -> u64 {
        self.word.load(Ordering::Relaxed) / PERMIT
    }

    /// A1.
    #[inline(always)]
    pub(crate) fn try_acquire(&self, n: u64) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 && word / PERMIT >= n {
            // ORDER: Acquire pairs with the Release of whoever gave the permits back.
            match self.word.compare_exchange_weak(
                word,
                word - n * PERMIT,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// V1.
    #[inline(always)]
    fn release_free(&self, n: u64) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 {
            assert!(
                n <= MOST - word / PERMIT,
                "more permits than a semaphore can count"
            );
            // ORDER: Release pairs with the Acquire of whoever takes the permits; Acquire, so that those
            // who take all of them are ordered after each who gave some back.
            match self.word.compare_exchange_weak(
                word,
                word + n * PERMIT,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }
}

impl<L: Line> SemaphoreWord<L> {
    /// V1, V2.
    #[inline]
    pub(crate) fn release(&self, n: u64, wake: impl FnMut(L::Right)) {
        if !self.release_free(n) {
            self.release_slow(n, wake);
        }
    }

    #[cold]
    fn release_slow(&self, n: u64, wake: impl FnMut(L::Right)) {
        let mut line = self.line.lock();
        assert!(
            n <= MOST - self.permits(),
            "more permits than a semaphore can count"
        );
        // ORDER: as in `release_free`.
        self.word.fetch_add(n * PERMIT, Ordering::AcqRel);
        self.serve(&mut line, wake);
    }

    /// A2, under the line's lock.
    pub(crate) fn enter(&self, line: &L, n: u64, comer: Comer) -> Entry {
        // ORDER: Acquire pairs with the Release of whoever gave the permits back.
        let word = self.word.fetch_or(QUEUED, Ordering::Acquire);
        // One that was told comes before the line.
        let is_next = comer == Comer::Told || line.is_empty();
        if word / PERMIT >= n && is_next {
            // I1: nobody else takes any.
            self.word.fetch_sub(n * PERMIT, Ordering::Relaxed);
            self.clear(line);
            return Entry::Got;
        }
        comer.place()
    }

    /// Under the line's lock: newcomers need not come here if nobody waits.
    fn clear(&self, line: &L) {
        if line.is_empty() {
            // ORDER: Release: who takes the permits next is ordered after those whom we acquired from.
            self.word.fetch_and(!QUEUED, Ordering::Release);
        }
    }

    /// S1, S2, under the line's lock: after permits have come, the first has left the line, or a task that
    /// was told does not come.
    pub(crate) fn serve(&self, line: &mut L, mut wake: impl FnMut(L::Right)) {
        // ORDER: Acquire pairs with the Release of those who gave permits back: who is granted them is
        // ordered after us by its wake.
        let mut left = self.word.fetch_or(QUEUED, Ordering::Acquire) / PERMIT;
        while let Some(n) = line.first_ask().filter(|&n| n <= left) {
            let Some(mut first) = line.pop() else {
                break;
            };
            left -= n;
            if !first.is_task() {
                self.word.fetch_sub(n * PERMIT, Ordering::Relaxed);
                first.grant();
            }
            wake(first);
        }
        self.clear(line);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::super::modelled::{Note, Notes, wake_all};
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    struct World {
        semaphore: SemaphoreWord<Notes>,
        /// How many permits are in use.
        used: AtomicUsize,
    }

    const ALL: u64 = 2;

    impl World {
        fn new() -> Arc<World> {
            Arc::new(World {
                semaphore: SemaphoreWord::new(ALL, Notes::default()),
                used: AtomicUsize::new(0),
            })
        }

        fn stand(&self, n: u64, note: &Arc<Note>) -> bool {
            let mut line = self.semaphore.line.lock();
            let entry = self.semaphore.enter(&line, n, Comer::New);
            if entry == Entry::Got {
                return false;
            }
            line.push(note, entry);
            true
        }

        fn work_and_release(&self, n: u64) {
            let before = self.used.fetch_add(n as usize, Ordering::Relaxed);
            assert!(
                before as u64 + n <= ALL,
                "more permits in use than there are"
            );
            self.used.fetch_sub(n as usize, Ordering::Relaxed);
            let mut woken = Vec::new();
            self.semaphore.release(n, |note| woken.push(note));
            wake_all(woken);
        }

        fn visit(&self, n: u64) {
            if !self.semaphore.try_acquire(n) {
                let note = Note::blocked(n);
                if self.stand(n, &note) {
                    assert!(note.sleep(), "who blocks is woken with its permits");
                }
            }
            self.work_and_release(n);
        }

        fn serve(&self) {
            let mut woken = Vec::new();
            let mut line = self.semaphore.line.lock();
            self.semaphore.serve(&mut line, |note| woken.push(note));
            drop(line);
            wake_all(woken);
        }

        /// Waits, and gives up at some moment.
        fn leave(&self, n: u64) {
            let note = Note::blocked(n);
            if self.stand(n, &note) {
                let left = self.semaphore.line.lock().remove(&note);
                if left {
                    return self.serve();
                }
                note.sleep();
            }
            self.work_and_release(n);
        }

        /// A future that is polled once, and dropped if it has to wait.
        fn poll_and_drop(&self, n: u64) {
            let note = Note::task(n);
            if !self.stand(n, &note) {
                return self.work_and_release(n);
            }
            self.semaphore.line.lock().remove(&note);
            self.serve();
        }
    }

    fn three(acts: [fn(&World); 3]) {
        loom::model(move || {
            let world = World::new();
            let [mine, others @ ..] = acts;
            let others: Vec<_> = others
                .map(|act| {
                    let world = world.clone();
                    thread::spawn(move || act(&world))
                })
                .into();
            mine(&world);
            for other in others {
                other.join().unwrap();
            }
            assert!(world.semaphore.try_acquire(ALL), "no permit is lost");
        });
    }

    #[test]
    fn no_permit_is_lost_nor_used_twice() {
        three([
            |world| world.visit(2),
            |world| world.visit(1),
            |world| world.visit(2),
        ]);
    }

    #[test]
    fn one_leaves() {
        three([
            |world| world.visit(2),
            |world| world.leave(2),
            |world| world.visit(1),
        ]);
    }

    #[test]
    fn a_task_is_dropped() {
        three([
            |world| world.visit(2),
            |world| world.poll_and_drop(2),
            |world| world.visit(1),
        ]);
    }
}
