//! Time: one file for each part. Tests name the parts of Go's contract that they check: D14 to D18 (timers),
//! D20 and D21 (tickers), D22 (the clock), D23 (what dropping does).
#![forbid(unsafe_code)]

mod after;
mod func;
mod futures;
mod interval;
mod limits;
mod nested;
mod sleeping;
mod storm;
mod stuck;
mod timeout;
mod timer;

use std::thread;

use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);
/// Something has to wait for it.
const MOMENT: Duration = Duration::from_millis(2);

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// Runs `body` as a routine of a runtime with one worker, then on a plain thread.
#[track_caller]
fn on_both(body: impl Fn() + Send + Sync + Clone + 'static) {
    let on_thread = body.clone();
    workers(1).spawn(body).join().expect("on a routine");
    thread::spawn(on_thread).join().expect("on a thread");
}
