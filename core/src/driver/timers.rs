//! Timers: what is due when. A hierarchical wheel whose present tick is sorted, so that its deadlines
//! are exact to the nanosecond.
//!
//! Time is cut into ticks of 65 us. What is due in a later tick hangs in a slot of the wheel, in a list
//! in the order of coming; eight levels of 64 slots reach to the end of the clock. What is due in the
//! present tick stands in the *run*, sorted by deadline and then by coming. When the run is used up, the
//! first slot in use is emptied into the run and the levels below it.
//!
//! Measured with a million live entries at random deadlines, in ns, the range of three rounds (DESIGN.md has
//! the table, and what was measured): setting and stopping 52 to 89, against 650 to 712 of a B-tree and 103
//! to 118 of a heap of four with places written back; setting and firing 328 to 369, against 361 to 406 and
//! 260 to 315: there the heap is better. Lists of indices into one table and not through what is woken, which
//! would touch a page of each.
//!
//! - I1: an entry of a tick after `elapsed` is in the slot that the highest digit names in which the two
//!   differ; every other one is in the run. So equal deadlines share a place at any time and keep
//!   their order, and each slot in use is later than those of the levels below.
//! - I2: a slot's `min` is no later than its entries. What has gone may have set it: the wheel then asks
//!   to be looked at once for nothing.
//! - I3: an entry's generation is never that of another, and 0 once it has gone, so a late `Key` finds
//!   nothing.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use crate::sys::clock::Nanos;

/// Names one entry, also after it has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    index: u32,
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

/// A tick as a power of two: 2^16 ns.
const TICK: u32 = 16;
/// Slots of a level as a power of two: one word says which are in use.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// Enough for the clock's 292 years.
const LEVELS: usize = (63 - TICK).div_ceil(BITS) as usize;
/// The end of a list.
const NONE: u32 = u32::MAX;
/// The place of an entry that is in no slot.
const RUN: u16 = u16::MAX;
/// With fewer entries the memory is kept when the last one goes.
const KEPT: usize = 1024;

struct Entry<T> {
    at: Nanos,
    previous: u32,
    /// Also the next free one.
    next: u32,
    generation: u32,
    /// The number of its slot, or `RUN`.
    place: u16,
    what: Option<T>,
}

#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
    /// I2.
    min: Nanos,
}

const EMPTY: Slot = Slot {
    head: NONE,
    tail: NONE,
    min: Nanos::MAX,
};

pub(crate) struct Timers<T> {
    entries: Vec<Entry<T>>,
    /// The first free entry.
    free: u32,
    generation: u32,
    live: usize,
    /// The present tick.
    elapsed: i64,
    /// Which slots of each level are in use.
    used: [u64; LEVELS],
    slots: Box<[[Slot; SLOTS]; LEVELS]>,
    run: VecDeque<(Nanos, u32)>,
    /// How many in the run have gone.
    gone: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers {
            entries: Vec::new(),
            free: NONE,
            generation: 0,
            live: 0,
            elapsed: 0,
            used: [0; LEVELS],
            slots: Box::new([[EMPTY; SLOTS]; LEVELS]),
            run: VecDeque::new(),
            gone: 0,
        }
    }
}

impl<T> Timers<T> {
    pub(crate) fn insert(&mut self, at: Nanos, what: T) -> Key {
        let key = self.allot(at, what);
        if !self.hang(key.index, at) {
            let end = self.run.partition_point(|&(other, _)| other <= at);
            self.run.insert(end, (at, key.index));
        }
        key
    }

    fn allot(&mut self, at: Nanos, what: T) -> Key {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let generation = self.generation;
        let entry = Entry {
            at,
            previous: NONE,
            next: NONE,
            generation,
            place: RUN,
            what: Some(what),
        };
        self.live += 1;
        let index = self.free;
        if let Some(free) = self.entries.get_mut(index as usize) {
            self.free = free.next;
            *free = entry;
            return Key { index, generation };
        }
        let index = u32::try_from(self.entries.len()).ok().filter(|&i| i < NONE);
        self.entries.push(entry);
        Key {
            index: index.expect("fewer than 2^32 timers at one worker"),
            generation,
        }
    }

    /// To the end of its slot; `false` if it belongs to the run (I1).
    #[inline]
    fn hang(&mut self, index: u32, at: Nanos) -> bool {
        let tick = at >> TICK;
        if tick <= self.elapsed {
            return false;
        }
        let level = (tick ^ self.elapsed).ilog2() / BITS;
        let number = (tick >> (level * BITS)) as usize % SLOTS;
        let level = level as usize;
        let slot = &mut self.slots[level][number];
        let tail = std::mem::replace(&mut slot.tail, index);
        slot.min = slot.min.min(at);
        if tail == NONE {
            slot.head = index;
            self.used[level] |= 1 << number;
        }
        let entry = &mut self.entries[index as usize];
        entry.place = (level * SLOTS + number) as u16;
        entry.previous = tail;
        entry.next = NONE;
        if tail != NONE {
            self.entries[tail as usize].next = index;
        }
        true
    }

