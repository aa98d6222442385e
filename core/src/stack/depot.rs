//! The depot: where a runtime's stacks are mapped, guarded, kept and given back.
//!
//! Two steps, because they fail at different times:
//!
//! - *claim*, when a routine is spawned: address space for it is mapped if there is not enough. This
//!   is what runs out (`RLIMIT_AS`, strict overcommit), and here there is a caller to tell.
//! - *take*, when it starts: a stack is leased, guarded now if it is new. A routine that never
//!   starts has cost address space and nothing else.
//!
//! Slabs hold many strides of one size in one mapping; a slab's guards are installed 64 at a time
//! when their strides are first taken. Slabs of single large stacks are unmapped when they come
//! back; the others stay for the runtime's life, so that the memory of a body is always readable
//! for a watcher that holds the depot's lock.
//!
//! Invariants:
//! - I1: `capacity` >= `claimed` after each successful claim; both count default-size stacks.
//! - I2: a stride is in exactly one place: not yet handed out, in `free`, or leased.

use std::collections::BTreeMap;
use std::io;
use std::ptr::NonNull;

use parking_lot::Mutex;

use super::{GUARD, Size, Stack};
use crate::prim::{AtomicBool, AtomicUsize, Ordering};
use crate::sys::memory::{self, Region};

/// Strides that are guarded in one call.
const GUARD_BATCH: usize = 64;
/// Slabs double from 64 strides up to this many: 1 GiB of address space at the default size.
const MOST_STRIDES: usize = 4096;
/// A slab never reserves more than this for the doubling alone.
const SLAB_BYTES: usize = 1 << 30;
/// Free stacks that keep their committed pages for the next burst; the others give them back.
const WARM: usize = 1024;
/// Single stacks at least this large are slabs of one and are unmapped when they come back.
const LARGE: usize = 4 << 20;

pub(crate) struct Depot {
    default: Size,
    claimed: AtomicUsize,
    capacity: AtomicUsize,
    shelves: Mutex<BTreeMap<Size, Shelf>>,
    /// Whether `trim` may find something; a hint.
    wants_trim: AtomicBool,
}

/// All stacks of one size.
#[derive(Default)]
struct Shelf {
    slabs: Vec<Slab>,
    /// Guarded and not leased; the end is the warmest.
    free: Vec<Stack>,
    /// How many at the start of `free` have given their pages back.
    cold: usize,
}

struct Slab {
    region: Region,
    strides: usize,
    /// How many strides, from the low end, have been guarded and handed out once.
    handed: usize,
}

impl Depot {
    pub(crate) fn new(default: Size) -> Depot {
        Depot {
            default,
            claimed: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            shelves: Mutex::new(BTreeMap::new()),
            wants_trim: AtomicBool::new(false),
        }
    }

    pub(crate) fn default_size(&self) -> Size {
        self.default
    }

    /// Makes sure of address space for `count` more default-size stacks.
    pub(crate) fn claim(&self, count: usize) -> io::Result<()> {
        let claimed = self.claimed.fetch_add(count, Ordering::Relaxed) + count;
        if claimed <= self.capacity.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.claim_slow(count)
    }

    #[cold]
    fn claim_slow(&self, count: usize) -> io::Result<()> {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.entry(self.default).or_default();
        while self.claimed.load(Ordering::Relaxed) > self.capacity.load(Ordering::Relaxed) {
            match shelf.map_slab(self.default) {
                Ok(strides) => {
                    self.capacity.fetch_add(strides, Ordering::Relaxed);
                }
                Err(error) => {
                    self.claimed.fetch_sub(count, Ordering::Relaxed);
                    return Err(advise(self.default, &error));
                }
            }
        }
        Ok(())
    }

