//! The slots of a wheel: lists of entries in the order of coming, and what a long one is split into before
//! its time comes.
//!
//! A node has 64 slots, of 2^`shift(level)` ns each; the rows of the wheel are nodes. A slot with more than
//! `MOST` entries is long: while the time of the slot before it passes, its entries move to a node of the
//! level below, `MOST` of them at a time, from the front. That node takes the place of the (empty) row
//! below it as it is when the time of the slot comes. So nothing that a wheel does at once touches more
//! than `MOST` entries of a slot, and nothing is late for that.
//!
//! - I1: a slot's node holds what came before its list. So what comes is hung into the list, or into the
//!   node if the list is empty.
//! - I2: `long` is the number of lists above level 0 that are longer than `MOST`.

use super::entries::{Entries, Link, NONE};
use crate::sys::clock::Nanos;

/// Slots of a node as a power of two: one word says which are in use.
const BITS: u32 = 6;
pub(super) const SLOTS: usize = 1 << BITS;
/// Down to the nanosecond, and to the end of the clock: 2^(6 * 11 - 2) ns.
pub(super) const LEVELS: usize = 11;
/// The level whose slots are ticks, of 2^16 ns.
pub(super) const TICK: usize = 3;
/// The row of what was late when it came: its first slot is a list, and the only one.
pub(super) const LATE: usize = LEVELS;
/// Longer lists are long; also, how many entries are moved at once.
pub(super) const MOST: u32 = 512;

/// How long a slot of a level is, as a power of two.
#[inline]
pub(super) const fn shift(level: usize) -> u32 {
    (BITS * level as u32).saturating_sub(2)
}

/// The level whose slots are that long.
pub(super) const fn level_of_shift(shift: u32) -> usize {
    (shift + 2) as usize / BITS as usize
}

/// The level at whose digit two moments differ first; those that do not differ are of level 0.
#[inline]
pub(super) fn level_of(differing: u64) -> usize {
    ((differing | 1).ilog2() + 2) as usize / BITS as usize
}

/// Which slot of its node.
#[inline]
pub(super) fn digit(at: Nanos, level: usize) -> usize {
    (at >> shift(level)) as usize % SLOTS
}

/// A slot: the number of its node, and its own.
#[inline]
pub(super) fn place(node: u32, digit: usize) -> u32 {
    node << BITS | digit as u32
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) head: u32,
    tail: u32,
    /// Of the list.
    pub(super) count: u32,
    /// The node that it was split into, or `NONE`.
    pub(super) child: u32,
    /// No later than its entries.
    pub(super) min: Nanos,
}

const EMPTY: Slot = Slot {
    head: NONE,
    tail: NONE,
    count: 0,
    child: NONE,
    min: Nanos::MAX,
};

impl Slot {
    /// Its list has been moved to its node.
    #[inline]
    fn is_split(&self) -> bool {
        self.child != NONE && self.head == NONE
    }
}

struct Node {
    used: u64,
    /// The place of the slot that it stands for; `NONE`: it is a row.
    parent: u32,
    level: u32,
    slots: [Slot; SLOTS],
}

/// The nodes of a wheel; its rows are those that have no parent.
#[derive(Default)]
pub(super) struct Nodes {
    #[expect(clippy::vec_box, reason = "growing copies no nodes")]
    nodes: Vec<Box<Node>>,
    free: Vec<u32>,
    /// The levels whose rows have something in use.
    in_use: u32,
    /// I2.
    long: usize,
    /// How often an entry came into a slot.
    #[cfg(test)]
    pub(super) moved: u64,
}