    /// Takes it out, unless it has fired or was taken out before.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.index as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        let what = entry.what.take();
        entry.generation = 0;
        if entry.place == RUN {
            self.gone += 1;
            self.tidy();
        } else {
            self.unhang(key.index);
            self.release(key.index);
        }
        self.count_out();
        what
    }

    fn unhang(&mut self, index: u32) {
        let entry = &self.entries[index as usize];
        let (previous, next) = (entry.previous, entry.next);
        let place = usize::from(entry.place);
        let (level, number) = (place / SLOTS, place % SLOTS);
        let slot = &mut self.slots[level][number];
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => slot.head = next,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.previous = previous,
            None => slot.tail = previous,
        }
        if slot.head == NONE {
            *slot = EMPTY;
            self.used[level] &= !(1 << number);
        }
    }

    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.generation = 0;
        entry.next = self.free;
        self.free = index;
    }

    fn has_gone(&self, index: u32) -> bool {
        self.entries[index as usize].generation == 0
    }

    /// Takes those that have gone off the run: at its ends, and all of them if they are the most. So one
    /// that is set and taken out again all the time leaves nothing behind, however short it is.
    fn tidy(&mut self) {
        while let Some(&(_, index)) = self.run.front().filter(|&&(_, i)| self.has_gone(i)) {
            self.run.pop_front();
            self.gone -= 1;
            self.release(index);
        }
        while let Some(&(_, index)) = self.run.back().filter(|&&(_, i)| self.has_gone(i)) {
            self.run.pop_back();
            self.gone -= 1;
            self.release(index);
        }
        if self.gone > 64 && 2 * self.gone > self.run.len() {
            let run = std::mem::take(&mut self.run);
            let (live, gone): (VecDeque<_>, VecDeque<_>) = run
                .into_iter()
                .partition(|&(_, index)| !self.has_gone(index));
            self.run = live;
            self.gone = 0;
            for (_, index) in gone {
                self.release(index);
            }
        }
    }

    /// After the last of very many the memory goes back.
    #[inline]
    fn count_out(&mut self) {
        self.live -= 1;
        if self.live == 0 && self.entries.len() > KEPT {
            self.entries = Vec::new();
            self.run = VecDeque::new();
            self.free = NONE;
            self.gone = 0;
        }
    }

    /// When a look pays off at the latest; `Nanos::MAX` if there is nothing.
    pub(crate) fn next(&self) -> Nanos {
        match (self.run.front(), self.first_slot()) {
            (Some(&(at, _)), _) => at,
            (None, Some((level, number))) => self.slots[level][number].min,
            (None, None) => Nanos::MAX,
        }
    }

    /// The slot in use that comes first (I1).
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.used.iter().position(|&used| used != 0)?;
        Some((level, self.used[level].trailing_zeros() as usize))
    }

    /// Takes out one that is due: the earliest, and of equals the one that came first.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<T> {
        while self.run.is_empty() {
            if !self.advance(now >> TICK) {
                return None;
            }
        }
        let &(_, index) = self.run.front().filter(|&&(at, _)| at <= now)?;
        self.run.pop_front();
        let entry = &mut self.entries[index as usize];
        let what = entry.what.take();
        self.release(index);
        if self.gone > 0 {
            self.tidy();
        }
        self.count_out();
        what
    }

    /// Empties the first slot, unless it begins after tick `until`: then `false`.
    fn advance(&mut self, until: i64) -> bool {
        let Some((level, number)) = self.first_slot() else {
            return false;
        };
        let shift = level as u32 * BITS;
        let round = self.elapsed >> (shift + BITS) << BITS;
        let start = (round | number as i64) << shift;
        if start > until {
            // No slot begins before that, so nothing changes its place.
            self.elapsed = self.elapsed.max(until);
            return false;
        }
        self.elapsed = start;
        self.used[level] &= !(1 << number);
        let mut index = std::mem::replace(&mut self.slots[level][number], EMPTY).head;
        while index != NONE {
            let Entry { at, next, .. } = self.entries[index as usize];
            if !self.hang(index, at) {
                self.entries[index as usize].place = RUN;
                self.run.push_back((at, index));
            }
            index = next;
        }
        // Stable, so equal deadlines keep their order.
        self.run.make_contiguous().sort_by_key(|&(at, _)| at);
        true
    }

    /// Takes everything out.
    pub(crate) fn drain(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().filter_map(|entry| entry.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn due_ones_come_in_order_and_removed_ones_not() {
        let mut timers = Timers::default();
        timers.insert(20, 1);
        timers.insert(10, 2);
        let gone = timers.insert(10, 3);
        timers.insert(10, 4);
        assert_eq!(timers.remove(gone), Some(3));
        assert_eq!(timers.remove(gone), None);
        let mut pop = |now| timers.pop_due(now);
        assert_eq!(pop(9), None);
        assert_eq!(pop(15), Some(2));
        assert_eq!(pop(15), Some(4));
        assert_eq!(pop(15), None);
        assert_eq!(pop(20), Some(1));
        assert_eq!(timers.next(), Nanos::MAX);
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, below: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            ((u128::from(self.0) * u128::from(below)) >> 64) as u64
        }
    }

    /// The wheel against a sorted map, with deadlines of all sizes: before the present, equal, on the
    /// borders of slots, at the end of the clock.
    #[test]
    fn it_agrees_with_a_sorted_map() {
        for seed in 1_u64..200 {
            let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
            let (mut timers, mut model) = (Timers::default(), BTreeMap::new());
            let (mut now, mut keys) = (0_i64, Vec::new());
            for number in 0..400_u64 {
                match random.below(8) {
                    0..4 => {
                        let size = random.below(63);
                        let away =
                            (random.below(1 << size) >> random.below(20) << (size / 2)) as i64;
                        let at = now
                            .saturating_add(away)
                            .saturating_sub(random.below(3) as i64);
                        let key = timers.insert(at, number);
                        keys.push((key, at, number));
                        model.insert((at, number), key);
                    }
                    4 | 5 if !keys.is_empty() => {
                        let chosen = random.below(keys.len() as u64) as usize;
                        let (key, at, number) = keys[chosen];
                        let removed = timers.remove(key);
                        assert_eq!(removed, model.remove(&(at, number)).map(|_| number));
                    }
                    _ => {
                        now = now.saturating_add(1 << random.below(40));
                        fire(&mut timers, &mut model, now);
                    }
                }
                let next = model.keys().next().map_or(Nanos::MAX, |&(at, _)| at);
                assert!(timers.next() <= next, "it would sleep too long");
            }
            fire(&mut timers, &mut model, Nanos::MAX);
            assert!(model.is_empty());
            assert_eq!(timers.next(), Nanos::MAX);
        }
    }

    fn fire(timers: &mut Timers<u64>, model: &mut BTreeMap<(Nanos, u64), Key>, now: Nanos) {
        while let Some(number) = timers.pop_due(now) {
            let (&(at, first), _) = model.first_key_value().expect("nothing is due twice");
            assert!(at <= now, "never early");
            assert_eq!(number, first, "by deadline, then by coming");
            model.remove(&(at, first));
        }
        assert!(model.keys().next().is_none_or(|&(at, _)| at > now));
    }

    /// Without removals a look that is asked for is never for nothing.
    #[test]
    fn next_is_exact_until_something_goes() {
        let mut random = Random(7);
        let mut timers = Timers::default();
        let mut deadlines: Vec<_> = (0..1000).map(|_| random.below(1 << 40) as i64).collect();
        for &at in &deadlines {
            timers.insert(at, ());
        }
        deadlines.sort_unstable();
        for at in deadlines {
            assert_eq!(timers.next(), at);
            assert!(timers.pop_due(at - 1).is_none());
            assert!(timers.pop_due(at).is_some());
        }
    }

    /// What is set and taken out for ever while nobody looks at the clock stays small, also where
    /// deadlines are so short that they belong to the run, and where one that stays is the last.
    #[test]
    fn what_has_gone_leaves_nothing_behind() {
        let mut timers = Timers::default();
        let stays = timers.insert(TICKS_LONG, ());
        let mut others = Vec::new();
        for number in 0..100_000_i64 {
            others.push(timers.insert(number % 10_000, ()));
            if others.len() == 10 {
                let removed = others.drain(..).filter_map(|key| timers.remove(key));
                assert_eq!(removed.count(), 10);
            }
        }
        assert!(timers.entries.len() < 1000, "{}", timers.entries.len());
        assert!(timers.remove(stays).is_some());
    }

    const TICKS_LONG: Nanos = (1 << TICK) - 1;

    #[test]
    fn the_memory_of_very_many_goes_back() {
        let mut timers = Timers::default();
        let keys: Vec<_> = (0..100_000)
            .map(|at| timers.insert(at * 1000, at))
            .collect();
        assert_eq!(timers.remove(keys[7]), Some(7));
        while timers.pop_due(Nanos::MAX).is_some() {}
        assert_eq!(timers.entries.capacity(), 0);
        let key = timers.insert(5, 5);
        assert_eq!(timers.remove(keys[0]), None, "an old key finds nothing");
        assert_eq!(timers.remove(key), Some(5));
    }
}