    /// Claims one without making sure of anything: the lease may fail.
    pub(crate) fn claim_unsure(&self) {
        self.claimed.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives back what `claim` made sure of.
    pub(crate) fn unclaim(&self, count: usize) {
        self.claimed.fetch_sub(count, Ordering::Relaxed);
    }

    /// Leases one stack of any size.
    pub(crate) fn take(&self, size: Size) -> io::Result<Stack> {
        let mut one = Vec::with_capacity(1);
        self.take_many(size, 1, &mut one)?;
        Ok(one.pop().expect("take_many gives at least one or an error"))
    }

    /// Leases between one and `count` stacks, the warmest last.
    pub(crate) fn take_many(
        &self,
        size: Size,
        count: usize,
        into: &mut Vec<Stack>,
    ) -> io::Result<()> {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.entry(size).or_default();
        if shelf.free.is_empty() {
            if shelf.slabs.iter().all(|slab| slab.handed == slab.strides) {
                let strides = shelf.map_slab(size).map_err(|error| advise(size, &error))?;
                if size == self.default {
                    self.capacity.fetch_add(strides, Ordering::Relaxed);
                }
            }
            shelf
                .guard_batch(size)
                .map_err(|error| advise(size, &error))?;
        }
        let keep = shelf.free.len().saturating_sub(count);
        into.extend(shelf.free.drain(keep..));
        shelf.cold = shelf.cold.min(keep);
        Ok(())
    }

    /// Takes stacks back.
    pub(crate) fn put_many(&self, stacks: impl Iterator<Item = Stack>) {
        let mut shelves = self.shelves.lock();
        for stack in stacks {
            let size = stack.size();
            let shelf = shelves.entry(size).or_default();
            if size.stride() >= LARGE {
                shelf
                    .slabs
                    .retain(|slab| slab.region.base() != stack.lowest());
                if size == self.default {
                    self.capacity.fetch_sub(1, Ordering::Relaxed);
                }
            } else {
                shelf.free.push(stack);
                if shelf.cold + WARM < shelf.free.len() {
                    self.wants_trim.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    pub(crate) fn wants_trim(&self) -> bool {
        self.wants_trim.load(Ordering::Relaxed)
    }

    /// Gives back the pages of up to `most` free stacks beyond the warm ones; `false` when there
    /// are none left to give.
    pub(crate) fn trim(&self, most: usize) -> bool {
        let mut shelves = self.shelves.lock();
        let mut left = most;
        for shelf in shelves.values_mut() {
            while left > 0 && shelf.cold + WARM < shelf.free.len() {
                let stack = &shelf.free[shelf.cold];
                // SAFETY: a free stack holds nothing; the guard keeps its own marks.
                unsafe { discard_down_from(stack, 0) };
                shelf.cold += 1;
                left -= 1;
            }
        }
        self.wants_trim.store(left == 0, Ordering::Relaxed);
        left == 0
    }

    /// Runs `look` while no stack's memory can be unmapped.
    pub(crate) fn hold<R>(&self, look: impl FnOnce() -> R) -> R {
        let _shelves = self.shelves.lock();
        look()
    }
}

impl Shelf {
    /// Maps one more slab, as large as the shelf's history suggests and the system allows.
    fn map_slab(&mut self, size: Size) -> io::Result<usize> {
        let have: usize = self.slabs.iter().map(|slab| slab.strides).sum();
        let mut strides = match size.stride() {
            large if large >= LARGE => 1,
            stride => have
                .clamp(GUARD_BATCH, MOST_STRIDES)
                .min((SLAB_BYTES / stride).max(1)),
        };
        loop {
            match Region::reserve(strides * size.stride(), size.stride()) {
                Ok(region) => {
                    self.slabs.push(Slab {
                        region,
                        strides,
                        handed: 0,
                    });
                    return Ok(strides);
                }
                Err(error) if strides == 1 => return Err(error),
                Err(_) => strides /= 2,
            }
        }
    }

    /// Guards the next strides of the first slab that has any and puts them into `free`.
    fn guard_batch(&mut self, size: Size) -> io::Result<()> {
        let slab = self
            .slabs
            .iter_mut()
            .rfind(|slab| slab.handed < slab.strides)
            .expect("the caller has made sure of an unused stride");
        let batch = GUARD_BATCH.min(slab.strides - slab.handed);
        let base = slab.region.base();
        let starts: Vec<*mut u8> = (slab.handed..slab.handed + batch)
            // SAFETY: stride number i lies inside the region.
            .map(|i| unsafe { base.as_ptr().add(i * size.stride()) })
            .collect();
        // SAFETY: whole pages of a live region, of strides that nobody has used.
        unsafe { memory::guard(&starts, GUARD)? };
        slab.handed += batch;
        self.free
            .extend(starts.into_iter().rev().map(|start| Stack {
                // SAFETY: the end of a stride of the region; never null.
                top: unsafe { NonNull::new_unchecked(start.add(size.stride())) },
                size,
            }));
        Ok(())
    }
}

/// Gives back the pages of a stack that lie more than `keep` bytes below its top.
///
/// # Safety
/// Nothing below `top - keep` is in use.
pub(crate) unsafe fn discard_down_from(stack: &Stack, keep: usize) {
    let usable = stack.size().usable();
    if keep < usable {
        // SAFETY: the caller's promise; the range lies between the guard and the top.
        unsafe { memory::discard(stack.lowest().as_ptr().add(GUARD), usable - keep) };
    }
}

/// An error that says what ran out and what to raise.
fn advise(size: Size, error: &io::Error) -> io::Error {
    let setting = |name: &str| std::fs::read_to_string(format!("/proc/sys/vm/{name}"));
    let strict = setting("overcommit_memory").is_ok_and(|mode| mode.trim() == "2");
    let maps = setting("max_map_count").unwrap_or_default();
    let advice = if strict {
        "vm.overcommit_memory is 2, so reserved address space counts as memory: set it to 0 or 1, \
         raise vm.overcommit_ratio, or use a smaller stack_size"
            .to_string()
    } else {
        format!(
            "raise the address space limit (ulimit -v), the memory limit of the container, or \
             vm.max_map_count (now {}), or use a smaller stack_size",
            maps.trim()
        )
    };
    io::Error::new(
        io::ErrorKind::OutOfMemory,
        format!("no memory for a routine's stack of {size:?} ({error}): {advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_stacks_are_distinct_writable_and_reused() {
        let depot = Depot::new(Size::DEFAULT);
        let mut taken = Vec::new();
        for _ in 0..200 {
            let stack = depot.take(Size::DEFAULT).unwrap();
            let at = stack.at_top(64);
            // SAFETY: inside the leased stack.
            unsafe { at.as_ptr().write(taken.len() as u8) };
            taken.push(stack);
        }
        for (i, stack) in taken.iter().enumerate() {
            // SAFETY: inside the leased stack.
            assert_eq!(unsafe { stack.at_top(64).as_ptr().read() }, i as u8);
        }
        let last = taken.last().unwrap().top();
        depot.put_many(taken.into_iter());
        assert_eq!(
            depot.take(Size::DEFAULT).unwrap().top(),
            last,
            "last in, first out"
        );
    }

    #[test]
    fn trimming_gives_pages_back_and_then_stops() {
        let depot = Depot::new(Size::DEFAULT);
        let mut taken = Vec::new();
        while taken.len() < WARM + 10 {
            depot.take_many(Size::DEFAULT, 64, &mut taken).unwrap();
        }
        let first = taken[0].at_top(64);
        // SAFETY: inside the leased stack.
        unsafe { first.as_ptr().write(1) };
        depot.put_many(taken.into_iter());
        while depot.trim(4) {}
        // SAFETY: still mapped.
        let byte = unsafe { first.as_ptr().read() };
        assert_eq!(byte, 0, "the oldest is cold and reads as zero");
        assert!(!depot.trim(4));
    }

    #[test]
    fn claims_map_address_space_and_large_stacks_go_at_once() {
        let depot = Depot::new(Size::DEFAULT);
        depot.claim(100).unwrap();
        assert!(depot.capacity.load(Ordering::Relaxed) >= 100);
        depot.unclaim(100);
        let main = depot.take(Size::MAIN).unwrap();
        depot.put_many([main].into_iter());
        assert!(depot.shelves.lock()[&Size::MAIN].slabs.is_empty());
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error_with_advice() {
        let depot = Depot::new(Size::for_bytes(1 << 39).unwrap());
        let mut claims = 0;
        let error = loop {
            match depot.claim(64) {
                Ok(()) => claims += 1,
                Err(error) => break error,
            }
            assert!(claims < 10_000, "128 TiB of addresses have to run out");
        };
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(error.to_string().contains("stack_size"), "{error}");
    }
}
