//! Channels: one file for each part of the vocabulary, each test for routines, plain threads and both.
#![forbid(unsafe_code)]
// These ask for what Rust 1.85 does not have.
#![allow(clippy::collapsible_if, clippy::manual_is_multiple_of)]

mod close;
mod drops;
mod errors;
mod futures;
mod futures_mixed;
mod high_water;
mod linearizable;
mod methods;
mod model;
mod model_futures;
mod pollers;
mod queue;
mod reference;
mod sizes;
mod stress;
mod timeout;
mod wakers;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rust_routines::runtime::Runtime;
use rust_routines_tests::sides::{On, PAIRS, Side, start};
use rust_routines_tests::wait::blocked;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// Polls once; nobody hears the waker.
fn look<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    look_with(future, Waker::noop())
}

/// Polls once.
fn look_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// How many random programs to run: `CHANNEL_CASES` times as many in ci's long form.
fn cases(usually: u32) -> u32 {
    let factor = std::env::var("CHANNEL_CASES");
    usually
        * factor.map_or(1, |factor| {
            factor.parse().expect("CHANNEL_CASES is a number")
        })
}
