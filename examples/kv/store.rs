//! The data: a map behind one lock, which is never held over anything that waits.
//!
//! Values and keys are shared, not copied: a reader takes a reference out of the map and writes its reply after the lock
//! is gone, so a client that does not read keeps nobody else waiting. A value is never changed, only replaced.
//!
//! What has expired is removed twice over: by whoever asks for it, and by [`Store::sweep`] for what nobody asks for. The
//! deadlines are kept in order beside the map (in Go: a heap with indices), so that the sweep looks at nothing else, and
//! so that a key which is set anew a million times has one deadline, not a million.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foldhash::fast::RandomState;
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::sync::Mutex;
use rust_routines::time::Instant;

use crate::glob;
use crate::request::parse_int;

pub(crate) type Bytes = Arc<[u8]>;
/// Milliseconds since 1970.
pub(crate) type Millis = i64;

const SWEEP_EVERY: Duration = Duration::from_millis(100);
/// How many keys are removed under one hold of the lock.
const SWEEP_MOST: usize = 1000;

struct Entry {
    value: Bytes,
    deadline: Option<Millis>,
}

struct Map {
    // SipHash takes longer than all the rest of a GET; this one is seeded, too.
    entries: HashMap<Bytes, Entry, RandomState>,
    expiries: BTreeSet<(Millis, Bytes)>,
    /// Has a place for one message: that there is something to sweep.
    sweeper: Sender<()>,
}

/// When SET is to set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    New,
    Old,
}

/// Why INCR and DECR do not.
pub(crate) enum AddError {
    NotAnInteger,
    Overflow,
}

pub(crate) struct Store {
    map: Mutex<Map>,
    to_sweep: Receiver<()>,
    /// The wall's clock moves in jumps; deadlines are of one that does not.
    started: (Instant, Millis),
}

impl Map {
    /// The living entry of `key`; one that has expired is removed.
    fn find(&mut self, key: &[u8], now: impl Fn() -> Millis) -> Option<&mut Entry> {
        let deadline = self.entries.get(key)?.deadline;
        // The clock is looked at for those only that have a deadline.
        if deadline.is_some_and(|deadline| deadline <= now()) {
            self.remove(key);
            return None;
        }
        self.entries.get_mut(key)
    }

    fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        if let Some(deadline) = entry.deadline {
            self.expiries.remove(&(deadline, key));
        }
        Some(entry)
    }

    /// Gives back what it replaces, to be freed without the lock.
    fn put(&mut self, key: &[u8], value: Bytes, deadline: Option<Millis>) -> Option<Bytes> {
        let Some(entry) = self.entries.get_mut(key) else {
            let key: Bytes = key.into();
            if let Some(deadline) = deadline {
                self.will_expire(deadline, key.clone());
            }
            self.entries.insert(key, Entry { value, deadline });
            return None;
        };
        let replaced = mem::replace(&mut entry.value, value);
        if entry.deadline.is_some() || deadline.is_some() {
            self.set_deadline(key, deadline);
        }
        Some(replaced)
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Millis>) {
        let Some((key, _)) = self.entries.get_key_value(key) else {
            return;
        };
        let key = key.clone();
        let entry = self.entries.get_mut(&key).expect("found just now");
        let before = mem::replace(&mut entry.deadline, deadline);
        if let Some(before) = before {
            self.expiries.remove(&(before, key.clone()));
        }
        if let Some(deadline) = deadline {
            self.will_expire(deadline, key);
        }
    }

    fn will_expire(&mut self, deadline: Millis, key: Bytes) {
        if self.expiries.is_empty() {
            // If it cannot be sent, it has been said already.
            let _said_already = self.sweeper.try_send(());
        }
        self.expiries.insert((deadline, key));
    }
}

