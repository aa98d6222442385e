//! The timers of one worker: who wants to be woken when.
//!
//! A B-tree ordered by deadline and arrival: exact removal (a wait that ended early leaves nothing
//! behind), first-in first-out among equal deadlines, 20 to 40 bytes an entry, no allocation for
//! most insertions. A binary heap with lazy deletion grows without bound under
//! `recv_timeout(30 s)` in a loop; a heap with back-pointers touches a stack page per level.

use std::collections::BTreeMap;
use std::ptr::NonNull;

use crate::control::Body;
use crate::sys::clock::Nanos;

/// Names one entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    at: Nanos,
    number: u64,
}

#[derive(Default)]
pub(crate) struct Timers {
    queue: BTreeMap<Key, NonNull<Body>>,
    numbers: u64,
}

// SAFETY: the bodies are only names here; what is done with them is the worker's business.
unsafe impl Send for Timers {}

impl Timers {
    pub(crate) fn insert(&mut self, at: Nanos, body: NonNull<Body>) -> Key {
        self.numbers += 1;
        let key = Key {
            at,
            number: self.numbers,
        };
        self.queue.insert(key, body);
        key
    }

    /// Does nothing if it has fired.
    pub(crate) fn remove(&mut self, key: Key) {
        self.queue.remove(&key);
    }

    /// When the next one is due; `Nanos::MAX` if there is none.
    pub(crate) fn next(&self) -> Nanos {
        self.queue
            .first_key_value()
            .map_or(Nanos::MAX, |(key, _)| key.at)
    }

    /// Takes out one that is due.
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<NonNull<Body>> {
        let first = self.queue.first_entry()?;
        (first.key().at <= now).then(|| first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(n: usize) -> NonNull<Body> {
        NonNull::new(std::ptr::without_provenance_mut(n * 64)).unwrap()
    }

    #[test]
    fn due_ones_come_in_order_and_removed_ones_not() {
        let mut timers = Timers::default();
        timers.insert(20, body(1));
        timers.insert(10, body(2));
        let gone = timers.insert(10, body(3));
        timers.insert(10, body(4));
        timers.remove(gone);
        timers.remove(gone);
        assert_eq!(timers.next(), 10);
        assert_eq!(timers.pop_due(9), None);
        assert_eq!(timers.pop_due(15), Some(body(2)));
        assert_eq!(timers.pop_due(15), Some(body(4)));
        assert_eq!(timers.pop_due(15), None);
        assert_eq!(timers.pop_due(20), Some(body(1)));
        assert_eq!(timers.next(), Nanos::MAX);
    }
}
