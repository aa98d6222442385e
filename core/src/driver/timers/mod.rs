//! Timers: what is due when. A hierarchical wheel that sorts only what is about to come due, so that its
//! deadlines are exact to the nanosecond.
//!
//! Time is cut into ticks of 65 us. What is due in the present one stands in the *run*, sorted by deadline
//! and then by coming. What is due later hangs in a slot of the wheel, in a list in the order of coming;
//! each level's slots are 64 times as long as those below. When the run is used up, the first slot in
//! use is emptied into the run and the levels below it.
//!
//! Nothing here touches very many entries at once, however many there are: a table may be locked meanwhile, and
//! a worker's routines stand still. A slot that is long is split bit by bit before its time comes (`slots`),
//! down to the nanosecond. A run that gets long becomes shorter in time. What was late when it was set stands
//! apart and is not sorted at all. Memory comes and goes in segments (`entries`).
//!
//! Tried: slots emptied at once: with a million timers between 20 and 35 s a look took 25 ms. And slots that are
//! split as soon as they get long: then each of a million lists has a last entry that is not in the cache,
//! and setting takes 130 to 200 ns instead of 30 to 60.
//!
//! Measured with a million live entries at random deadlines, in ns (DESIGN.md has the table, and what was
//! measured against it). Lists of indices into one table and not through what is woken, which would touch a
//! page of each.
//!
//! - I1: the run holds what is due in the *window*, the 2^`span` ns from `floor` on. What comes after is in
//!   the row of the level at whose digit it and `floor` differ first; what came when it was due
//!   before `floor` is late. So equal deadlines share a place at any time and keep their order, and each
//!   slot in use is later than those of the levels below, and than the window. (With a span of 0 what is due
//!   at `floor` may be too much for the run; the rest is in the slot of that nanosecond.)
//! - I2: `floor` is no later than the last look.
//! - I3: `split_at` is when the first slot of a row has to be split, if that is long: when the one before it
//!   begins. (What goes may make a long one the first: that is noted at the next change, or at its time.)
//! - I4: a slot's `min` is no later than its entries. What has gone may have set it: the wheel then asks
//!   to be looked at once for nothing.

mod entries;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub(crate) use entries::Key;

use crate::sys::clock::Nanos;
use entries::{Entries, Link, NONE};
use slots::{
    LATE, LEVELS, MOST, Nodes, SLOTS, TICK, digit, level_of, level_of_shift, place, shift,
};

/// The place of an entry that is in no slot.
const RUN: u32 = NONE;

pub(crate) struct Timers<T> {
    entries: Entries<T>,
    nodes: Nodes,
    /// The node of each level, and of what is late; `NONE` until it is needed.
    rows: [u32; LEVELS + 1],
    live: usize,
    /// I1, I2.
    floor: Nanos,
    span: u32,
    /// I3.
    split_at: Nanos,
    run: VecDeque<(Nanos, u32)>,
    /// How many in the run have gone.
    gone: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers {
            entries: Entries::default(),
            nodes: Nodes::default(),
            rows: [NONE; LEVELS + 1],
            live: 0,
            floor: 0,
            span: shift(TICK),
            split_at: Nanos::MAX,
            run: VecDeque::new(),
            gone: 0,
        }
    }
}

impl<T> Timers<T> {
    #[inline]
    pub(crate) fn insert(&mut self, at: Nanos, what: T) -> Key {
        let key = self.entries.allot(at, what);
        self.live += 1;
        if !self.hang(key.index, at) {
            self.enter_run(key.index, at);
        }
        key
    }

    /// To the end of its slot; `false` if it belongs to the run (I1).
    #[inline]
    fn hang(&mut self, index: u32, at: Nanos) -> bool {
        if at < self.floor {
            let row = self.row(LATE);
            self.nodes.hang_late(&mut self.entries, row, (index, at));
            return true;
        }
        let differing = (at ^ self.floor) as u64;
        if differing >> self.span == 0 && !self.has_more_at_floor() {
            return false;
        }
        let level = level_of(differing);
        let row = self.row(level);
        if self.nodes.hang(&mut self.entries, row, (index, at), level) {
            self.note_split(level);
        }
        true
    }

    /// I3, for the first slot of this row.
    #[cold]
    fn note_split(&mut self, level: usize) {
        let slot = self.first_slot(level);
        if level > 0 && self.nodes.slot(slot).count > MOST {
            let begin = self.start(slot, level) - (1 << shift(level));
            self.split_at = self.split_at.min(begin);
        }
    }

