//! A cell for one waiter and one signal: the end of a routine, and the permit of `park`.
//!
//! The general waiter lists need a lock; where only one party can ever wait, one word does:
//!
//! ```text
//! EMPTY --register--> waiter --set--> SET      (the setter owns the right to wake)
//!   |                    '--withdraw--> EMPTY   (the waiter took its right back: time-out, cancel)
//!   |--set--> SET --take--> EMPTY               (a stored permit)
//!   |--abandon--> ABANDONED                     (nobody will ever wait: a handle was dropped)
//!                    '--set--> SET
//! SET --abandon--> TAKEN                        (set, and what it guards is gone)
//! ```
//!
//! - I1: a pointer in the word is a registered waiter that is alive until `set` returned it to the
//!   one caller that may wake it, or `withdraw` succeeded.
//! - I2: at most one party registers, withdraws, takes and abandons; any number may `set`.

use std::ptr::{self, NonNull};

use crate::prim::{AtomicPtr, Ordering};

pub(crate) struct Event {
    word: AtomicPtr<()>,
}

const SET: *mut () = ptr::without_provenance_mut(1);
const ABANDONED: *mut () = ptr::without_provenance_mut(2);
const TAKEN: *mut () = ptr::without_provenance_mut(3);

/// What `set` or `abandon` found.
pub(crate) enum Before {
    /// Nobody waits yet.
    Nobody,
    /// It was set already.
    Set,
    /// This waiter; the caller owns the right to wake it.
    Waiter(NonNull<()>),
    /// Nobody will ever wait.
    Abandoned,
}

impl Before {
    #[inline]
    fn from_word(word: *mut ()) -> Before {
        match NonNull::new(word) {
            None => Before::Nobody,
            Some(_) if word == SET => Before::Set,
            Some(_) if word == ABANDONED || word == TAKEN => Before::Abandoned,
            Some(waiter) => Before::Waiter(waiter),
        }
    }
}

impl Event {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Signals; what was written before is visible to the one who sees it set.
    #[inline]
    pub(crate) fn set(&self) -> Before {
        // ORDER: Release pairs with the Acquire loads of `is_set`, `take`, `register` and
        // `abandon`; Acquire pairs with the Release of `register`, so that the waiter is readable.
        Before::from_word(self.word.swap(SET, Ordering::AcqRel))
    }

    /// As [`set`](Event::set), but calls `seen`, before anybody can be woken, if somebody waits; perhaps
    /// more than once, or for one who withdraws.
    #[inline]
    pub(crate) fn set_seeing(&self, mut seen: impl FnMut()) -> Before {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if let Before::Waiter(_) = Before::from_word(word) {
                seen();
            }
            // ORDER: as in `set`.
            match self
                .word
                .compare_exchange_weak(word, SET, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(before) => return Before::from_word(before),
                Err(now) => word = now,
            }
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // ORDER: pairs with the Release in `set`.
        self.word.load(Ordering::Acquire) == SET
    }

    /// For the side that waits: whether it was set, also if it has abandoned it since.
    pub(crate) fn is_over(&self) -> bool {
        // ORDER: pairs with the Release in `set`.
        let word = self.word.load(Ordering::Acquire);
        word == SET || word == TAKEN || word == ABANDONED
    }

    /// For everybody: whether it was set, once and for all. (`take` makes that a question of the moment.)
    pub(crate) fn has_been_set(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word == SET || word == TAKEN
    }

    /// For the side that waits: whether it has abandoned it.
    pub(crate) fn is_abandoned(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word == ABANDONED || word == TAKEN
    }

