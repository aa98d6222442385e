//! What a test asks of the allocator, counted: in a binary of its own, whose one test is alone in its process - what
//! other tests allocate would be counted too. It declares [`COUNTING`] its `#[global_allocator]`, in a static.
//!
//! `stats_alloc` because an allocator of one's own needs `unsafe`, which is the core's alone.

use std::alloc::System;
use std::hint::black_box;

use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};

/// An allocator that counts, for all of its process.
pub type Counting = &'static StatsAlloc<System>;

/// The one that is counted by here.
pub const COUNTING: Counting = &INSTRUMENTED_SYSTEM;

/// Bytes in use.
///
/// # Panics
/// If the binary's allocator is another one.
#[track_caller]
pub fn in_use() -> usize {
    let before = COUNTING.stats().allocations;
    black_box(Box::new(1));
    let stats = COUNTING.stats();
    assert_ne!(stats.allocations, before, "the global allocator counts");
    stats.bytes_allocated - stats.bytes_deallocated
}

/// How often `body` asks the allocator for memory, at the least of five times: the harness's own thread may ask
/// for some at any time, but not each time.
///
/// # Panics
/// If the binary's allocator is another one.
#[track_caller]
pub fn allocations(mut body: impl FnMut()) -> usize {
    let one = asked_by(&mut || drop(black_box(Box::new(1))));
    assert_ne!(one, 0, "the global allocator counts");
    let counts = (0..5).map(|_| asked_by(&mut body));
    counts.min().expect("five counts")
}

fn asked_by(body: &mut dyn FnMut()) -> usize {
    let asked = |stats: Stats| stats.allocations + stats.reallocations;
    let before = asked(COUNTING.stats());
    body();
    asked(COUNTING.stats()) - before
}
