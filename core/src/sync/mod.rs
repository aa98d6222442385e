//! Locks that park the routine, never the worker.
//!
//! They carry the names of std's, so that changing a `use` line is a port. Use them, and not std's or
//! parking_lot's, wherever a guard lives across a blocking call: a lock of the operating system that
//! is held by a parked routine puts to sleep the very thread that has to run it.

mod mutex;
mod wait_group;

pub use mutex::{Mutex, MutexGuard};
pub use wait_group::WaitGroup;
