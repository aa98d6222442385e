//! Memory for headers: equal blocks, handed from worker to worker in chains.
//!
//! A routine's header is allocated where it is spawned and often freed elsewhere, a million times a
//! second. Measured with glibc's `malloc`, whose arenas of other threads grow by a system call a page
//! and are locked by whoever frees: spawn and join 115 ns, of which two thirds were that; with this 75.
//! Asking every user for another global allocator is no answer, and none of the well-kept allocators
//! can be used for one type beside the global one.
//!
//! - A worker takes from and gives to chains of its own ([`Local`]), without a lock. It holds at most
//!   two chains of a class, so that routines which are born here and die there do not pile up.
//! - [`central`] deals in whole chains, under one lock a class; threads that are not workers deal with
//!   it directly, block by block.
//! - Central finds the slab of a block by its address and gives the pages of a slab back to the system
//!   when all of its blocks have come home.
//!
//! Invariants:
//! - I1: a block is in one chain, in one slab's free list or in use; who takes it off owns it.
//! - I2: a block in a chain is dead memory but for its first word, the link.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::{self, NonNull};

mod central;

/// Sizes are multiples of this, which is also the alignment.
const GRAIN: usize = 16;
/// Largest blocks; what is larger goes to the global allocator.
const LARGEST: usize = 256;
const CLASSES: usize = LARGEST / GRAIN;
/// Blocks in a full chain.
const CHAIN: usize = 64;

/// Which blocks a type lives in.
#[derive(Clone, Copy)]
pub(crate) struct Class(usize);

impl Class {
    /// `None`: too large, or aligned to more than blocks are.
    pub(crate) const fn of(layout: Layout) -> Option<Class> {
        if layout.size() == 0 || layout.size() > LARGEST || layout.align() > GRAIN {
            return None;
        }
        Some(Class(layout.size().div_ceil(GRAIN) - 1))
    }

    const fn size(self) -> usize {
        (self.0 + 1) * GRAIN
    }
}

/// A free block.
struct Block {
    next: *mut Block,
}

/// Free blocks, newest first.
#[derive(Clone, Copy)]
struct Chain {
    head: *mut Block,
    len: usize,
}

impl Chain {
    const EMPTY: Chain = Chain {
        head: ptr::null_mut(),
        len: 0,
    };

    /// # Safety
    /// The caller owns `block` (I1), of the size of the chain's class.
    #[inline]
    unsafe fn push(&mut self, block: NonNull<Block>) {
        // SAFETY: I2.
        unsafe { block.write(Block { next: self.head }) };
        self.head = block.as_ptr();
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<Block>> {
        let block = NonNull::new(self.head)?;
        // SAFETY: I2: blocks of a chain are links.
        self.head = unsafe { block.as_ref() }.next;
        self.len -= 1;
        Some(block)
    }
}

/// The blocks that a worker keeps at hand.
pub(crate) struct Local {
    bins: [Bin; CLASSES],
}

struct Bin {
    open: Cell<Chain>,
    /// Full or empty; so a worker that goes back and forth at a limit does not ask central each time.
    spare: Cell<Chain>,
}

impl Local {
    pub(crate) fn new() -> Local {
        Local {
            bins: [const {
                Bin {
                    open: Cell::new(Chain::EMPTY),
                    spare: Cell::new(Chain::EMPTY),
                }
            }; CLASSES],
        }
    }

    /// Memory for one object of the class.
    #[inline]
    pub(crate) fn take(&self, class: Class) -> NonNull<u8> {
        let bin = &self.bins[class.0];
        let mut open = bin.open.get();
        match open.pop() {
            Some(block) => {
                bin.open.set(open);
                block.cast()
            }
            None => bin.refill(class),
        }
    }

    /// # Safety
    /// `block` is from this module, for the same class, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn put(&self, class: Class, block: NonNull<u8>) {
        let bin = &self.bins[class.0];
        let mut open = bin.open.get();
        if open.len == CHAIN {
            bin.set_aside(class, open);
            open = Chain::EMPTY;
        }
        // SAFETY: the caller gives it up.
        unsafe { open.push(block.cast()) };
        bin.open.set(open);
    }
}

impl Bin {
    #[cold]
    fn refill(&self, class: Class) -> NonNull<u8> {
        let mut open = match self.spare.replace(Chain::EMPTY) {
            Chain { len: 0, .. } => central::take(class, CHAIN),
            spare => spare,
        };
        let block = open.pop().expect("central gives at least one block");
        self.open.set(open);
        block.cast()
    }

    #[cold]
    fn set_aside(&self, class: Class, full: Chain) {
        let before = self.spare.replace(full);
        central::put(class, before);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        for (number, bin) in self.bins.iter().enumerate() {
            central::put(Class(number), bin.open.get());
            central::put(Class(number), bin.spare.get());
        }
    }
}

/// As [`Local::take`], from a thread that is not a worker.
pub(crate) fn take_outside(class: Class) -> NonNull<u8> {
    let block = central::take(class, 1).pop();
    block.expect("central gives at least one block").cast()
}

/// As [`Local::put`], from a thread that is not a worker.
///
/// # Safety
/// As there.
pub(crate) unsafe fn put_outside(class: Class, block: NonNull<u8>) {
    let mut chain = Chain::EMPTY;
    // SAFETY: the caller gives it up.
    unsafe { chain.push(block.cast()) };
    central::put(class, chain);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn class(size: usize) -> Class {
        Class::of(Layout::from_size_align(size, 8).unwrap()).unwrap()
    }

    #[test]
    fn classes_round_up_and_refuse_what_does_not_fit() {
        assert_eq!(class(1).size(), 16);
        assert_eq!(class(72).size(), 80);
        assert_eq!(class(256).size(), 256);
        for (size, align) in [(0, 1), (257, 8), (64, 32)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            assert!(Class::of(layout).is_none(), "{layout:?}");
        }
    }

    /// Blocks that one thread takes and another gives back: no two in use overlap, and what was given
    /// back is used again.
    #[test]
    fn blocks_wander_and_never_overlap() {
        const COUNT: usize = 20_000;
        let class = class(96);
        let take_all = move || {
            let local = Local::new();
            (0..COUNT)
                .map(|i| {
                    let block = local.take(class);
                    assert_eq!(block.addr().get() % GRAIN, 0);
                    // SAFETY: 96 bytes of ours.
                    unsafe { block.write_bytes(i as u8, 96) };
                    block.addr()
                })
                .collect::<Vec<_>>()
        };
        let mut seen = HashSet::new();
        for _ in 0..4 {
            let blocks = std::thread::spawn(take_all).join().unwrap();
            let distinct: HashSet<_> = blocks.iter().collect();
            assert_eq!(distinct.len(), COUNT);
            let local = Local::new();
            for (i, &at) in blocks.iter().enumerate() {
                let block = NonNull::new(ptr::with_exposed_provenance_mut::<u8>(at.get())).unwrap();
                // SAFETY: taken above, and given up by that thread.
                unsafe {
                    assert_eq!(block.add(95).read(), i as u8, "somebody else wrote here");
                    local.put(class, block);
                }
            }
            seen.extend(blocks);
        }
        assert!(
            seen.len() < 2 * COUNT,
            "{} addresses for {COUNT} blocks: nothing is used again",
            seen.len()
        );
    }

    #[test]
    fn outsiders_deal_block_by_block() {
        let class = class(32);
        let (one, other) = (take_outside(class), take_outside(class));
        assert_ne!(one, other);
        // SAFETY: taken above.
        unsafe {
            put_outside(class, one);
            put_outside(class, other);
        }
    }
}
