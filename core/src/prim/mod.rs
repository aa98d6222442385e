//! Atomics, cells and the one spin lock: std's in the product, loom's under `--cfg loom`.
//!
//! Why a facade: the protocols whose lost wake-ups would be lost routines (`queue::inbox`,
//! `queue::event`, `sched::idle`) are written once, against these names, and loom runs exactly
//! that text. Two files with one API instead of `cfg` inside the protocols.

#[cfg_attr(loom, path = "loom.rs")]
#[cfg_attr(not(loom), path = "std.rs")]
mod imp;

pub(crate) use imp::*;
