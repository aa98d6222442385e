//! The poller of one worker: which sockets it watches, and whom their events make ready.
//!
//! A slab of slots. An event carries the slot's number and generation, never a pointer: an event that
//! was collected before its socket was closed meets a later generation and is dropped.
//!
//! The contract of a driver: it hands out the waiters of what has happened, one at a time; the
//! scheduler decides where they go on. A stand-in may do that for a worker that is stuck: collecting
//! is behind a lock that the owner takes uncontended.

use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::prim::{AtomicUsize, Ordering};
use crate::sys::poll::{Happening, Selector, Waker, Wish};

/// Takes a waiter that can go on.
pub(crate) type Wake<'a> = &'a mut dyn FnMut(NonNull<()>);

/// What is told of events: a socket's port.
pub(super) trait Watched: Send + Sync {
    /// There was an edge.
    fn happened(&self, happening: &Happening, ready: Wake<'_>);
    /// `poller` watches it no longer, by itself: who waits has to find another one.
    fn evicted(&self, poller: &Poller, key: Key, ready: Wake<'_>);
}

pub(crate) struct Poller {
    selector: Selector,
    slots: Mutex<Slots>,
    /// How many sockets it watches.
    watched: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

struct Entry {
    generation: u32,
    slot: Option<Slot>,
}

struct Slot {
    fd: RawFd,
    socket: Arc<dyn Watched>,
}

/// Names one slot during one of its lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    number: u32,
    generation: u32,
}

impl Key {
    fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.number as usize
    }

    fn unpack(packed: usize) -> Key {
        Key {
            number: packed as u32,
            generation: (packed >> 32) as u32,
        }
    }
}

impl Slots {
    fn insert(&mut self, slot: Slot) -> Key {
        let number = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                generation: 0,
                slot: None,
            });
            (self.entries.len() - 1) as u32
        });
        let entry = &mut self.entries[number as usize];
        entry.slot = Some(slot);
        Key {
            number,
            generation: entry.generation,
        }
    }

    fn remove(&mut self, key: Key) -> Option<Slot> {
        let entry = self.entries.get_mut(key.number as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        let slot = entry.slot.take()?;
        // 31 bits, so that no key is the waker's.
        entry.generation = (entry.generation + 1) & (u32::MAX >> 1);
        self.free.push(key.number);
        Some(slot)
    }

    fn find(&self, key: Key) -> Option<&dyn Watched> {
        let entry = self.entries.get(key.number as usize)?;
        let slot = entry.slot.as_ref()?;
        (entry.generation == key.generation).then_some(&*slot.socket)
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        Ok(Poller {
            selector: Selector::new()?,
            slots: Mutex::default(),
            watched: AtomicUsize::new(0),
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.selector.waker()
    }

    /// Whether there is anything to wait for.
    #[inline]
    pub(crate) fn is_watching(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// Watches `fd` for `socket`.
    pub(super) fn add(&self, fd: RawFd, wish: Wish, socket: Arc<dyn Watched>) -> io::Result<Key> {
        let mut slots = self.slots.lock();
        let key = slots.insert(Slot { fd, socket });
        if let Err(error) = self.selector.add(fd, key.pack(), wish) {
            slots.remove(key);
            return Err(error);
        }
        self.watched.fetch_add(1, Ordering::Relaxed);
        Ok(key)
    }

    /// Stops watching; nothing happens if it has stopped by itself.
    pub(super) fn remove(&self, fd: RawFd, key: Key) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.remove(key) {
            debug_assert_eq!(slot.fd, fd);
            self.forget(&slot);
        }
    }

    /// Under the lock, so that the descriptor is still open (the port's I1).
    fn forget(&self, slot: &Slot) {
        let removed = self.selector.remove(slot.fd);
        debug_assert!(
            removed.is_ok(),
            "an open descriptor that was added: {removed:?}"
        );
        self.watched.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits for at most `limit` and hands out the waiters of what has happened.
    pub(crate) fn poll(
        &self,
        limit: Option<Duration>,
        mut ready: impl FnMut(NonNull<()>),
    ) -> io::Result<()> {
        self.selector.wait(limit, |happening| {
            let slots = self.slots.lock();
            if let Some(socket) = slots.find(Key::unpack(happening.key)) {
                socket.happened(&happening, &mut ready);
            }
        })
    }

    /// Its worker leaves: watches nothing any more, and wakes all who relied on it.
    pub(crate) fn evict(&self, mut ready: impl FnMut(NonNull<()>)) {
        let mut slots = self.slots.lock();
        let keys: Vec<Key> = (0u32..)
            .zip(&slots.entries)
            .filter(|(_, entry)| entry.slot.is_some())
            .map(|(number, entry)| Key {
                number,
                generation: entry.generation,
            })
            .collect();
        let evicted: Vec<(Key, Slot)> = keys
            .into_iter()
            .filter_map(|key| Some((key, slots.remove(key)?)))
            .collect();
        for (_, slot) in &evicted {
            self.forget(slot);
        }
        drop(slots);
        for (key, slot) in evicted {
            slot.socket.evicted(self, key, &mut ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Watched for Nobody {
        fn happened(&self, _: &Happening, _: Wake<'_>) {}
        fn evicted(&self, _: &Poller, _: Key, _: Wake<'_>) {}
    }

    fn slot() -> Slot {
        Slot {
            fd: -1,
            socket: Arc::new(Nobody),
        }
    }

    #[test]
    fn a_slot_that_is_used_again_has_another_key() {
        let mut slots = Slots::default();
        let first = slots.insert(slot());
        assert!(slots.find(first).is_some());
        assert!(slots.remove(first).is_some());
        assert!(slots.remove(first).is_none());
        let second = slots.insert(slot());
        assert_eq!(first.number, second.number);
        assert!(
            slots.find(first).is_none(),
            "an event of the first would reach the second"
        );
        assert!(slots.find(second).is_some());
        assert_eq!(Key::unpack(second.pack()), second);
    }

    #[test]
    fn generations_wrap_below_the_waker() {
        let mut slots = Slots::default();
        let key = slots.insert(slot());
        slots.remove(key);
        slots.entries[0].generation = u32::MAX >> 1;
        let last = slots.insert(slot());
        assert_ne!(last.pack(), usize::MAX);
        slots.remove(last);
        assert_eq!(slots.insert(slot()).generation, 0);
    }
}
