//! Counts tasks down and tells when it comes to zero. Kept in statics: a counter that is shared through an `Arc` costs
//! two more writes of a contended line for each task, and would make tokio slower than it has to be.

use std::sync::atomic::{AtomicU64, Ordering};

use ::tokio::sync::Notify;

/// See above.
pub(super) struct Count {
    left: AtomicU64,
    none: Notify,
}

impl Count {
    /// Nothing to wait for.
    pub(super) const fn new() -> Self {
        Self {
            left: AtomicU64::new(0),
            none: Notify::const_new(),
        }
    }

    /// There are `n` to wait for.
    pub(super) fn set(&self, n: u64) {
        self.left.store(n, Ordering::Release);
    }

    /// One of them has done it.
    pub(super) fn down(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_one();
        }
    }

    /// Waits for the last.
    pub(super) async fn wait(&self) {
        self.none.notified().await;
    }
}
