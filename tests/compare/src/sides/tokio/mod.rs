//! The tokio side: the multi-threaded runtime with two workers, used as its documentation advises.
//!
//! Everything runs in a spawned task: the future given to `block_on` lives on a thread that is no worker, and every wake
//! of it crosses threads.

pub(crate) mod blocking;
pub(crate) mod channels;
mod count;
pub(crate) mod cpu;
pub(crate) mod echo;
pub(crate) mod latency;
pub(crate) mod local;
pub(crate) mod parked;
pub(crate) mod select;
pub(crate) mod skynet;
pub(crate) mod spawn;
pub(crate) mod steal;
pub(crate) mod streams;
pub(crate) mod stuck;
pub(crate) mod sync;
pub(crate) mod timers;

use ::tokio::runtime::{Builder, Runtime};

/// A fresh runtime.
fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("two worker threads")
}

/// Runs `future` as a task on a fresh runtime.
fn run<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime()
        .block_on(async { ::tokio::spawn(future).await })
        .expect("a benchmark does not panic")
}
