//! Scopes: what borrows is waited for, whatever is leaked, panics or is cancelled.
#![forbid(unsafe_code)]

mod borrows;
mod cancelled;
mod fallible;
mod join_race;
mod leaks;
mod panics;

use std::thread;

use rust_routines::runtime::{self, Runtime};
use rust_routines::time::Duration;
use rust_routines_tests::wait::blocked;

/// So long that it is over only when something has gone wrong.
const HOUR: Duration = Duration::from_secs(3600);

fn workers(n: usize) -> Runtime {
    runtime::Builder::new().workers(n).build().unwrap()
}

/// Runs `body` on a routine, with one worker and with two, and on a plain thread.
fn on_all(body: impl Fn() + Send + Sync + Clone + 'static) {
    for n in [1, 2] {
        let joined = workers(n).spawn(body.clone()).join();
        joined.expect("on a routine");
    }
    thread::spawn(body).join().expect("on a thread");
}
