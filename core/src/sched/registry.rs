//! The started routines of one home: for cancelling all of them and for reports.
//!
//! Slots with a free list, so that entering and leaving touches no other routine's memory: a linked
//! list through the bodies would fault in two strangers' pages when a million routines end in
//! another order than they began.
//!
//! The slots stand in chunks that double in size and stay where they are, so that the monitor can read them
//! while the home goes on. What it reads of a body is true if the home has resumed nobody meanwhile.

use std::ptr::{self, NonNull};

use crate::control::Body;
use crate::prim::{AtomicPtr, Ordering};

/// Slots in the first chunk.
const FIRST: usize = 64;
/// Chunks for 2^32 routines.
const CHUNKS: usize = 27;

/// What others may look at; with its worker for good.
pub(crate) struct Slots {
    chunks: [AtomicPtr<AtomicPtr<Body>>; CHUNKS],
}

/// The home's side.
#[derive(Default)]
pub(crate) struct Registry {
    free: Vec<u32>,
    /// How many slots were ever in use.
    count: u32,
}

/// In which chunk a slot is, and where.
#[inline]
fn place_of(slot: u32) -> (usize, usize) {
    let number = slot as usize / FIRST + 1;
    let chunk = number.ilog2() as usize;
    (chunk, slot as usize - FIRST * ((1 << chunk) - 1))
}

impl Slots {
    pub(super) fn new() -> Slots {
        Slots {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
        }
    }

    fn chunk(&self, number: usize) -> Option<&[AtomicPtr<Body>]> {
        // ORDER: Acquire pairs with the Release in `grow`.
        let chunk = NonNull::new(self.chunks[number].load(Ordering::Acquire))?;
        // SAFETY: `grow` has leaked as many.
        Some(unsafe { std::slice::from_raw_parts(chunk.as_ptr(), FIRST << number) })
    }

    #[cold]
    fn grow(&self, number: usize) {
        let chunk: Box<[AtomicPtr<Body>]> = (0..FIRST << number)
            .map(|_| AtomicPtr::new(ptr::null_mut()))
            .collect();
        let chunk = Box::leak(chunk).as_mut_ptr();
        // ORDER: Release pairs with the Acquire in `chunk`.
        self.chunks[number].store(chunk, Ordering::Release);
    }

    #[inline]
    fn slot(&self, slot: u32) -> &AtomicPtr<Body> {
        let (chunk, at) = place_of(slot);
        // The home's own store, or nobody has the number.
        let chunk = self.chunk(chunk).expect("a slot that was reserved");
        &chunk[at]
    }

    /// Home: the body in a slot that was somebody's, if it is anybody's now.
    pub(super) fn get(&self, slot: u32) -> Option<NonNull<Body>> {
        let (chunk, at) = place_of(slot);
        NonNull::new(self.chunk(chunk)?[at].load(Ordering::Relaxed))
    }

    /// Of what lives here, from anywhere; a snapshot.
    pub(super) fn iter(&self) -> impl Iterator<Item = NonNull<Body>> + '_ {
        let chunks = (0..CHUNKS).map_while(|number| self.chunk(number));
        chunks
            .flatten()
            // ORDER: Acquire pairs with the Release in `set`: what is seen here has been built.
            .filter_map(|slot| NonNull::new(slot.load(Ordering::Acquire)))
    }
}

impl Registry {
    /// A slot for a body that is about to be built.
    #[inline]
    pub(super) fn reserve(&mut self, slots: &Slots) -> u32 {
        self.free.pop().unwrap_or_else(|| self.reserve_slow(slots))
    }

    fn reserve_slow(&mut self, slots: &Slots) -> u32 {
        let slot = self.count;
        self.count = slot
            .checked_add(1)
            .expect("fewer than 2^32 routines at one home");
        let (chunk, _) = place_of(slot);
        if slots.chunk(chunk).is_none() {
            slots.grow(chunk);
        }
        slot
    }

    #[inline]
    pub(super) fn set(&self, slots: &Slots, slot: u32, body: NonNull<Body>) {
        // ORDER: Release pairs with the Acquire in `Slots::iter`.
        slots.slot(slot).store(body.as_ptr(), Ordering::Release);
    }

    #[inline]
    pub(super) fn release(&mut self, slots: &Slots, slot: u32) {
        slots.slot(slot).store(ptr::null_mut(), Ordering::Relaxed);
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused() {
        let (slots, mut registry) = (Slots::new(), Registry::default());
        let body = NonNull::dangling();
        let (a, b) = (registry.reserve(&slots), registry.reserve(&slots));
        registry.set(&slots, a, body);
        registry.set(&slots, b, body);
        assert_eq!(slots.iter().count(), 2);
        registry.release(&slots, a);
        assert_eq!(slots.iter().count(), 1);
        assert_eq!(registry.reserve(&slots), a);
    }

    #[test]
    fn each_slot_has_a_place_of_its_own() {
        let (slots, mut registry) = (Slots::new(), Registry::default());
        let count = 5 * FIRST;
        for number in 1..=count {
            let slot = registry.reserve(&slots);
            let body = NonNull::new(ptr::without_provenance_mut(64 * number)).unwrap();
            registry.set(&slots, slot, body);
        }
        let seen: Vec<usize> = slots.iter().map(|body| body.addr().get() / 64).collect();
        assert_eq!(seen, (1..=count).collect::<Vec<_>>());
        assert_eq!(place_of(u32::MAX).0, CHUNKS - 1);
    }
}