    /// I3, after rows have changed.
    fn note_splits(&mut self) {
        self.split_at = Nanos::MAX;
        if self.nodes.has_long() {
            self.nodes.levels().for_each(|level| self.note_split(level));
        }
    }

    /// When the time of a row's slot begins.
    fn start(&self, slot: u32, level: usize) -> Nanos {
        let length = shift(level);
        let above = (length + SLOTS.ilog2()).min(63);
        let round = self.floor >> above << (above - length);
        (round | Nanos::from(slot % SLOTS as u32)) << length
    }

    /// Splits one of the slots whose time it is, if there is any.
    #[cold]
    fn split(&mut self, now: Nanos) {
        let due = self.nodes.levels().find_map(|level| {
            let slot = self.first_slot(level);
            let is_long = level > 0 && self.nodes.slot(slot).count > MOST;
            let begin = self.start(slot, level) - (1 << shift(level));
            (is_long && begin <= now).then_some(slot)
        });
        if let Some(slot) = due {
            self.nodes.split(&mut self.entries, slot);
        }
        self.note_splits();
    }

    #[inline]
    fn row(&mut self, level: usize) -> u32 {
        match self.rows[level] {
            NONE => self.add_row(level),
            row => row,
        }
    }

    #[cold]
    fn add_row(&mut self, level: usize) -> u32 {
        self.rows[level] = self.nodes.add_row(level);
        self.rows[level]
    }

    /// Whether more is due at `floor` than the run has taken.
    #[inline]
    fn has_more_at_floor(&self) -> bool {
        self.span == 0 && self.rows[0] != NONE && {
            let slot = place(self.rows[0], digit(self.floor, 0));
            self.nodes.slot(slot).count > 0
        }
    }

    fn enter_run(&mut self, index: u32, at: Nanos) {
        while self.run.len() >= 2 * MOST as usize && self.span > 0 {
            self.narrow();
            if self.hang(index, at) {
                return;
            }
        }
        self.entries.get_mut(index).link.place = RUN;
        let end = self.run.partition_point(|&(other, _)| other <= at);
        self.run.insert(end, (at, index));
    }

    /// The run is long: its window becomes a slot of the level below.
    #[cold]
    fn narrow(&mut self) {
        self.span = shift(level_of_shift(self.span) - 1);
        self.gone = 0;
        for (at, index) in std::mem::take(&mut self.run) {
            if self.entries.has_gone(index) {
                self.entries.release(index);
            } else if !self.hang(index, at) {
                self.run.push_back((at, index));
            }
        }
    }

