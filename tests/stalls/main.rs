//! Workers that get stuck, and workers that come and go.
//!
//! Nothing here measures time: what must happen is waited for, with a limit.
#![forbid(unsafe_code)]

mod classes;
mod drain;
mod slices;
mod standing_in;
mod storm;
mod told;
mod workers;

use rust_routines::runtime::{Builder, Runtime};
use rust_routines_tests::workers as pinned;

fn runtime(workers: usize) -> Runtime {
    Builder::new()
        .workers(workers)
        .name("stalls")
        .build()
        .unwrap()
}
