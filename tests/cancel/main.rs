//! Cancelling routines one by one: where it lands, what it leaves behind, what holds it off.
#![forbid(unsafe_code)]

mod abort;
mod behind;
mod calls;
mod inside;
mod limits;
mod own;
mod payloads;
mod points;
mod races;
mod sockets;
mod storm;
mod tokens;

use std::thread;

use rust_routines::routine::JoinError;
use rust_routines::runtime::{self, Runtime};
use rust_routines::time::Duration;
use rust_routines_tests::wait::blocked;
use rust_routines_tests::watched;

/// So long that it is over only when something has gone wrong.
const HOUR: Duration = Duration::from_secs(3600);

fn workers(n: usize) -> Runtime {
    runtime::Builder::new().workers(n).build().unwrap()
}

/// Runs `body` on a routine and on a plain thread.
fn on_both(body: impl Fn() + Send + Sync + Clone + 'static) {
    watched(move || {
        workers(2).spawn(body.clone()).join().expect("on a routine");
        thread::spawn(body).join().expect("on a thread");
    });
}

#[track_caller]
fn assert_cancelled<T>(result: Result<T, JoinError>) {
    match result {
        Err(JoinError::Cancelled) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it has ended well"),
    }
}
