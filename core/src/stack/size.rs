//! How large stacks are.

use std::fmt;
use std::io;

/// What a stride has beyond the power of two: one page, so that tops do not lie a power of two apart. These
/// processors choose a page's place in the TLB by the low bits of its number: the used pages of 2,000
/// stacks 64 pages apart compete for four of 256 sets, which cost a chain of them a fifth of its speed.
/// Elsewhere pages may be larger.
const ODD: usize = if cfg!(target_arch = "x86_64") {
    4096
} else {
    0
};
/// Smallest part of a stride that faults. glibc has frames of up to 33 KiB that are not probed page by
/// page; 64 KiB stop them too.
const LEAST_GUARD: usize = 64 * 1024;
/// Bytes at the low end of each stride that fault.
pub(crate) const GUARD: usize = LEAST_GUARD + ODD;

/// Smallest usable stack a caller may ask for, in bytes.
const LEAST: usize = 16 * 1024;
/// Smallest stride: its guard and as much again.
const LEAST_SHIFT: u32 = 17;
/// Largest stride: 64 TiB would be half of what a process can address.
const MOST_SHIFT: u32 = 40;
/// Stride of an ordinary routine: unoptimised code has frames several times as large.
const DEFAULT_SHIFT: u32 = if cfg!(debug_assertions) { 20 } else { 18 };
/// Stride of the first routine: 64 MiB, where Go's may grow to 1 GiB.
const MAIN_SHIFT: u32 = 26;

/// The size of a stack: a power of two, guard included, and a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    shift: u32,
}

impl Size {
    pub(crate) const DEFAULT: Size = Size {
        shift: DEFAULT_SHIFT,
    };
    pub(crate) const MAIN: Size = Size { shift: MAIN_SHIFT };

    /// The smallest size with at least `usable` bytes besides the guard.
    pub(crate) fn for_bytes(usable: usize) -> io::Result<Size> {
        let wrong = |problem: &str| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a stack of {usable} bytes is {problem}: choose between {LEAST} bytes (16 KiB) \
                     and {} GiB",
                    (1_usize << (MOST_SHIFT - 1)) >> 30,
                ),
            ))
        };
        if usable < LEAST {
            return wrong("too small");
        }
        if usable > 1 << (MOST_SHIFT - 1) {
            return wrong("too large");
        }
        let shift = (usable + LEAST_GUARD).next_power_of_two().trailing_zeros();
        Ok(Size {
            shift: shift.max(LEAST_SHIFT),
        })
    }

    pub(crate) fn shift(self) -> u32 {
        self.shift
    }

    /// Address space of one stack in bytes, guard included.
    pub(crate) fn stride(self) -> usize {
        (1 << self.shift) + ODD
    }

    /// Bytes that code may use.
    pub(crate) fn usable(self) -> usize {
        self.stride() - GUARD
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB", self.usable() >> 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_with_the_guard() {
        let stride = |usable: usize| Size::for_bytes(usable).unwrap().stride() - ODD;
        assert_eq!(stride(16 << 10), 128 << 10);
        assert_eq!(stride(192 << 10), 256 << 10);
        assert_eq!(stride((192 << 10) + 1), 512 << 10);
        assert_eq!(Size::for_bytes(192 << 10).unwrap().usable(), 192 << 10);
        assert!(Size::for_bytes(8 << 20).unwrap().usable() >= 8 << 20);
    }

    #[test]
    fn absurd_sizes_say_what_to_choose() {
        for bytes in [0, 1, (16 << 10) - 1, usize::MAX, 1 << 60] {
            let error = Size::for_bytes(bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("16 KiB"), "{error}");
        }
    }
}
