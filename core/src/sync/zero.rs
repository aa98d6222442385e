//! Waiting until a count is zero: what [`WaitGroup`](super::WaitGroup) and [`Latch`](super::Latch) have in
//! common.
//!
//! - I1: the count is not below zero, but for a moment in which `take_one` is refused; who adds to it, or
//!   says what it is, waits for the end of that moment.
//! - I2: who stands in the line has set QUEUED, under its lock, in a word that was not zero.
//! - I3: zero with QUEUED is a release that is due, to those in the line. The one who has taken the count
//!   there does it, under the lock, or before that whoever adds to it: so it wakes exactly those who wait
//!   for this zero, and none who has come since it was left again.

use std::time::Duration;

use super::line::{Line, Wait};
use super::seek::Seek;
use crate::control::{Outcome, Reason};
use crate::prim::{AtomicU64, Backoff, Ordering, SpinLock};
use crate::queue::locks::{Comer, Entry, Line as _};
use crate::sched::clock::{self, Nanos};
use crate::sched::park;
use crate::wait::instant::Instant;
use crate::wait::{Waiter, Wakes, wait_for};

const QUEUED: u64 = 1;
const ONE: u64 = 2;
const MOST: u64 = u64::MAX >> 2;
/// A word from here on is one of I1's moment.
const BELOW: u64 = 1 << 63;

pub(super) struct Zero {
    word: AtomicU64,
    line: SpinLock<Line>,
}

/// Why a count was not changed.
pub(super) enum Refused {
    Negative,
    Overflow,
}

/// The word with another count; QUEUED stays what it is.
#[inline]
fn sum(word: u64, delta: i64) -> Result<u64, Refused> {
    match ((word / ONE) as i64).checked_add(delta) {
        Some(count) if count < 0 => Err(Refused::Negative),
        Some(count) if count as u64 <= MOST => Ok((count as u64 * ONE) | (word & QUEUED)),
        _ => Err(Refused::Overflow),
    }
}

impl Zero {
    pub(super) const fn new(count: u64) -> Zero {
        assert!(count <= MOST, "Latch::new: more than can be counted");
        Zero {
            word: AtomicU64::new(count * ONE),
            line: SpinLock::new(Line::new()),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.settled() / ONE
    }

    /// The word, outside of I1's moment.
    #[inline]
    fn settled(&self) -> u64 {
        let word = self.word.load(Ordering::Relaxed);
        if word < BELOW {
            return word;
        }
        self.settled_soon()
    }

    #[cold]
    fn settled_soon(&self) -> u64 {
        let backoff = Backoff::new();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word < BELOW {
                return word;
            }
            backoff.snooze();
        }
    }

    #[inline]
    pub(super) fn is_zero(&self) -> bool {
        // ORDER: Acquire pairs with the Release in `add`.
        self.word.load(Ordering::Acquire) < ONE
    }

    /// Takes one off the count, which stays what it is if that is refused. At zero all who wait go on.
    ///
    /// One locked instruction, because many do this at once. So a count of zero is below zero for a moment
    /// when this is refused, and who waits then may wait for that moment.
    #[inline]
    pub(super) fn take_one(&self) -> Result<(), Refused> {
        // ORDER: Release pairs with the Acquire of those who find zero: what was done before the last one,
        // and by Acquire before each, is seen after the wait.
        let before = self.word.fetch_sub(ONE, Ordering::AcqRel);
        if before as i64 > (ONE | QUEUED) as i64 || before == ONE {
            return Ok(());
        }
        // At zero, or below it because another one is just being refused.
        if !(ONE..BELOW).contains(&before) {
            // ORDER: as above.
            self.word.fetch_add(ONE, Ordering::AcqRel);
            self.release();
            return Err(Refused::Negative);
        }
        self.release();
        Ok(())
    }

    /// Adds `delta` to the count, which stays what it is if that is refused. At zero all who wait go on.
    #[inline]
    pub(super) fn add(&self, delta: i64) -> Result<(), Refused> {
        loop {
            let word = self.settled();
            let new = sum(word, delta)?;
            if word & QUEUED != 0 && (word < ONE || new < ONE) {
                return self.add_slow(delta);
            }
            if self.change(word, new) {
                return Ok(());
            }
        }
    }

