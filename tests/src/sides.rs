//! Two sides of something, each in a routine or on a plain thread: tests of what both may use run all pairs.

use std::thread;

use rust_routines::routine;
use rust_routines::runtime::Runtime;

/// Where one side of a channel or a connection runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// In a routine of the runtime that is tested.
    Routine,
    /// On a thread of its own.
    Thread,
}

/// Where a test of one side runs.
pub const BOTH: [On; 2] = [On::Routine, On::Thread];

/// All four pairs of where two sides run.
pub const PAIRS: [(On, On); 4] = [
    (On::Routine, On::Routine),
    (On::Routine, On::Thread),
    (On::Thread, On::Routine),
    (On::Thread, On::Thread),
];

/// What one side does, wherever it runs: joined in one way.
pub enum Side<T> {
    /// That of a routine.
    Routine(routine::JoinHandle<T>),
    /// That of a thread.
    Thread(thread::JoinHandle<T>),
}

impl<T> Side<T> {
    /// Its result.
    #[track_caller]
    pub fn join(self) -> T {
        match self {
            Side::Routine(handle) => handle.join().unwrap(),
            Side::Thread(handle) => handle.join().unwrap(),
        }
    }
}

/// Starts one side where it is to run.
pub fn start<T: Send + 'static>(
    runtime: &Runtime,
    on: On,
    body: impl FnOnce() -> T + Send + 'static,
) -> Side<T> {
    match on {
        On::Routine => Side::Routine(runtime.spawn(body)),
        On::Thread => Side::Thread(thread::spawn(body)),
    }
}
