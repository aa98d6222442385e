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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::routine::{self, JoinHandle};
use rust_routines::runtime::Runtime;
use rust_routines_tests::wait::yield_until;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// In a routine of a runtime with one worker: starts `body`, and returns when it has blocked or ended.
/// What has announced itself there has its turn until then.
#[track_caller]
fn blocked<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let announced = Arc::new(AtomicBool::new(false));
    let announce = announced.clone();
    let handle = routine::spawn(move || {
        announce.store(true, Ordering::SeqCst);
        body()
    });
    yield_until("it blocks", || announced.load(Ordering::SeqCst));
    handle
}
