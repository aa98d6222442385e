//! Counting destructors: every value that was made is dropped exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what was made and what was dropped.
#[derive(Clone, Default, Debug)]
pub struct Drops {
    counts: Arc<Counts>,
}

#[derive(Default, Debug)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// Counted when it is made and when it is dropped.
#[derive(Debug)]
pub struct Tracked {
    counts: Arc<Counts>,
    dropped: bool,
}

impl Drops {
    /// Nothing made, nothing dropped.
    pub fn new() -> Drops {
        Drops::default()
    }

    /// Makes one more.
    pub fn track(&self) -> Tracked {
        self.counts.made.fetch_add(1, Ordering::SeqCst);
        Tracked {
            counts: self.counts.clone(),
            dropped: false,
        }
    }

    /// How many were made.
    pub fn made(&self) -> usize {
        self.counts.made.load(Ordering::SeqCst)
    }

    /// How many were dropped.
    pub fn dropped(&self) -> usize {
        self.counts.dropped.load(Ordering::SeqCst)
    }

    /// How many are alive.
    pub fn alive(&self) -> usize {
        self.made() - self.dropped()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // A second destructor of the same value is undefined behaviour somewhere else; this sees it
        // only if the memory is still as it was.
        assert!(!self.dropped, "dropped twice");
        self.dropped = true;
        self.counts.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
