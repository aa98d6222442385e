//! What is said of stalls on stderr, by variable and by choice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::runtime::{Builder, OnStall, Runtime};

/// A few stalls, each of them told of.
fn stall(builder: Builder, count: usize) {
    let (tx, stalls) = mpsc::channel();
    let builder = builder
        .workers(1)
        .stall_report(move |stall| drop(tx.send(stall.to_string())));
    let runtime: Runtime = builder.build().expect("a worker");
    let start = Instant::now();
    for _ in 0..count {
        let told = Arc::new(AtomicBool::new(false));
        let of_routine = told.clone();
        let sleeps = runtime.spawn(move || {
            while !of_routine.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(60));
            }
        });
        assert!(stalls.recv().is_ok());
        told.store(true, Ordering::SeqCst);
        assert!(sleeps.join().is_ok());
    }
    println!("ms={}", start.elapsed().as_millis());
    let stalls = runtime.metrics().stalls;
    // One that did not get a CPU before its sleep is said to compute.
    println!("stalls={}", stalls.system_calls + stalls.computing);
}

/// Five in less than a second.
pub(crate) fn five() {
    stall(Builder::new(), 5);
}

pub(crate) fn abort() {
    stall(Builder::new().on_stall(OnStall::Abort), 1);
}
