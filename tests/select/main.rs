//! `select!` and its kin: one file for each part of what it promises.
//!
//! Numbers like B11 are those of the semantics that the channels and `select!` share with Go; what is
//! compared with Go itself has its program beside its expectation in `go/`.
#![forbid(unsafe_code)]
// What users write is under test, not the shortest way to write it.
#![allow(
    clippy::redundant_pattern,
    clippy::map_identity,
    clippy::manual_unwrap_or,
    clippy::manual_unwrap_or_default,
    clippy::unnecessary_min_or_max,
    clippy::never_loop,
    clippy::explicit_auto_deref,
    clippy::manual_is_multiple_of
)]

mod arms;
mod choice;
mod closed;
mod dynamic;
mod exactly_one;
mod facing;
mod forms;
mod futures;
mod go;
mod operands;
mod sends;
mod stress;
mod syntax;
mod waits;

use rust_routines::runtime::Runtime;
use rust_routines_tests::wait::blocked;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}
