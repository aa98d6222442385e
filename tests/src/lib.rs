//! Shared helpers of the black-box tests.
//!
//! The tests here use the runtime as a stranger does: through its public API, and through what the
//! system says about the process. Three rules make a failure mean something:
//!
//! - nothing is synchronised by sleeping: what must happen is waited for (`eventually`), with a
//!   limit that is generous because it is reached only on failure;
//! - a test that hangs is a failure with a name (`watched`), not a job that is killed;
//! - what ends the process, or is counted per process, runs in a child (`process`, `scenario/`).
#![forbid(unsafe_code)]

pub mod allocations;
pub mod drops;
mod pinned;
pub mod probe;
pub mod process;
pub mod sides;
pub mod tasks;
pub mod wait;

pub use pinned::{pinned, workers};
pub use wait::{LIMIT, eventually, watched};
