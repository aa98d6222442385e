//! Where routines live: a home is for life, so placement is a decision, and here is what was decided.
#![forbid(unsafe_code)]

mod connections;
mod hook;
mod keys;
mod near;
mod nodes;
mod own;
mod pins;
mod restart;
mod spread;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use rust_routines::runtime::Runtime;
use rust_routines_tests::wait::spin_until;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// The number of the worker that this runs on, if it has one.
fn here() -> Option<usize> {
    let thread = thread::current();
    let (_, number) = thread.name()?.rsplit_once("-worker-")?;
    number.parse().ok()
}

fn count<K: Eq + Hash>(keys: impl IntoIterator<Item = K>) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Passes only if both are in it at the same time, on two threads.
struct Meeting(AtomicUsize);

impl Meeting {
    fn new() -> Arc<Meeting> {
        Arc::new(Meeting(AtomicUsize::new(0)))
    }

    /// Computes, and neither parks nor yields, until the other has come too.
    fn meet(&self) -> ThreadId {
        self.0.fetch_add(1, Ordering::SeqCst);
        spin_until("the other runs at the same time", || {
            self.0.load(Ordering::SeqCst) == 2
        });
        thread::current().id()
    }
}
