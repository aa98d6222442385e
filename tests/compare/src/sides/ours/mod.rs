//! Our side: a runtime with two workers.

pub(crate) mod blocking;
pub(crate) mod channels;
pub(crate) mod cpu;
pub(crate) mod echo;
mod homes;
pub(crate) mod latency;
pub(crate) mod local;
pub(crate) mod parked;
pub(crate) mod scopes;
pub(crate) mod select;
pub(crate) mod skynet;
pub(crate) mod spawn;
pub(crate) mod spread;
pub(crate) mod steal;
pub(crate) mod streams;
pub(crate) mod stuck;
pub(crate) mod sync;
pub(crate) mod timers;

use rust_routines::runtime::{Builder, Runtime};

/// A fresh runtime.
fn runtime() -> Runtime {
    Builder::new()
        .workers(2)
        .build()
        .expect("two worker threads")
}

/// Runs `f` as a routine on a fresh runtime.
fn run<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    runtime().run(f)
}
