//! The values of a channel that nobody waits for.
//!
//! A bounded channel has one ring, made with it. An unbounded one, and one with room for more than 64 KiB,
//! has a ring of rings of some 4 KiB, so that it grows without moving what it holds (a ring that doubles
//! copies megabytes under the channel's lock), and gives its memory back block by block as it drains.

use std::collections::VecDeque;

use super::moves::pop_into;
use super::state::Received;

/// Bytes that a bounded channel allocates at once, at most; a larger buffer grows with use.
const PREALLOCATED: usize = 64 * 1024;
/// Bytes of a block of an unbounded channel.
const BLOCK: usize = 4096;
/// Blocks that the ring of blocks has room for after a burst has gone.
const ROOM: usize = 64;

#[repr(C)] // See `State`.
pub(crate) struct Buffer<T> {
    capacity: usize,
    values: Values<T>,
}

enum Values<T> {
    Ring(VecDeque<T>),
    /// In a box, which keeps channels small.
    Blocks(Box<Blocks<T>>),
}

struct Blocks<T> {
    blocks: VecDeque<VecDeque<T>>,
    len: usize,
    /// An empty block, so that a queue that stands at a block's edge does not allocate each time.
    spare: Option<VecDeque<T>>,
}

impl<T> Buffer<T> {
    pub(crate) fn bounded(capacity: usize) -> Buffer<T> {
        // The largest number stands for "unbounded".
        let capacity = capacity.min(usize::MAX - 1);
        let values = if capacity <= PREALLOCATED / size_of::<T>().max(1) {
            Values::Ring(VecDeque::with_capacity(capacity))
        } else {
            Values::Blocks(Box::new(Blocks::new()))
        };
        Buffer { capacity, values }
    }

    pub(crate) fn unbounded() -> Buffer<T> {
        Buffer {
            capacity: usize::MAX,
            values: Values::Blocks(Box::new(Blocks::new())),
        }
    }

    /// `usize::MAX`: unbounded.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Ring(ring) => ring.len(),
            Values::Blocks(blocks) => blocks.len,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.len() < self.capacity
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        match &mut self.values {
            Values::Ring(ring) => ring.push_back(value),
            Values::Blocks(blocks) => blocks.push(value),
        }
    }

    /// Takes the first value out, if there is one. Not by way of the frame: values may be large.
    #[inline(always)]
    pub(crate) fn pop_into(&mut self, slot: &mut Received<T>) -> bool {
        match &mut self.values {
            Values::Ring(ring) => pop_into(ring, slot),
            Values::Blocks(blocks) => blocks.pop_into(slot),
        }
    }

    /// Empties it; the values are dropped with what is returned.
    pub(crate) fn take(&mut self) -> Buffer<T> {
        let empty = match self.values {
            Values::Ring(_) => Values::Ring(VecDeque::new()),
            Values::Blocks(_) => Values::Blocks(Box::new(Blocks::new())),
        };
        Buffer {
            capacity: self.capacity,
            values: std::mem::replace(&mut self.values, empty),
        }
    }
}

impl<T> Blocks<T> {
    fn new() -> Blocks<T> {
        Blocks {
            blocks: VecDeque::new(),
            len: 0,
            spare: None,
        }
    }

    #[inline]
    fn push(&mut self, value: T) {
        self.len += 1;
        match self.blocks.back_mut() {
            Some(block) if block.len() < block.capacity() => block.push_back(value),
            _ => self.open(value),
        }
    }

    #[cold]
    fn open(&mut self, value: T) {
        let room = (BLOCK / size_of::<T>().max(1)).max(1);
        let spare = self.spare.take();
        let mut block = spare.unwrap_or_else(|| VecDeque::with_capacity(room));
        block.push_back(value);
        self.blocks.push_back(block);
    }

    #[inline]
    fn pop_into(&mut self, slot: &mut Received<T>) -> bool {
        let Some(block) = self.blocks.front_mut() else {
            return false;
        };
        if !pop_into(block, slot) {
            return false;
        }
        self.len -= 1;
        if block.is_empty() && self.blocks.len() > 1 {
            self.close();
        }
        true
    }

    /// The first block is empty, and there are others.
    #[cold]
    fn close(&mut self) {
        self.spare = self.blocks.pop_front();
        if self.blocks.len() < ROOM && self.blocks.capacity() > 4 * ROOM {
            self.blocks.shrink_to(ROOM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::RecvError;
    use super::*;

    fn pop<T>(buffer: &mut Buffer<T>) -> Option<T> {
        let mut slot = Err(RecvError);
        assert_eq!(buffer.pop_into(&mut slot), slot.is_ok());
        slot.ok()
    }

    fn filled(mut buffer: Buffer<usize>, n: usize) -> Buffer<usize> {
        (0..n).for_each(|i| buffer.push(i));
        buffer
    }

    #[test]
    fn both_kinds_are_first_in_first_out() {
        for buffer in [Buffer::bounded(5000), Buffer::unbounded()] {
            let mut buffer = filled(buffer, 5000);
            assert_eq!(buffer.len(), 5000);
            for i in 0..5000 {
                assert_eq!(pop(&mut buffer), Some(i));
                buffer.push(5000 + i);
            }
            assert_eq!(buffer.len(), 5000);
            assert!((5000..10_000).all(|i| pop(&mut buffer) == Some(i)));
            assert!(pop(&mut buffer).is_none());
        }
    }

    #[test]
    fn a_drained_burst_leaves_two_blocks() {
        let mut buffer = filled(Buffer::unbounded(), 1_000_000);
        while pop(&mut buffer).is_some() {}
        let Values::Blocks(left) = &buffer.values else {
            unreachable!()
        };
        assert_eq!((left.blocks.len(), left.spare.is_some()), (1, true));
        let room = left.blocks.capacity();
        assert!(room <= 4 * ROOM, "{room}");
    }

    #[test]
    fn values_without_a_size_and_large_ones() {
        let mut units = Buffer::unbounded();
        (0..1000).for_each(|_| units.push(()));
        assert_eq!(std::iter::from_fn(|| pop(&mut units)).count(), 1000);
        let mut large = Buffer::unbounded();
        (0..3u8).for_each(|i| large.push([i; 10_000]));
        assert!((0..3u8).all(|i| pop(&mut large).is_some_and(|value| value == [i; 10_000])));
    }
}
