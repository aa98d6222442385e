//! Cancelling routines one by one: where it lands, what it leaves behind, what holds it off.
#![forbid(unsafe_code)]

mod abort;
mod own;
mod points;
mod races;
mod storm;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::routine::{self, JoinError, JoinHandle};
use rust_routines::runtime::{self, Runtime};
use rust_routines::time::Duration;
use rust_routines_tests::wait::yield_until;

/// So long that it is over only when something has gone wrong.
const HOUR: Duration = Duration::from_secs(3600);

fn workers(n: usize) -> Runtime {
    runtime::Builder::new().workers(n).build().unwrap()
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

#[track_caller]
fn assert_cancelled<T>(result: Result<T, JoinError>) {
    match result {
        Err(JoinError::Cancelled) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it has ended well"),
    }
}