    /// Uses up a stored signal.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.word.load(Ordering::Relaxed) == SET
            // ORDER: Acquire pairs with the Release in `set`.
            && self
                .word
                .compare_exchange(SET, ptr::null_mut(), Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Waits from now on; `false` means that it is set already.
    ///
    /// The waiter must stay alive until it is woken or withdrawn (I1).
    #[must_use]
    pub(crate) fn register(&self, waiter: NonNull<()>) -> bool {
        // ORDER: Release publishes the waiter to the Acquire in `set`; the failure's Acquire
        // pairs with the Release in `set`.
        self.word
            .compare_exchange(
                ptr::null_mut(),
                waiter.as_ptr(),
                Ordering::Release,
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// Takes the waiter back; `false` means that it is being woken.
    #[must_use]
    pub(crate) fn withdraw(&self, waiter: NonNull<()>) -> bool {
        // ORDER: the failure's Acquire pairs with the Release in `set`.
        self.word
            .compare_exchange(
                waiter.as_ptr(),
                ptr::null_mut(),
                Ordering::Relaxed,
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// Takes back whatever waiter is registered; `None` if there is none, or it is being woken.
    pub(crate) fn withdraw_any(&self) -> Option<NonNull<()>> {
        let waiter = NonNull::new(self.word.load(Ordering::Relaxed))?;
        let is_registered = matches!(Before::from_word(waiter.as_ptr()), Before::Waiter(_));
        (is_registered && self.withdraw(waiter)).then_some(waiter)
    }

    /// Gives up waiting for good. `Set`: what it guards is the caller's now; `Waiter`: the caller
    /// has its own waiter back.
    pub(crate) fn abandon(&self) -> Before {
        // ORDER: Acquire pairs with the Release in `set`.
        let mut word = self.word.load(Ordering::Acquire);
        while word != SET && word != TAKEN {
            // ORDER: Acquire as above; Release pairs with the Acquire in `set`, whose caller then
            // destroys what this side has read.
            match self.word.compare_exchange_weak(
                word,
                ABANDONED,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(before) => return Before::from_word(before),
                Err(now) => word = now,
            }
        }
        // Nobody changes it any more but this side.
        self.word.store(TAKEN, Ordering::Relaxed);
        Before::from_word(word)
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    fn waiter() -> NonNull<()> {
        NonNull::new(ptr::without_provenance_mut(16)).unwrap()
    }

    /// park against two unparks: the permit is stored or the waiter is woken exactly once, and at
    /// most one permit remains.
    #[test]
    fn permit_is_never_lost_nor_doubled() {
        loom::model(|| {
            let (event, wakes) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
            let setters: Vec<_> = (0..2)
                .map(|_| {
                    let (event, wakes) = (event.clone(), wakes.clone());
                    thread::spawn(move || {
                        if let Before::Waiter(_) = event.set() {
                            wakes.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let waited = !event.take() && event.register(waiter());
            for setter in setters {
                setter.join().unwrap();
            }
            let wakes = wakes.load(Ordering::Relaxed);
            assert_eq!(wakes, usize::from(waited), "one wake for one wait");
            if waited {
                assert!(event.take(), "the woken side uses the permit up");
                assert!(!event.take());
            }
        });
    }

    /// A time-out races with an unpark: exactly one of the two wins.
    #[test]
    fn withdraw_and_set_exclude_each_other() {
        loom::model(|| {
            let event = Arc::new(Event::new());
            assert!(event.register(waiter()));
            let setter = {
                let event = event.clone();
                thread::spawn(move || matches!(event.set(), Before::Waiter(_)))
            };
            let withdrawn = event.withdraw(waiter());
            let woken = setter.join().unwrap();
            assert!(withdrawn != woken);
            assert!(event.is_set());
        });
    }

    /// The end of a routine races with the drop of its handle: exactly one side destroys the result.
    #[test]
    fn one_side_owns_the_result() {
        loom::model(|| {
            let event = Arc::new(Event::new());
            let result = Arc::new(UnsafeCell::new(0));
            let routine = {
                let (event, result) = (event.clone(), result.clone());
                thread::spawn(move || {
                    // SAFETY: before `set` the routine owns the result.
                    result.with_mut(|r| unsafe { *r = 7 });
                    let mine = matches!(event.set(), Before::Abandoned);
                    if mine {
                        // SAFETY: abandoned, so the routine still owns it.
                        result.with_mut(|r| unsafe { *r = 0 });
                    }
                    mine
                })
            };
            let mine = matches!(event.abandon(), Before::Set);
            if mine {
                // SAFETY: set, so the handle owns it.
                result.with_mut(|r| unsafe {
                    assert_eq!(*r, 7);
                    *r = 0;
                });
            }
            assert!(mine != routine.join().unwrap());
        });
    }
}
