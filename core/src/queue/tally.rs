//! How many live, counted by many, and told to one who waits for the last.
//!
//! Who waits has most of them made itself, so it counts those in a word of its own, which nobody else writes, and
//! gives them in when it begins to wait; until then a bias stands for them in the common word. So a thousand
//! entries cost no read-modify-write at all of a line that those who leave fight for.
//!
//! ```text
//! live = BIAS + entered by others - left          while it is open
//! live = entered by all - left                    once it is closed
//! ```
//!
//! - I1: who enters is the one who will close, or has entered and not left; so nobody enters at zero.
//! - I2: exactly one of `leave` and `close` says that it took `live` to zero, and nobody touches the tally
//!   after that one.

use crate::prim::{AtomicUsize, Ordering};

pub(crate) struct Tally {
    live: AtomicUsize,
    /// Written by the one who will close.
    own: AtomicUsize,
}

const BIAS: usize = 1 << (usize::BITS - 2);

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            live: AtomicUsize::new(BIAS),
            own: AtomicUsize::new(0),
        }
    }

    /// The one who will close: one more.
    #[inline]
    pub(crate) fn enter_own(&self) {
        let own = self.own.load(Ordering::Relaxed);
        self.own.store(own + 1, Ordering::Relaxed);
    }

    /// One that has entered: one more.
    #[inline]
    pub(crate) fn enter(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    /// One fewer; `true`: it was the last, and it is closed.
    #[inline]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // ORDER: Release pairs with the Acquire of whoever takes it to zero, here or in `close`.
        self.live.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Nobody enters from outside any more; `true`: nobody is left.
    #[must_use]
    pub(crate) fn close(&self) -> bool {
        let bias = BIAS - self.own.load(Ordering::Relaxed);
        // ORDER: Acquire pairs with the Release in `leave`: what they did is seen; Release hands that on to the one
        // who leaves last.
        self.live.fetch_sub(bias, Ordering::AcqRel) == bias
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_leave_is_told_unless_nobody_is_left() {
        let tally = Tally::new();
        tally.enter_own();
        tally.enter_own();
        assert!(!tally.leave() && !tally.leave(), "it may enter others yet");
        tally.enter_own();
        assert!(!tally.close());
        tally.enter();
        assert!(!tally.leave() && tally.leave());
        assert!(Tally::new().close());
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// Two of its own and one that the second of them brings along, while it closes: exactly one is the last, and
    /// sees what all have done.
    #[test]
    fn one_is_the_last_and_sees_the_work_of_all() {
        loom::model(|| {
            let tally = Arc::new((Tally::new(), [0; 3].map(UnsafeCell::new)));
            let work = |tally: &(Tally, [UnsafeCell<u32>; 3]), at: usize| {
                // SAFETY: each writes a cell of its own, before it leaves.
                tally.1[at].with_mut(|cell| unsafe { *cell = 1 });
            };
            let look = |tally: &(Tally, [UnsafeCell<u32>; 3])| {
                // SAFETY: all have left; loom checks just that.
                let sum: u32 = (tally.1.iter())
                    .map(|cell| cell.with(|cell| unsafe { *cell }))
                    .sum();
                assert_eq!(sum, 3);
            };
            let members: Vec<_> = (0..2)
                .map(|at| {
                    tally.0.enter_own();
                    let tally = tally.clone();
                    thread::spawn(move || {
                        let mut last = false;
                        if at == 1 {
                            tally.0.enter();
                            work(&tally, 2);
                            last |= tally.0.leave();
                        }
                        work(&tally, at);
                        last |= tally.0.leave();
                        if last {
                            look(&tally);
                        }
                        last
                    })
                })
                .collect();
            let closed_last = tally.0.close();
            if closed_last {
                look(&tally);
            }
            let lasts = members.into_iter().map(|member| member.join().unwrap());
            let lasts = lasts.chain([closed_last]).filter(|&last| last).count();
            assert_eq!(lasts, 1);
        });
    }
}
