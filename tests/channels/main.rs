//! Channels: one file for each part of the vocabulary, each test for routines, plain threads and both.
#![forbid(unsafe_code)]

mod close;
mod drops;
mod queue;
mod stress;
mod timeout;

use std::thread;

use rust_routines::runtime::{self, Runtime};

fn workers(n: usize) -> Runtime {
    runtime::Builder::new().workers(n).build().unwrap()
}

/// Where one side of a channel runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    Routine,
    Thread,
}

/// All four pairs of where two sides run.
const PAIRS: [(On, On); 4] = [
    (On::Routine, On::Routine),
    (On::Routine, On::Thread),
    (On::Thread, On::Routine),
    (On::Thread, On::Thread),
];

/// What one side does, wherever it runs: joined in one way.
enum Side<T> {
    Routine(rust_routines::routine::JoinHandle<T>),
    Thread(thread::JoinHandle<T>),
}

impl<T> Side<T> {
    #[track_caller]
    fn join(self) -> T {
        match self {
            Side::Routine(handle) => handle.join().unwrap(),
            Side::Thread(handle) => handle.join().unwrap(),
        }
    }
}

fn start<T: Send + 'static>(
    runtime: &Runtime,
    on: On,
    body: impl FnOnce() -> T + Send + 'static,
) -> Side<T> {
    match on {
        On::Routine => Side::Routine(runtime.spawn(body)),
        On::Thread => Side::Thread(thread::spawn(body)),
    }
}
