//! The bridge between rust-routines and async-std: **no items yet**.
//!
//! # Read this first: async-std is no longer developed
//!
//! Its maintainers stopped in 2025, and the Rust security advisory database
//! lists it as unmaintained ([RUSTSEC-2025-0052]). They name
//! [smol](https://github.com/smol-rs/smol) as the successor. This package is
//! for programs that still run on async-std; new code should not start there.
//!
//! # What it will hold
//!
//! A call that runs an async-std future inside a routine and parks the
//! routine, never its worker, until the future is ready, and the helpers that
//! make a routine comfortable to await from async-std. Until then this package
//! depends on nothing but `rust-routines`, so it does not pull the advisory
//! into anybody's tree.
//!
//! # What works today, without this package
//!
//! A [`JoinHandle`] of `rust-routines` is a `Future`, so any executor,
//! async-std's and smol's included, can await a routine. The other direction
//! does not work yet.
//!
//! # Why a package of its own
//!
//! The core's dependency tree holds no async runtime, and a test keeps it so.
//!
//! [RUSTSEC-2025-0052]: https://rustsec.org/advisories/RUSTSEC-2025-0052.html
//! [`JoinHandle`]: rust_routines::routine::JoinHandle
#![forbid(unsafe_code)]
