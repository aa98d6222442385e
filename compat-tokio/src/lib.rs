//! The bridge between rust-routines and tokio: **no items yet**.
//!
//! This package exists so that its name, its dependency rules and its place in
//! the workspace are settled before its code is. It depends on nothing but
//! `rust-routines`, tokio included: an empty bridge should cost its users
//! nothing.
//!
//! # What it will hold
//!
//! - *A future run by a routine*: a call that polls a tokio future inside a
//!   routine and parks the routine, never its worker, until the future is
//!   ready. Polls run under [`forbid_park`], so a future that would block a
//!   worker says so.
//! - *A routine awaited by tokio*: nothing is needed for the plain case, see
//!   below; what belongs here is tokio's own context (its timer and I/O
//!   drivers) entered for code that asks for it.
//!
//! # What works today, without this package
//!
//! A [`JoinHandle`] of `rust-routines` is a `Future`, so any executor, tokio's
//! included, can await a routine. The other direction does not work yet: a
//! future that needs tokio's drivers cannot be driven from a routine.
//!
//! # Why a package of its own
//!
//! The core's dependency tree holds no async runtime, and a test keeps it so.
//! Whoever does not mix the two worlds never builds tokio.
//!
//! [`forbid_park`]: rust_routines::routine::forbid_park
//! [`JoinHandle`]: rust_routines::routine::JoinHandle
#![forbid(unsafe_code)]
