//! Things by number: slots with a free list.
//!
//! Entering and leaving touches no other's memory: a linked list through bodies would fault in two
//! strangers' pages when a million routines end in another order than they began.

pub(crate) struct Slots<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Copy> Slots<T> {
    /// A slot for something that is about to be made.
    #[inline]
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 at one place")
        })
    }

    #[inline]
    pub(crate) fn set(&mut self, slot: u32, what: T) {
        self.slots[slot as usize] = Some(what);
    }

    #[inline]
    pub(crate) fn release(&mut self, slot: u32) {
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }

    /// What is in a slot that was somebody's, if it is anybody's now.
    pub(crate) fn get(&self, slot: u32) -> Option<T> {
        self.slots.get(slot as usize).copied().flatten()
    }

    /// How far slots go.
    pub(crate) fn end(&self) -> u32 {
        self.slots.len() as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused() {
        let mut slots = Slots::default();
        let (a, b) = (slots.reserve(), slots.reserve());
        slots.set(a, 'a');
        slots.set(b, 'b');
        slots.release(a);
        assert_eq!((slots.get(a), slots.get(b)), (None, Some('b')));
        assert_eq!(slots.reserve(), a);
        assert_eq!(slots.end(), 2);
        assert_eq!(slots.get(7), None);
    }
}