    /// Takes it out, unless it has fired or was taken out before.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let (what, link) = self.entries.take_key(key)?;
        if link.place == RUN {
            self.gone += 1;
            self.tidy();
        } else {
            self.nodes.unhang(&mut self.entries, link);
            self.entries.release(key.index);
        }
        self.count_out();
        Some(what)
    }

    /// Takes those that have gone off the run: at its ends, and all of them if they are the most. So one
    /// that is set and taken out again all the time leaves nothing behind, however short it is.
    fn tidy(&mut self) {
        while let Some(&(_, index)) = self.run.front().filter(|&&(_, i)| self.entries.has_gone(i)) {
            self.run.pop_front();
            self.gone -= 1;
            self.entries.release(index);
        }
        while let Some(&(_, index)) = self.run.back().filter(|&&(_, i)| self.entries.has_gone(i)) {
            self.run.pop_back();
            self.gone -= 1;
            self.entries.release(index);
        }
        if self.gone > 64 && 2 * self.gone > self.run.len() {
            self.gone = 0;
            for (at, index) in std::mem::take(&mut self.run) {
                match self.entries.has_gone(index) {
                    true => self.entries.release(index),
                    false => self.run.push_back((at, index)),
                }
            }
        }
    }

    /// After the last of very many nothing is kept.
    #[inline]
    fn count_out(&mut self) {
        self.live -= 1;
        if self.live == 0 && self.entries.is_large() {
            self.forget();
        }
    }

    #[cold]
    fn forget(&mut self) {
        self.entries.forget();
        self.nodes = Nodes::default();
        self.rows = [NONE; LEVELS + 1];
        self.split_at = Nanos::MAX;
        self.run = VecDeque::new();
        self.gone = 0;
    }

    /// When a look pays off at the latest; `Nanos::MAX` if there is nothing.
    #[inline]
    pub(crate) fn next(&self) -> Nanos {
        if self.nodes.has_late() {
            return self.floor - 1;
        }
        let next = match (self.run.front(), self.nodes.first_level()) {
            (Some(&(at, _)), _) => at,
            (None, Some(level)) => self.nodes.slot(self.first_slot(level)).min,
            (None, None) => Nanos::MAX,
        };
        next.min(self.split_at)
    }

    /// When a look pays off because something was set for `at`.
    #[inline]
    pub(crate) fn next_with(&self, at: Nanos) -> Nanos {
        at.min(self.split_at)
    }

    /// The first slot in use of a row.
    fn first_slot(&self, level: usize) -> u32 {
        let row = self.rows[level];
        place(row, self.nodes.first_slot(row))
    }

    /// Takes out one that is due: the earliest, and of equals the one that came first. What was late
    /// already when it came is taken out in the order of coming, before all others. `None` also when there is
    /// so much to do before the next one that it is better done in several looks: then `next` has come.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<T> {
        if self.split_at <= now {
            self.split(now);
        }
        if self.nodes.has_late() {
            return self.pop_late();
        }
        while self.run.is_empty() {
            if !self.advance(now) {
                return None;
            }
        }
        let &(_, index) = self.run.front().filter(|&&(at, _)| at <= now)?;
        self.run.pop_front();
        let what = self.entries.take(index);
        self.entries.release(index);
        if self.gone > 0 {
            self.tidy();
        }
        self.count_out();
        what
    }

    #[cold]
    fn pop_late(&mut self) -> Option<T> {
        let index = self.nodes.slot(place(self.rows[LATE], 0)).head;
        let link = self.entries.get(index).link;
        self.nodes.unhang(&mut self.entries, link);
        let what = self.entries.take(index);
        self.entries.release(index);
        self.count_out();
        what
    }

    /// Empties the first slot, unless it begins after `until`: then `false`.
    fn advance(&mut self, until: Nanos) -> bool {
        let Some(level) = self.nodes.first_level() else {
            self.raise_floor(until, TICK);
            return false;
        };
        let slot = self.first_slot(level);
        let start = self.start(slot, level);
        if start > until {
            self.raise_floor(until, level.min(TICK));
            return false;
        }
        if level > 0 && self.nodes.slot(slot).count > MOST {
            // There was no look in time to split it; what is here is late, and a bit later for that.
            self.nodes.split(&mut self.entries, slot);
            self.note_splits();
            return false;
        }
        if self.nodes.slot(slot).child != NONE {
            self.nodes.split(&mut self.entries, slot);
        }
        self.floor = start;
        self.span = shift(level.min(TICK));
        if level == 0 {
            self.take_equal(slot);
            return true;
        }
        let taken = self.nodes.take(slot);
        if taken.child != NONE {
            // The window is not empty if the first slot of this row is in use: that one is next then.
            let row = std::mem::replace(&mut self.rows[level - 1], taken.child);
            if row != NONE {
                self.nodes.remove(row);
            }
            self.span = shift((level - 1).min(TICK));
            self.note_splits();
            return true;
        }
        let mut index = taken.head;
        while index != NONE {
            let entry = self.entries.get_mut(index);
            let (at, next) = (entry.at, entry.link.next);
            entry.link.place = RUN;
            if !self.hang(index, at) {
                self.run.push_back((at, index));
            }
            index = next;
        }
        // Stable, so equal deadlines keep their order.
        self.run.make_contiguous().sort_by_key(|&(at, _)| at);
        self.note_splits();
        true
    }

    /// Some of a slot of one nanosecond, which may hold any number.
    fn take_equal(&mut self, slot: u32) {
        for _ in 0..MOST.min(self.nodes.slot(slot).count) {
            let index = self.nodes.slot(slot).head;
            let entry = self.entries.get_mut(index);
            let link = std::mem::replace(&mut entry.link, Link::NONE);
            self.run.push_back((entry.at, index));
            self.nodes.unhang(&mut self.entries, link);
        }
    }

    /// No slot begins before `until`, and the first one is of this level or a higher one: nothing
    /// changes its place if the window moves there.
    fn raise_floor(&mut self, until: Nanos, level: usize) {
        let span = shift(level);
        let floor = until >> span << span;
        if floor > self.floor {
            self.floor = floor;
            self.span = span;
        }
    }

    /// Takes everything out.
    pub(crate) fn drain(self) -> impl Iterator<Item = T> {
        self.entries.drain()
    }
}
