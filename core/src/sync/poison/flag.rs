//! Whether somebody has panicked while it had the lock. Used under the lock, but for a look from outside.

use std::sync::{LockResult, PoisonError};

use crate::prim::{AtomicBool, Ordering};

pub(super) struct Flag(AtomicBool);

/// What a guard remembers: whether its taker was unwinding already.
#[derive(Clone, Copy)]
pub(super) struct Entered {
    was_panicking: bool,
}

impl Flag {
    pub(super) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn enter(&self) -> Entered {
        Entered {
            was_panicking: std::thread::panicking(),
        }
    }

    /// The guard goes, still under the lock.
    #[inline]
    pub(super) fn leave(&self, entered: Entered) {
        if !entered.was_panicking && std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// The guard as it is given out.
    #[inline]
    pub(super) fn judge<G>(&self, guard: G) -> LockResult<G> {
        if self.is_set() {
            Err(PoisonError::new(guard))
        } else {
            Ok(guard)
        }
    }
}