    fn change(&self, word: u64, new: u64) -> bool {
        // ORDER: as in `take_one`.
        self.word
            .compare_exchange_weak(word, new, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// From zero or to zero, while others wait: under their line's lock, so that no zero is mistaken for
    /// another.
    #[cold]
    fn add_slow(&self, delta: i64) -> Result<(), Refused> {
        let mut wakes = Wakes::NONE;
        let mut line = self.line.lock();
        let mut result = Ok(());
        let mut is_added = false;
        while !is_added && result.is_ok() {
            self.release_under(&mut line, &mut wakes);
            let word = self.settled();
            match sum(word, delta) {
                Ok(new) => is_added = self.change(word, new),
                Err(refused) => result = Err(refused),
            }
        }
        self.release_under(&mut line, &mut wakes);
        drop(line);
        wakes.wake();
        result
    }

    /// The count has come to zero, and others wait.
    #[cold]
    fn release(&self) {
        let mut wakes = Wakes::NONE;
        let mut line = self.line.lock();
        self.release_under(&mut line, &mut wakes);
        drop(line);
        wakes.wake();
    }

    /// Under the line's lock: if a release is due (I3), all who stand in the line go on.
    fn release_under(&self, line: &mut Line, wakes: &mut Wakes) {
        // ORDER: Acquire pairs with the Release of who has taken the count to zero: it may be another one who wakes.
        let is_due = self
            .word
            .compare_exchange(QUEUED, 0, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        while let Some(waiter) = is_due.then(|| line.pop()).flatten() {
            wakes.add(waiter);
        }
    }

    /// Waits for zero; `false`: the deadline came first.
    #[inline]
    #[track_caller]
    pub(super) fn wait(&self, reason: Reason, deadline: Option<Nanos>) -> bool {
        self.is_zero() || self.wait_slow(reason, deadline)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn wait_slow(&self, reason: Reason, deadline: Option<Nanos>) -> bool {
        let waiter = Waiter::here();
        if !self.stand(&waiter) {
            return true;
        }
        let wait = Wait {
            line: &self.line,
            waiter: &waiter,
        };
        // SAFETY: made here, linked just now; `wait` takes this waiter out.
        match unsafe { wait_for(&waiter, &wait, reason, deadline) } {
            Outcome::Woken => true,
            Outcome::TimedOut => false,
            Outcome::Cancelled => park::raise(),
        }
    }

    /// Stands in the line, unless the count is zero (`false`).
    #[inline(never)]
    fn stand(&self, waiter: &Waiter) -> bool {
        let mut line = self.line.lock();
        if !self.queue() {
            return false;
        }
        // SAFETY: new, and in the caller's frame until it is unlinked.
        unsafe { line.push(waiter, 0, Entry::Back) };
        true
    }

    /// Under the line's lock: whether it has to be waited for.
    fn queue(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word >= ONE {
            match self.word.compare_exchange_weak(
                word,
                word | QUEUED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        // ORDER: Acquire pairs with the Release in `add`.
        self.word.load(Ordering::Acquire);
        false
    }

    #[track_caller]
    pub(super) fn wait_timeout(&self, reason: Reason, timeout: Duration) -> bool {
        self.wait(reason, Some(clock::deadline(timeout)))
    }

    #[track_caller]
    pub(super) fn wait_until(&self, reason: Reason, deadline: Instant) -> bool {
        self.wait(reason, Some(deadline.nanos()))
    }
}

/// What a future does that waits for zero.
pub(super) struct ZeroSeek<'a>(pub(super) &'a Zero);

impl Seek for ZeroSeek<'_> {
    type Under = Line;

    fn under(&self) -> &SpinLock<Line> {
        &self.0.line
    }

    fn line<'a>(&self, under: &'a mut Line) -> &'a mut Line {
        under
    }

    fn try_now(&self, comer: Comer) -> bool {
        // Told: there was a zero, whatever has been added since.
        comer == Comer::Told || self.0.is_zero()
    }

    fn enter(&self, _: &mut Line, _: Comer, _: bool) -> (Option<Entry>, Wakes) {
        let entry = if self.0.queue() {
            Entry::Back
        } else {
            Entry::Got
        };
        (Some(entry), Wakes::NONE)
    }

    fn pass_on(&self, _: bool) {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::sync::seek::Seeking;

    /// However many are refused at once, and whatever others add meanwhile: the count is what it should be,
    /// and nobody is refused who is not below zero.
    #[test]
    fn those_who_are_refused_change_nothing() {
        const TIMES: u64 = 100_000;
        let zero = Zero::new(0);
        let taken: u64 = std::thread::scope(|scope| {
            let takers = [(); 3].map(|()| {
                let take = || (0..TIMES).filter(|_| zero.take_one().is_ok()).count();
                scope.spawn(take)
            });
            for _ in 0..TIMES {
                assert!(zero.add(1).is_ok());
            }
            takers
                .into_iter()
                .map(|taker| taker.join().unwrap() as u64)
                .sum()
        });
        assert_eq!(zero.count(), TIMES - taken);
        assert!(zero.add(-(zero.count() as i64)).is_ok());
        assert!(zero.is_zero() && zero.take_one().is_err());
        assert!(zero.is_zero());
    }
    fn is_there(wait: &mut Seeking<ZeroSeek<'_>>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    /// I3: one that comes between the two halves of a `take_one` wakes those who waited for that zero, although
    /// it is over; the second half then wakes nobody who waits for the next.
    #[test]
    fn a_zero_is_for_those_who_waited_for_it() {
        let zero = Zero::new(1);
        let (mut first, mut second) =
            (Seeking::new(ZeroSeek(&zero)), Seeking::new(ZeroSeek(&zero)));
        assert!(!is_there(&mut first));
        zero.word.fetch_sub(ONE, Ordering::Relaxed);
        assert!(zero.add(1).is_ok());
        assert!(!is_there(&mut second));
        zero.release();
        assert!(!is_there(&mut second));
        assert!(is_there(&mut first));
        assert!(zero.take_one().is_ok());
        assert!(is_there(&mut second));
    }
}
