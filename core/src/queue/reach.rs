//! Where a routine can be reached, and whether it has been cancelled: one word for both.
//!
//! Anybody may cancel; only the home can end a wait. So who cancels has to know whether there is a home to
//! be told, and the routine, when it waits, whether somebody has cancelled it who did not know. As bits
//! of one word the two cannot miss each other, and a routine that never waits pays nothing:
//!
//! ```text
//! whoever cancels                            the routine, at its first wait or look
//! C1 word |= CANCELLED                       W1 home = its home
//! C2 NEW before: done, W2 will see it        W2 word: NEW goes, its slot comes
//! C3 else tells `home`, with the slot        W3 CANCELLED before: does not wait
//!                                            later waits look only if the home says so
//! ```
//!
//! - I1: C1 and W2 change one word, so one comes first: then either W3 sees CANCELLED, or C3 sees `home`.
//! - I2: the home looks at what C3 has told it between two turns of its routines. If the routine waits then, the
//!   wait is given up; if not, its next wait looks at the flag.
//! - I3: a slot may have passed on when C3's word arrives: the home compares whose it is.

use std::ptr::NonNull;

use crate::prim::{AtomicPtr, AtomicU32, Ordering};

pub(crate) struct Reach {
    word: AtomicU32,
}

/// The home of the one a [`Reach`] belongs to; beside it and not in it, so that the two leave no gap.
pub(crate) struct At<H>(AtomicPtr<H>);

impl<H> At<H> {
    #[inline]
    pub(crate) fn nowhere() -> Self {
        At(AtomicPtr::new(std::ptr::null_mut()))
    }
}

const CANCELLED: u32 = 1;
/// It has not waited yet, so no home has to be told of anything.
const NEW: u32 = 2;
const SLOT: u32 = 4;

impl Reach {
    #[inline]
    pub(crate) fn new(is_cancelled: bool) -> Self {
        Self {
            word: AtomicU32::new(NEW | if is_cancelled { CANCELLED } else { 0 }),
        }
    }

    /// Anybody: sets the flag; the home to be told, and the slot there.
    pub(crate) fn cancel<H>(&self, at: &At<H>) -> Option<(NonNull<H>, u32)> {
        // ORDER: Acquire pairs with the Release in `settle`: whoever finds NEW gone finds the home.
        let before = self.word.fetch_or(CANCELLED, Ordering::Acquire);
        if before & (CANCELLED | NEW) != 0 {
            return None;
        }
        NonNull::new(at.0.load(Ordering::Relaxed)).map(|home| (home, before / SLOT))
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CANCELLED != 0
    }

    /// The routine, at home: whether there is anything to do before it waits.
    #[inline]
    pub(crate) fn wants_look(&self) -> bool {
        self.word.load(Ordering::Relaxed) & (CANCELLED | NEW) != 0
    }

    /// The routine, before a wait: from now on it can be reached here; `false`: it could before.
    pub(crate) fn settle<H>(&self, at: &At<H>, home: NonNull<H>, slot: u32) -> bool {
        if self.word.load(Ordering::Relaxed) & NEW == 0 {
            return false;
        }
        assert!(
            slot < u32::MAX / SLOT,
            "fewer than 2^30 routines at one home"
        );
        at.0.store(home.as_ptr(), Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire in `cancel`.
        self.word
            .fetch_add((slot * SLOT).wrapping_sub(NEW), Ordering::Release);
        true
    }

    /// The routine, having left its home: it has not waited yet anywhere.
    pub(crate) fn renew(&self) {
        // In between, who cancels tells nobody, as at any time before `settle`.
        self.word.fetch_or(NEW, Ordering::Relaxed);
        self.word.fetch_and(CANCELLED | NEW, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_told_once_and_only_when_there_is_one() {
        let home = 7_u8;
        let here = NonNull::from(&home);
        let (reach, at) = (Reach::new(false), At::nowhere());
        assert!(reach.settle(&at, here, 5));
        assert!(!reach.settle(&at, here, 9));
        assert!(!reach.is_cancelled() && !reach.wants_look());
        assert_eq!(reach.cancel(&at), Some((here, 5)));
        assert_eq!(reach.cancel(&at), None);
        assert!(reach.is_cancelled() && reach.wants_look());
        reach.renew();
        assert!(reach.is_cancelled(), "sticky");
        let fresh = Reach::new(true);
        assert!(fresh.is_cancelled());
        assert_eq!(fresh.cancel(&at), None);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn home(number: usize) -> NonNull<()> {
        NonNull::new(std::ptr::without_provenance_mut(16 * number)).unwrap()
    }

    /// Two cancel while the routine comes to its first wait: it sees the flag or one of them, exactly one,
    /// tells its home.
    #[test]
    fn a_cancellation_is_seen_or_told() {
        loom::model(|| {
            let reach = Arc::new((Reach::new(false), At::nowhere()));
            let cancels: Vec<_> = (0..2)
                .map(|_| {
                    let reach = reach.clone();
                    thread::spawn(move || reach.0.cancel(&reach.1))
                })
                .collect();
            let _first = reach.0.settle(&reach.1, home(1), 3);
            let seen = reach.0.is_cancelled();
            let told: Vec<_> = cancels
                .into_iter()
                .filter_map(|cancel| cancel.join().unwrap())
                .collect();
            assert!(told.len() <= 1);
            assert!(seen || told == [(home(1), 3)]);
        });
    }

    /// A routine that moves: what was told to the old home too late is seen at the new one.
    #[test]
    fn one_that_restarts_is_reached_too() {
        loom::model(|| {
            let reach = Arc::new((Reach::new(false), At::nowhere()));
            let _first = reach.0.settle(&reach.1, home(1), 3);
            let cancel = {
                let reach = reach.clone();
                thread::spawn(move || reach.0.cancel(&reach.1))
            };
            reach.0.renew();
            let _first = reach.0.settle(&reach.1, home(2), 4);
            let seen = reach.0.is_cancelled();
            let told = cancel.join().unwrap();
            assert!(seen || told == Some((home(2), 4)));
        });
    }
}
