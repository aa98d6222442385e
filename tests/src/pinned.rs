//! Runtimes with just as many workers as a test says.

use rust_routines::runtime::{Builder, OnStall, Runtime};

/// A builder of a runtime with `workers` workers, and never one more that stands in for one of them.
///
/// For tests that count workers, or know what runs next: on a busy machine, or in a debug build, a routine may well
/// run for longer than its time slice.
pub fn pinned(workers: usize) -> Builder {
    let builder = Builder::new().workers(workers);
    builder.on_stall(OnStall::Report).stall_report(|_| ())
}

/// [`pinned`], built.
///
/// # Panics
/// If the system refuses a thread.
pub fn workers(workers: usize) -> Runtime {
    pinned(workers).build().expect("workers")
}
