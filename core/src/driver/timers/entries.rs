//! The entries of a wheel, by number: in segments, so that the table grows without being copied, and gives
//! back what very many have used although some of them stay.
//!
//! Tried: one `Vec`. At 4 million entries a push copied 160 MB, 24 ms under the lock of a table, and one
//! entry that lived kept the memory of all. Compacting it instead would have to tell the owner of each key
//! that its number has changed, at the price of a touch of what it names.
//!
//! - I1: a segment with a free entry stands in `roomy` once, every other one does not.
//! - I2: a segment without live entries holds no memory, unless it is the last of `roomy`: so setting and
//!   stopping one timer for ever does not ask the allocator each time.
//! - I3: an entry's generation is never that of another, and 0 once it has gone, so a late `Key` finds
//!   nothing.

use std::num::NonZeroU64;

use crate::sys::clock::Nanos;

/// Names one entry, also after it has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(super) index: u32,
    generation: u32,
}

impl Key {
    /// For where the type is not known.
    #[inline]
    pub(crate) fn to_number(self) -> NonZeroU64 {
        let number = u64::from(self.generation) << 32 | u64::from(self.index);
        NonZeroU64::new(number).expect("generations begin with 1")
    }

    #[inline]
    pub(crate) fn from_number(number: NonZeroU64) -> Key {
        Key {
            index: number.get() as u32,
            generation: (number.get() >> 32) as u32,
        }
    }
}

/// No entry; the end of a list.
pub(super) const NONE: u32 = u32::MAX;
/// Entries of a segment: 320 KB, so large that the allocator maps it by itself and gives it back at once. With
/// segments of 40 KB among the user's objects, a million stopped at a regular distance took 1.8 times as
/// long as with one `Vec`; with these 1.2 times.
const SIZE: usize = 8192;

pub(super) struct Entry<T> {
    pub(super) at: Nanos,
    pub(super) link: Link,
    generation: u32,
    what: Option<T>,
}

/// Where an entry is: its place (`slots`), and in a list its neighbours.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) previous: u32,
    /// Also the next free one.
    pub(super) next: u32,
    pub(super) place: u32,
}

impl Link {
    pub(super) const NONE: Link = Link {
        previous: NONE,
        next: NONE,
        place: NONE,
    };
}

struct Segment<T> {
    entries: Vec<Entry<T>>,
    /// The first that is free among those that were used before.
    free: u32,
    live: u32,
}

pub(super) struct Entries<T> {
    segments: Vec<Segment<T>>,
    /// I1.
    roomy: Vec<u32>,
    generation: u32,
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries {
            segments: Vec::new(),
            roomy: Vec::new(),
            generation: 0,
        }
    }
}

impl<T> Entries<T> {
    /// A new one, in no place.
    #[inline]
    pub(super) fn allot(&mut self, at: Nanos, what: T) -> Key {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let generation = self.generation;
        let entry = Entry {
            at,
            link: Link::NONE,
            generation,
            what: Some(what),
        };
        let number = match self.roomy.last() {
            Some(&number) => number as usize,
            None => self.add_segment(),
        };
        let segment = &mut self.segments[number];
        segment.live += 1;
        if segment.live as usize == SIZE {
            self.roomy.pop();
        }
        let index = segment.free;
        if index == NONE {
            let index = (number * SIZE + segment.entries.len()) as u32;
            if segment.entries.len() == segment.entries.capacity() {
                segment.grow(number > 0);
            }
            segment.entries.push(entry);
            return Key { index, generation };
        }
        let free = &mut segment.entries[index as usize % SIZE];
        segment.free = free.link.next;
        *free = entry;
        Key { index, generation }
    }

    #[cold]
    fn add_segment(&mut self) -> usize {
        let number = self.segments.len();
        let fits = (number + 1) * SIZE < NONE as usize;
        assert!(fits, "fewer than 2^32 timers at one worker");
        self.segments.push(Segment {
            entries: Vec::new(),
            free: NONE,
            live: 0,
        });
        self.roomy.push(number as u32);
        number
    }

    /// One that has gone: its number may be used again.
    #[inline]
    pub(super) fn release(&mut self, index: u32) {
        let number = index as usize / SIZE;
        let segment = &mut self.segments[number];
        let entry = &mut segment.entries[index as usize % SIZE];
        entry.generation = 0;
        entry.link.next = segment.free;
        segment.free = index;
        segment.live -= 1;
        let is_last = self.roomy.last() == Some(&(number as u32));
        if segment.live as usize == SIZE - 1 {
            self.list(number);
        } else if segment.live == 0 && !is_last {
            segment.clear();
        }
    }

    /// It has room again.
    #[cold]
    fn list(&mut self, number: usize) {
        if let Some(&last) = self.roomy.last() {
            let last = &mut self.segments[last as usize];
            if last.live == 0 {
                last.clear();
            }
        }
        self.roomy.push(number as u32);
    }

    /// Takes out what a key names, unless it has gone, and where it was; its number is not free yet.
    #[inline]
    pub(super) fn take_key(&mut self, key: Key) -> Option<(T, Link)> {
        let index = key.index as usize;
        let segment = self.segments.get_mut(index / SIZE)?;
        let entry = segment.entries.get_mut(index % SIZE)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.generation = 0;
        Some((entry.what.take()?, entry.link))
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Entry<T> {
        let index = index as usize;
        &self.segments[index / SIZE].entries[index % SIZE]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Entry<T> {
        let index = index as usize;
        &mut self.segments[index / SIZE].entries[index % SIZE]
    }

    /// It has gone, and its number is not free yet.
    #[inline]
    pub(super) fn take(&mut self, index: u32) -> Option<T> {
        let entry = self.get_mut(index);
        entry.generation = 0;
        entry.what.take()
    }

    #[inline]
    pub(super) fn has_gone(&self, index: u32) -> bool {
        self.get(index).generation == 0
    }

    #[inline]
    pub(super) fn is_large(&self) -> bool {
        self.segments.len() > 4
    }

    /// After the last one has gone.
    pub(super) fn forget(&mut self) {
        self.segments = Vec::new();
        self.roomy = Vec::new();
    }

    /// All that are live.
    pub(super) fn drain(self) -> impl Iterator<Item = T> {
        let entries = self.segments.into_iter().flat_map(|s| s.entries);
        entries.filter_map(|entry| entry.what)
    }

    /// How many there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.segments.iter().map(|s| s.entries.capacity()).sum()
    }
}

impl<T> Segment<T> {
    /// The first segment of all grows, the others have their size at once.
    #[cold]
    fn grow(&mut self, at_once: bool) {
        match at_once {
            true => self.entries.reserve_exact(SIZE),
            false => self.entries.reserve(1),
        }
    }

    #[cold]
    fn clear(&mut self) {
        self.entries = Vec::new();
        self.free = NONE;
    }
}
