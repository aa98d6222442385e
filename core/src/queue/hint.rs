//! What a look without the lock would find: so that a look that finds nothing takes no lock.
//!
//! A few bits that say of a locked object whether another look is worth its lock. They are written
//! under the lock, by everybody who changes what they tell, and read without it. Only "there is
//! nothing" is believed; whoever reads a bit takes the lock and looks again.
//!
//! "Nothing" must be as good as if it had been found under the lock. Of one object it is: the bits
//! change in the order of its locked sections, and a section that happened before the look cannot be
//! missed. Of two it would not be, if a processor may hold back what it has stored:
//!
//! ```text
//! A: sends into c; finds d empty           B: sends into d; finds c empty
//! ```
//!
//! Under locks one of them finds the other's value, and programs rely on it: each goes to sleep because
//! the other would have seen its message. So between a thread's last locked section and its look at a hint
//! there is a full fence, unless it has had no such section since the last one ([`settle`]).

use crate::prim::{AtomicU32, Ordering, settle};

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

    /// Whether a look for this would find nothing.
    #[inline(always)]
    pub(crate) fn lacks(&self, bit: u32) -> bool {
        if self.has(bit) {
            return false;
        }
        // ORDER: a full fence, which pairs with itself: see the head.
        !settle() || !self.has(bit)
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
    use crate::prim::SpinLock;
    use loom::sync::Arc;
    use loom::thread;

    struct Object {
        lock: SpinLock<()>,
        hint: Hint,
    }

    impl Object {
        fn new() -> Object {
            Object {
                lock: SpinLock::new(()),
                hint: Hint::new(0),
            }
        }

        fn fill(&self) {
            let _held = self.lock.lock();
            self.hint.set(1);
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
                    objects.0.hint.lacks(1)
                })
            };
            objects.0.fill();
            let missed = objects.1.hint.lacks(1);
            assert!(!(missed && other.join().unwrap()));
        });
    }

    /// What happened before the look is seen.
    #[test]
    fn news_from_elsewhere_comes_after_what_it_tells_of() {
        loom::model(|| {
            let objects = Arc::new((Object::new(), SpinLock::new(false)));
            let other = {
                let objects = objects.clone();
                thread::spawn(move || {
                    objects.0.fill();
                    *objects.1.lock() = true;
                })
            };
            let told = *objects.1.lock();
            assert!(!(told && objects.0.hint.lacks(1)));
            other.join().unwrap();
        });
    }
}
