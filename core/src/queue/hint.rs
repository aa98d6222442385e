//! What a look without the lock would find: so that a look that finds nothing takes no lock.
//!
//! A few bits that say of a locked object whether another look is worth its lock. They are written
//! under the lock, by everybody who changes what they tell, and read without it. Only "there is
//! nothing" is believed; whoever reads a bit takes the lock and looks again.
//!
//! "Nothing" must be as good as if it had been found under the lock, or programs that rely on it sleep for
//! ever:
//!
//! ```text
//! A: sends into c; looks whether B sleeps      B: says that it sleeps; finds c empty
//! A: sends into c; finds d empty               B: sends into d; finds c empty
//! ```
//!
//! The processor may hold the hint that A has written back for a while, and the lock's release; but not the
//! taking of the lock, which is a locked instruction. So a look is at the lock first: if that is free, every
//! section that had begun before has ended, and its hint is what is read next, or a later one. In terms
//! of the language: take, B's store and B's look at the lock are SeqCst, and so is A's load. (A
//! flag of weaker order that B sets before it looks is not covered; under a lock it would be.)

use crate::prim::{AtomicU32, Ordering};

pub(crate) struct Hint(AtomicU32);

impl Hint {
    pub(crate) fn new(bits: u32) -> Hint {
        Hint(AtomicU32::new(bits))
    }

    /// Under the lock.
    #[inline(always)]
    pub(crate) fn set(&self, bits: u32) {
        self.0.store(bits, Ordering::Relaxed);
    }

    /// Whether a look for this would find nothing; `is_locked` asks the object's lock, in SeqCst order.
    #[inline(always)]
    pub(crate) fn lacks(&self, bit: u32, is_locked: impl FnOnce() -> bool) -> bool {
        !is_locked() && !self.has(bit)
    }

    /// Whether this was so once; for what never ends.
    #[inline(always)]
    pub(crate) fn has(&self, bit: u32) -> bool {
        self.0.load(Ordering::Relaxed) & bit != 0
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::prim::full_fence;
    use loom::sync::Arc;
    use loom::thread;

    /// What is SeqCst in the product has a fence here: loom takes single accesses for weaker ones.
    struct Object {
        locked: AtomicU32,
        hint: Hint,
    }

    impl Object {
        fn new() -> Object {
            Object {
                locked: AtomicU32::new(0),
                hint: Hint::new(0),
            }
        }

        /// Nobody else takes this lock in the models.
        fn fill(&self) {
            // ORDER: as `SpinLock::lock`.
            self.locked.swap(1, Ordering::SeqCst);
            full_fence();
            self.hint.set(1);
            // ORDER: as `SpinGuard::drop`.
            self.locked.store(0, Ordering::Release);
        }

        fn is_empty(&self) -> bool {
            full_fence();
            // ORDER: as `SpinLock::is_locked`.
            self.hint
                .lacks(1, || self.locked.load(Ordering::SeqCst) == 1)
        }
    }

    /// Each fills its own and looks at the other's: not both find nothing.
    #[test]
    fn two_who_look_at_each_other_do_not_both_miss() {
        loom::model(|| {
            let objects = Arc::new((Object::new(), Object::new()));
            let other = {
                let objects = objects.clone();
                thread::spawn(move || {
                    objects.1.fill();
                    objects.0.is_empty()
                })
            };
            objects.0.fill();
            let missed = objects.1.is_empty();
            assert!(!(missed && other.join().unwrap()));
        });
    }

    /// One fills and looks whether the other sleeps; that one says so and looks: not both miss.
    #[test]
    fn a_sleeper_is_seen_or_sees() {
        loom::model(|| {
            let objects = Arc::new((Object::new(), AtomicU32::new(0)));
            let other = {
                let objects = objects.clone();
                thread::spawn(move || {
                    objects.0.fill();
                    // ORDER: SeqCst, the user's; the fence of `fill` stands for its place in the one order.
                    objects.1.load(Ordering::SeqCst) == 1
                })
            };
            // ORDER: SeqCst, the user's; the fence of `is_empty` stands for it.
            objects.1.store(1, Ordering::SeqCst);
            let sleeps = objects.0.is_empty();
            assert!(!sleeps || other.join().unwrap());
        });
    }

    /// What happened before the look is seen.
    #[test]
    fn news_from_elsewhere_comes_after_what_it_tells_of() {
        loom::model(|| {
            let objects = Arc::new((Object::new(), AtomicU32::new(0)));
            let other = {
                let objects = objects.clone();
                thread::spawn(move || {
                    objects.0.fill();
                    // ORDER: pairs with the load below.
                    objects.1.store(1, Ordering::Release);
                })
            };
            // ORDER: pairs with the store above.
            let told = objects.1.load(Ordering::Acquire) == 1;
            assert!(!(told && objects.0.is_empty()));
            other.join().unwrap();
        });
    }
}