impl Nodes {
    #[inline]
    fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    #[inline]
    fn node_mut(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize]
    }

    /// A row.
    #[cold]
    pub(super) fn add_row(&mut self, level: usize) -> u32 {
        self.add(level, NONE)
    }

    fn add(&mut self, level: usize, parent: u32) -> u32 {
        if let Some(number) = self.free.pop() {
            let node = self.node_mut(number);
            node.parent = parent;
            node.level = level as u32;
            return number;
        }
        self.nodes.push(Box::new(Node {
            used: 0,
            parent,
            level: level as u32,
            slots: [EMPTY; SLOTS],
        }));
        (self.nodes.len() - 1) as u32
    }

    /// It is empty.
    pub(super) fn remove(&mut self, number: u32) {
        self.free.push(number);
    }

    #[inline]
    pub(super) fn slot(&self, place: u32) -> &Slot {
        &self.node(place >> BITS).slots[place as usize % SLOTS]
    }

    #[inline]
    fn slot_mut(&mut self, place: u32) -> &mut Slot {
        &mut self.nodes[(place >> BITS) as usize].slots[place as usize % SLOTS]
    }

    /// The levels in use, from the lowest on.
    pub(super) fn levels(&self) -> impl Iterator<Item = usize> + use<> {
        let in_use = self.in_use;
        (0..LEVELS).filter(move |level| in_use >> level & 1 == 1)
    }

    /// The lowest level in use: what is there comes first.
    #[inline]
    pub(super) fn first_level(&self) -> Option<usize> {
        let in_use = self.in_use & ((1 << LEVELS) - 1);
        (in_use != 0).then(|| in_use.trailing_zeros() as usize)
    }

    #[inline]
    pub(super) fn has_late(&self) -> bool {
        self.in_use >> LATE & 1 == 1
    }

    /// The first slot of a node that is in use.
    #[inline]
    pub(super) fn first_slot(&self, node: u32) -> usize {
        self.node(node).used.trailing_zeros() as usize
    }

    /// To the end of the slot of the row that its time names, or of one that this was split into; whether a
    /// list has got long by that.
    #[inline]
    pub(super) fn hang<T>(
        &mut self,
        entries: &mut Entries<T>,
        row: u32,
        (index, at): (u32, Nanos),
        level: usize,
    ) -> bool {
        self.in_use |= 1 << level;
        let place = place(row, digit(at, level));
        if self.slot(place).is_split() {
            return self.hang_deep(entries, place, (index, at), level);
        }
        self.append(entries, place, (index, at))
    }

    /// To the end of what was late when it came.
    #[cold]
    pub(super) fn hang_late<T>(&mut self, entries: &mut Entries<T>, row: u32, entry: (u32, Nanos)) {
        self.in_use |= 1 << LATE;
        self.append(entries, place(row, 0), entry);
    }

    #[cold]
    fn hang_deep<T>(
        &mut self,
        entries: &mut Entries<T>,
        mut at_place: u32,
        (index, at): (u32, Nanos),
        mut level: usize,
    ) -> bool {
        while self.slot(at_place).is_split() {
            let slot = self.slot_mut(at_place);
            slot.min = slot.min.min(at);
            level -= 1;
            at_place = place(slot.child, digit(at, level));
        }
        self.append(entries, at_place, (index, at))
    }

    /// To the end of a list.
    #[inline]
    pub(super) fn append<T>(
        &mut self,
        entries: &mut Entries<T>,
        place: u32,
        (index, at): (u32, Nanos),
    ) -> bool {
        #[cfg(test)]
        {
            self.moved += 1;
        }
        let number = place as usize % SLOTS;
        let node = self.node_mut(place >> BITS);
        let slot = &mut node.slots[number];
        let tail = std::mem::replace(&mut slot.tail, index);
        slot.count += 1;
        slot.min = slot.min.min(at);
        if tail == NONE {
            slot.head = index;
            node.used |= 1 << number;
        }
        let is_long_now = slot.count == MOST + 1 && node.level > 0 && node.level < LATE as u32;
        self.long += usize::from(is_long_now);
        entries.get_mut(index).link = Link {
            previous: tail,
            next: NONE,
            place,
        };
        if tail != NONE {
            entries.get_mut(tail).link.next = index;
        }
        is_long_now
    }

    /// Some of its list go to its node, in their order.
    #[cold]
    pub(super) fn split<T>(&mut self, entries: &mut Entries<T>, parent: u32) {
        let level = self.node(parent >> BITS).level as usize - 1;
        if self.slot(parent).child == NONE {
            self.slot_mut(parent).child = self.add(level, parent);
        }
        let slot = *self.slot(parent);
        let mut index = slot.head;
        for _ in 0..MOST.min(slot.count) {
            let entry = entries.get(index);
            let (at, next) = (entry.at, entry.link.next);
            self.append(entries, place(slot.child, digit(at, level)), (index, at));
            index = next;
        }
        self.shorten(entries, parent, index);
    }

    /// The first `MOST` of a list have left it; the one that is the first now.
    fn shorten<T>(&mut self, entries: &mut Entries<T>, place: u32, head: u32) {
        let slot = self.slot_mut(place);
        let (before, after) = (slot.count, slot.count.saturating_sub(MOST));
        slot.count = after;
        slot.head = head;
        match head {
            NONE => slot.tail = NONE,
            _ => entries.get_mut(head).link.previous = NONE,
        }
        self.long -= usize::from(before > MOST && after <= MOST);
    }

    #[inline]
    pub(super) fn has_long(&self) -> bool {
        self.long > 0
    }

    /// Out of its list: an entry between these two at this place.
    #[inline]
    pub(super) fn unhang<T>(&mut self, entries: &mut Entries<T>, link: Link) {
        let Link {
            previous,
            next,
            place,
        } = link;
        let node = &mut self.nodes[(place >> BITS) as usize];
        let slot = &mut node.slots[place as usize % SLOTS];
        slot.count -= 1;
        if slot.count == MOST && node.level > 0 && node.level < LATE as u32 {
            self.long -= 1;
        }
        match previous {
            NONE => slot.head = next,
            _ => entries.get_mut(previous).link.next = next,
        }
        match next {
            NONE => slot.tail = previous,
            _ => entries.get_mut(next).link.previous = previous,
        }
        if slot.head == NONE && slot.child == NONE {
            self.clear(place);
        }
    }

    /// What is in a slot, which is empty then: a list that is not long, or the node of what has been split,
    /// which is a row now.
    pub(super) fn take(&mut self, place: u32) -> Slot {
        let slot = *self.slot(place);
        self.clear(place);
        if slot.child != NONE {
            let node = self.node_mut(slot.child);
            node.parent = NONE;
            let level = node.level;
            self.in_use |= 1 << level;
        }
        slot
    }

    /// Nothing is in this slot any more.
    #[inline]
    fn clear(&mut self, place: u32) {
        let (number, digit) = (place >> BITS, place as usize % SLOTS);
        let node = self.node_mut(number);
        node.slots[digit] = EMPTY;
        node.used &= !(1 << digit);
        if node.used == 0 {
            let (parent, level) = (node.parent, node.level);
            if parent == NONE {
                self.in_use &= !(1 << level);
            } else {
                self.remove(number);
                self.clear_parent(parent);
            }
        }
    }

    /// Nor in the node that it was split into.
    #[cold]
    #[inline(never)]
    fn clear_parent(&mut self, place: u32) {
        let slot = self.slot_mut(place);
        slot.child = NONE;
        if slot.head == NONE {
            self.clear(place);
        }
    }

    /// How many are in use.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.nodes.len() - self.free.len()
    }
}
