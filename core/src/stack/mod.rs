//! L2: stacks: sizes, leases, the depot that maps and guards them, the cache of each worker.
//!
//! A stack is a *stride*: a power of two of address space and a page, whose lowest part faults (the guard)
//! and whose highest bytes hold the routine's body. Everything in between is committed by the
//! kernel page by page on first touch, so a parked routine costs the one page at the top.
//!
//! ```text
//! stride start      +64 KiB + page                                       stride end = top
//! | guard (faults)        | usable, grows downwards <---  user frames | body | colour |
//! ```
//!
//! Roads not taken: growing by copying (needs to find every pointer: impossible in Rust); segmented
//! stacks (hot splits); one mapping per stack with its own guard mapping (65,530 mappings are a
//! default kernel's limit: 32,000 routines); huge pages (2 MiB for each routine).
//!
//! Tops are *coloured*: shifted down by up to 960 bytes from one stack to the next, so that the hot
//! words of a million routines do not all compete for the same sets of the first-level cache.

pub(crate) mod cache;
pub(crate) mod depot;
pub(crate) mod size;

use std::ptr::NonNull;

pub(crate) use size::{GUARD, Size};

/// Steps of the colour, in bytes: one cache line.
const COLOUR_STEP: usize = 64;
/// Distinct colours: 16 x 64 bytes stay within 1 KiB.
const COLOURS: usize = 16;

/// A lease of one stack. It has no destructor: it goes back to the depot it came from, or is leaked
/// on purpose with a routine that could not be ended.
#[derive(Debug)]
pub(crate) struct Stack {
    top: NonNull<u8>,
    size: Size,
}

// SAFETY: a lease is exclusive use of a range of memory; it has no thread affinity.
unsafe impl Send for Stack {}

impl Stack {
    pub(crate) fn top(&self) -> NonNull<u8> {
        self.top
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The lowest address of the stride, where the guard starts.
    pub(crate) fn lowest(&self) -> NonNull<u8> {
        // SAFETY: the stride lies below the top.
        unsafe { self.top.sub(self.size.stride()) }
    }

    /// Whether `address` lies in the guard.
    pub(crate) fn guards(&self, address: usize) -> bool {
        let lowest = self.lowest().as_ptr().addr();
        (lowest..lowest + GUARD).contains(&address)
    }

    /// Where an object of `size` bytes (a multiple of 64) stands at the coloured top.
    #[inline]
    pub(crate) fn at_top(&self, size: usize) -> NonNull<u8> {
        debug_assert_eq!(size % COLOUR_STEP, 0);
        let number = self.top.as_ptr().addr() >> self.size.shift();
        // SAFETY: colour and object are far smaller than the smallest stack.
        unsafe { self.top.sub((number % COLOURS) * COLOUR_STEP + size) }
    }

    /// Another lease of the same stack.
    ///
    /// # Safety
    /// Only one of the two is used or given back.
    pub(crate) unsafe fn duplicate(&self) -> Stack {
        Stack {
            top: self.top,
            size: self.size,
        }
    }
}