impl Store {
    pub(crate) fn new() -> Store {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since_1970.map_or(0, |since| since.as_millis() as Millis);
        let (sweeper, to_sweep) = channel::bounded(1);
        Store {
            map: Mutex::new(Map {
                entries: HashMap::default(),
                expiries: BTreeSet::new(),
                sweeper,
            }),
            to_sweep,
            started: (Instant::now(), now),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        let (instant, millis) = self.started;
        millis + instant.elapsed().as_millis() as Millis
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Bytes> {
        let mut map = self.map.lock();
        map.find(key, || self.now())
            .map(|entry| entry.value.clone())
    }

    pub(crate) fn get_all<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Option<Bytes>> {
        let mut map = self.map.lock();
        keys.map(|key| {
            map.find(key, || self.now())
                .map(|entry| entry.value.clone())
        })
        .collect()
    }

    /// Whether the condition held.
    pub(crate) fn set(
        &self,
        key: &[u8],
        value: &[u8],
        deadline: Option<Millis>,
        condition: Condition,
    ) -> bool {
        let value = Bytes::from(value);
        let mut map = self.map.lock();
        if condition != Condition::Always {
            let exists = map.find(key, || self.now()).is_some();
            if exists != (condition == Condition::Old) {
                return false;
            }
        }
        let replaced = map.put(key, value, deadline);
        drop(map);
        drop(replaced);
        true
    }

    /// All of them at once: nobody sees a part.
    pub(crate) fn set_all(&self, pairs: Vec<(&[u8], Bytes)>) {
        let mut map = self.map.lock();
        let replaced: Vec<_> = pairs
            .into_iter()
            .map(|(key, value)| map.put(key, value, None))
            .collect();
        drop(map);
        drop(replaced);
    }

    /// How many of the keys exist; one that is named twice counts twice.
    pub(crate) fn count<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> usize {
        let mut map = self.map.lock();
        keys.filter(|key| map.find(key, || self.now()).is_some())
            .count()
    }

    /// How many of the keys there were.
    pub(crate) fn remove<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> usize {
        let mut map = self.map.lock();
        let mut removed = Vec::new();
        for key in keys {
            if map.find(key, || self.now()).is_some() {
                removed.extend(map.remove(key));
            }
        }
        drop(map);
        removed.len()
    }

    pub(crate) fn add(&self, key: &[u8], delta: i64) -> Result<i64, AddError> {
        let mut map = self.map.lock();
        let entry = map.find(key, || self.now());
        let number = match &entry {
            Some(entry) => parse_int(&entry.value).ok_or(AddError::NotAnInteger)?,
            None => 0,
        };
        let sum = number.checked_add(delta).ok_or(AddError::Overflow)?;
        let value = Bytes::from(itoa::Buffer::new().format(sum).as_bytes());
        match entry {
            Some(entry) => entry.value = value,
            None => drop(map.put(key, value, None)),
        }
        Ok(sum)
    }

    /// Whether the key exists; a deadline that has passed removes it.
    pub(crate) fn expire(&self, key: &[u8], deadline: Millis) -> bool {
        let mut map = self.map.lock();
        if map.find(key, || self.now()).is_none() {
            return false;
        }
        if deadline <= self.now() {
            map.remove(key);
        } else {
            map.set_deadline(key, Some(deadline));
        }
        true
    }

    /// `None` without the key, `Some(None)` without a deadline.
    pub(crate) fn deadline(&self, key: &[u8]) -> Option<Option<Millis>> {
        let mut map = self.map.lock();
        map.find(key, || self.now()).map(|entry| entry.deadline)
    }

    pub(crate) fn keys(&self, pattern: &[u8]) -> Vec<Bytes> {
        let map = self.map.lock();
        let now = self.now();
        let alive = |entry: &Entry| entry.deadline.is_none_or(|deadline| deadline > now);
        map.entries
            .iter()
            .filter(|(key, entry)| alive(entry) && glob::matches(pattern, key))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// How many keys there are, and how many of them have a deadline.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let map = self.map.lock();
        (map.entries.len(), map.expiries.len())
    }

    pub(crate) fn clear(&self) {
        let mut map = self.map.lock();
        let old = (mem::take(&mut map.entries), mem::take(&mut map.expiries));
        drop(map);
        drop(old);
    }

    /// Removes what nobody asks for any more, and sleeps for good while nothing can expire.
    pub(crate) fn sweep(&self) {
        while let Ok(()) = self.to_sweep.recv() {
            while self.sizes().1 > 0 {
                routine::sleep(SWEEP_EVERY);
                while self.sweep_some() {
                    routine::yield_now();
                }
            }
        }
    }

    /// Whether there is more to remove.
    fn sweep_some(&self) -> bool {
        let now = self.now();
        let mut removed = Vec::new();
        let mut map = self.map.lock();
        while removed.len() < SWEEP_MOST {
            match map.expiries.first() {
                Some((deadline, key)) if *deadline <= now => {
                    let key = key.clone();
                    removed.extend(map.remove(&key));
                }
                _ => return false,
            }
        }
        true
    }
}
