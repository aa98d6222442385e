//! A worker's own free stacks: last in, first out, without a lock.

use std::io;
use std::sync::Arc;

use super::depot::{Depot, discard_down_from};
use super::{Size, Stack};

/// Stacks fetched from the depot at a time.
const CHUNK: usize = 32;
/// Most free stacks kept here: at the default size they can hold at most 24 MiB of pages that went
/// deep, and much less after the next trim.
const MOST: usize = 128;
/// What a free stack keeps committed after a trim, in bytes.
const SHALLOW: usize = 16 * 1024;

pub(crate) struct Cache {
    depot: Arc<Depot>,
    default: Size,
    free: Vec<Stack>,
    /// Entries below this index have not been used since the last trim.
    trimmed: usize,
    in_use: usize,
    high_water: usize,
}

impl Cache {
    pub(crate) fn new(depot: Arc<Depot>) -> Cache {
        let default = depot.default_size();
        Cache {
            depot,
            default,
            free: Vec::new(),
            trimmed: 0,
            in_use: 0,
            high_water: 0,
        }
    }

    /// Leases a default-size stack.
    #[inline]
    pub(crate) fn take(&mut self) -> io::Result<Stack> {
        if self.free.is_empty() {
            self.depot.take_many(self.default, CHUNK, &mut self.free)?;
        }
        let stack = self
            .free
            .pop()
            .expect("take_many gives at least one or an error");
        self.trimmed = self.trimmed.min(self.free.len());
        self.count_lease();
        Ok(stack)
    }

    /// Counts a stack that was leased elsewhere and is used here.
    pub(crate) fn count_lease(&mut self) {
        self.in_use += 1;
        self.high_water = self.high_water.max(self.in_use);
    }

    /// Takes a stack of any size back.
    #[inline]
    pub(crate) fn put(&mut self, stack: Stack) {
        self.in_use -= 1;
        if stack.size() != self.default {
            return self.depot.put_many([stack].into_iter());
        }
        self.free.push(stack);
        if self.free.len() > MOST {
            self.depot.put_many(self.free.drain(..MOST / 2));
            self.trimmed = self.trimmed.saturating_sub(MOST / 2);
        }
    }

    /// Whether `trim` would do something.
    pub(crate) fn wants_trim(&self) -> bool {
        self.trimmed < self.free.len() || self.depot.wants_trim()
    }

    /// Gives back what free stacks hold below their first pages, and the depot's cold stacks.
    /// `true` if there is more to do.
    pub(crate) fn trim(&mut self) -> bool {
        for stack in &self.free[self.trimmed..] {
            // SAFETY: a free stack holds nothing.
            unsafe { discard_down_from(stack, SHALLOW) };
        }
        self.trimmed = self.free.len();
        self.depot.trim(256)
    }

    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(crate) fn high_water(&self) -> usize {
        self.high_water
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.depot.put_many(self.free.drain(..));
    }
}
