//! The locks and their kin: one file for each part of what they promise.
//!
//! Numbers like C5 are those of the semantics that they share with Go.
#![forbid(unsafe_code)]

mod barrier;
mod cancel;
mod condvar;
mod deadlock;
mod fairness;
mod futures;
mod mixed;
mod mutex;
mod notify;
mod once;
mod poison;
mod raw;
mod rwlock;
mod semaphore;
mod stress;
mod zero;

use std::sync::Arc;

use rust_routines::runtime::Runtime;
use rust_routines::sync::Mutex;
use rust_routines::time::Duration;
use rust_routines_tests::wait::blocked;

/// So short that it is over before anything else happens.
const MOMENT: Duration = Duration::from_millis(1);

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn add(&self, what: &'static str) {
        self.0.lock().push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock())
    }
}
