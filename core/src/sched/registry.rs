//! The started routines of one home: for cancelling all of them and for reports.
//!
//! Slots with a free list, so that entering and leaving touches no other routine's memory: a linked
//! list through the bodies would fault in two strangers' pages when a million routines end in
//! another order than they began.

use std::ptr::NonNull;

use crate::control::Body;

#[derive(Default)]
pub(crate) struct Registry {
    slots: Vec<Option<NonNull<Body>>>,
    free: Vec<u32>,
}

impl Registry {
    /// A slot for a body that is about to be built.
    #[inline]
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 routines at one home")
        })
    }

    #[inline]
    pub(crate) fn set(&mut self, slot: u32, body: NonNull<Body>) {
        self.slots[slot as usize] = Some(body);
    }

    #[inline]
    pub(crate) fn release(&mut self, slot: u32) {
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<Body>> + '_ {
        self.slots.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused() {
        let mut registry = Registry::default();
        let body = NonNull::dangling();
        let (a, b) = (registry.reserve(), registry.reserve());
        registry.set(a, body);
        registry.set(b, body);
        assert_eq!(registry.iter().count(), 2);
        registry.release(a);
        assert_eq!(registry.iter().count(), 1);
        assert_eq!(registry.reserve(), a);
    }
}
