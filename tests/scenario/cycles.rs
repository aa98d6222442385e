//! Builds, uses and drops runtimes, and counts before and after what the process holds.

use std::sync::Arc;

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::sync::WaitGroup;
use rust_routines::time::Duration;
use rust_routines_tests::eventually;
use rust_routines_tests::probe::Process;

const CYCLES: u32 = 1000;
/// So that allocators, unwinders and lazily built tables are there.
const WARM_UP: u32 = 50;

fn cycle(n: u32) {
    let runtime = rust_routines_tests::pinned(2).build().expect("two workers");
    let (sender, receiver) = channel::bounded(0);
    let group = Arc::new(WaitGroup::new());
    group.add(10);
    for _ in 0..10 {
        let (sender, group) = (sender.clone(), group.clone());
        runtime.spawn(move || {
            group.done();
            routine::sleep(Duration::from_micros(10));
            // Some are still at it when the runtime is dropped.
            sender.send(n)
        });
    }
    group.wait();
    assert_eq!(receiver.recv(), Ok(n));
    let own = Builder::new().place(Place::Own).stack_size(8 << 20);
    let own = runtime.spawn_with(own, move || n).expect("a thread");
    assert_eq!(own.join().expect("it only returns"), n);
    assert_eq!(runtime.run(|| routine::with_stack(1 << 20, || n)), n);
    if n.is_multiple_of(10) {
        let failed = runtime.spawn(|| std::panic::resume_unwind(Box::new(1)));
        let failed: Result<(), _> = failed.join();
        assert!(failed.is_err());
    }
}

/// Prints the counts as they are `when`.
fn count(when: &str) {
    let process = Process::own();
    eventually("only main is left", || process.threads() == 1);
    println!("threads.{when}={}", process.threads());
    println!("descriptors.{when}={}", process.descriptors());
    println!("mappings.{when}={}", process.mappings());
    println!("resident_kib.{when}={}", process.resident_kib());
}

pub(crate) fn main() {
    (0..WARM_UP).for_each(cycle);
    count("before");
    (0..CYCLES).for_each(cycle);
    count("after");
    println!("cycles={CYCLES}");
}
