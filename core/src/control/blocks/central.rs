//! What the workers' chains come from and go to: slabs of equal blocks, under one lock a class.
//!
//! A slab starts with its own descriptor, so that a block finds it by rounding its address down.
//! Slabs with free blocks are kept in address order: taking from the lowest leaves the highest to
//! empty, and an empty slab gives its pages back. Its addresses stay reserved, for any class.
//!
//! - I3: a slab is touched under the lock of its class only, while it has one; an empty one that was
//!   given back has none and is touched by nobody.

use std::alloc::{Layout, handle_alloc_error};
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use parking_lot::Mutex;

use super::{Block, CLASSES, Chain, Class};
use crate::sys::memory::{self, Region};

/// Bytes of a slab, and its alignment.
const SLAB: usize = 64 * 1024;
/// Slabs that are reserved at once.
const ESTATE: usize = 64;
/// Empty slabs that a class keeps for the next burst.
const KEPT: usize = 16;

/// At the start of its memory; the blocks follow.
#[repr(C, align(64))]
struct Slab {
    free: Chain,
    /// Blocks that have been handed out at least once; those behind them are untouched memory.
    opened: usize,
}

/// The slabs of one class.
struct Slabs {
    /// Those with a block to give.
    open: BTreeSet<NonNull<Slab>>,
    /// How many of them are empty.
    empty: usize,
}

// SAFETY: I3: the pointers are followed under the lock around this.
unsafe impl Send for Slabs {}

static CENTRAL: [Mutex<Slabs>; CLASSES] = [const {
    Mutex::new(Slabs {
        open: BTreeSet::new(),
        empty: 0,
    })
}; CLASSES];

/// Addresses for slabs.
struct Ground {
    /// Slabs that were given back: reserved, without pages.
    bare: Vec<NonNull<Slab>>,
}

// SAFETY: the addresses are nobody's.
unsafe impl Send for Ground {}

static GROUND: Mutex<Ground> = Mutex::new(Ground { bare: Vec::new() });

/// One block at least and `most` at most.
pub(super) fn take(class: Class, most: usize) -> Chain {
    CENTRAL[class.0].lock().take(class, most)
}

/// Takes a chain of the class back.
pub(super) fn put(class: Class, mut chain: Chain) {
    if chain.len == 0 {
        return;
    }
    let mut slabs = CENTRAL[class.0].lock();
    while let Some(block) = chain.pop() {
        slabs.put(class, block);
    }
}

impl Slabs {
    fn take(&mut self, class: Class, most: usize) -> Chain {
        let at = match self.open.first() {
            Some(&at) => at,
            None => {
                let at = found();
                self.open.insert(at);
                self.empty += 1;
                at
            }
        };
        // SAFETY: I3; the borrow ends before the lock is released.
        let slab = unsafe { &mut *at.as_ptr() };
        if slab.is_empty() {
            self.empty -= 1;
        }
        let mut chain = Chain::EMPTY;
        while chain.len < most {
            let Some(block) = slab.free.pop().or_else(|| slab.open_one(at, class)) else {
                break;
            };
            // SAFETY: I1: just taken off.
            unsafe { chain.push(block) };
        }
        if slab.is_full(class) {
            self.open.remove(&at);
        }
        chain
    }

    fn put(&mut self, class: Class, block: NonNull<Block>) {
        let at = block.map_addr(|at| {
            // A slab is not at address zero.
            std::num::NonZero::new(at.get() & !(SLAB - 1)).unwrap_or(at)
        });
        let at: NonNull<Slab> = at.cast();
        // SAFETY: I3; the block lies in a slab of this class.
        let slab = unsafe { &mut *at.as_ptr() };
        if slab.is_full(class) {
            self.open.insert(at);
        }
        // SAFETY: I1: off the chain.
        unsafe { slab.free.push(block) };
        if !slab.is_empty() {
            return;
        }
        if self.empty < KEPT {
            self.empty += 1;
            return;
        }
        self.open.remove(&at);
        // SAFETY: I3: all of its blocks are here, and it has left the class.
        unsafe { memory::discard(at.as_ptr().cast(), SLAB) };
        GROUND.lock().bare.push(at);
    }
}

impl Slab {
    fn room(class: Class) -> usize {
        (SLAB - size_of::<Slab>()) / class.size()
    }

    fn is_empty(&self) -> bool {
        self.free.len == self.opened
    }

    fn is_full(&self, class: Class) -> bool {
        self.free.len == 0 && self.opened == Slab::room(class)
    }

    /// A block that was never used.
    fn open_one(&mut self, at: NonNull<Slab>, class: Class) -> Option<NonNull<Block>> {
        if self.opened == Slab::room(class) {
            return None;
        }
        let offset = size_of::<Slab>() + self.opened * class.size();
        self.opened += 1;
        // SAFETY: inside the slab, by the check above; derived from the whole slab's pointer.
        Some(unsafe { at.cast::<u8>().add(offset) }.cast())
    }
}

/// An empty slab that belongs to no class yet.
fn found() -> NonNull<Slab> {
    let mut ground = GROUND.lock();
    if ground.bare.is_empty() {
        let Ok(region) = Region::reserve(ESTATE * SLAB, SLAB) else {
            drop(ground);
            // As `Box::new` would end.
            handle_alloc_error(Layout::new::<[u8; SLAB]>());
        };
        // Reserved for good: blocks outlive runtimes, and addresses cost nothing.
        let region = ManuallyDrop::new(region);
        ground.bare.extend((0..ESTATE).rev().map(|number| {
            // SAFETY: inside the region.
            unsafe { region.base().add(number * SLAB) }.cast::<Slab>()
        }));
    }
    let at = ground.bare.pop().expect("an estate has slabs");
    drop(ground);
    // SAFETY: nobody's memory; the first bytes of a slab are its descriptor.
    unsafe {
        at.write(Slab {
            free: Chain {
                head: ptr::null_mut(),
                len: 0,
            },
            opened: 0,
        });
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class that nothing else of the crate's tests uses.
    fn quiet() -> Class {
        Class::of(Layout::from_size_align(208, 8).unwrap()).unwrap()
    }

    /// A burst that has gone leaves a few empty slabs in its class and the others without pages.
    #[test]
    fn a_burst_gives_its_pages_back() {
        let class = quiet();
        let count = 3 * KEPT * Slab::room(class);
        let mut all = Chain::EMPTY;
        for _ in 0..count {
            let block = take(class, 1).pop().unwrap();
            // SAFETY: just taken.
            unsafe { all.push(block) };
        }
        let bare = GROUND.lock().bare.len();
        put(class, all);
        let slabs = CENTRAL[class.0].lock();
        assert_eq!(slabs.empty, KEPT);
        assert_eq!(slabs.open.len(), KEPT, "a slab is neither full nor empty");
        assert!(
            GROUND.lock().bare.len() >= bare + KEPT,
            "nothing was given back"
        );
    }
}
