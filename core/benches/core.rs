//! What the runtime's basic steps cost: spawn, switch, steal, wake.
//!
//! Each benchmark runs on a runtime of its own; what is measured happens inside one routine, so the
//! way into the runtime is not part of it. Comparisons with other systems are in `tests/compare`.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use rust_routines::routine::{self, Builder, Place};
use rust_routines::{channel, runtime};

/// Measures `body(n)` for the number of rounds that criterion asks for, inside a routine.
fn inside(c: &mut Criterion, name: &str, workers: usize, body: impl Fn(u64) + Sync) {
    let runtime = runtime::Builder::new()
        .workers(workers)
        .build()
        .expect("a runtime");
    c.bench_function(name, |b| {
        b.iter_custom(|n| {
            runtime.run(|| {
                let start = Instant::now();
                body(n);
                start.elapsed()
            })
        })
    });
}

fn spawn(c: &mut Criterion) {
    inside(c, "spawn/one by one, joined", 1, |n| {
        for _ in 0..n {
            routine::spawn(|| ()).join().expect("it returns");
        }
    });
    inside(c, "spawn/in a row, joined", 1, |n| {
        let handles: Vec<_> = (0..n).map(|_| routine::spawn(|| ())).collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().expect("it returns"));
    });
}

fn switch(c: &mut Criterion) {
    inside(c, "switch/yield with one partner", 1, |n| {
        let partner = routine::spawn(move || (0..n / 2).for_each(|_| routine::yield_now()));
        (0..n / 2).for_each(|_| routine::yield_now());
        partner.join().expect("it returns");
    });
}

/// A checkpoint in a loop that computes; now and then the slice is over, as in a real one.
fn checkpoint(c: &mut Criterion) {
    inside(c, "checkpoint", 1, |n| {
        (0..n).for_each(|_| routine::checkpoint());
    });
}

fn wake(c: &mut Criterion) {
    for (name, place, workers) in [
        ("wake/home-mate", Place::Near, 1),
        ("wake/other home", Place::Spread, 2),
    ] {
        inside(c, name, workers, move |n| {
            let (to, from) = (channel::bounded(0), channel::bounded(0));
            let echo = Builder::new()
                .place(place)
                .spawn(move || {
                    while let Ok(()) = to.1.recv() {
                        from.0.send(()).expect("the other side waits");
                    }
                })
                .expect("a routine");
            for _ in 0..n {
                to.0.send(()).expect("the echo is there");
                from.1.recv().expect("the echo answers");
            }
            drop(to.0);
            echo.join().expect("it returns");
        });
    }
}

/// The time until `n` routines that their parent leaves lying have been started by the other worker.
fn steal(c: &mut Criterion) {
    inside(c, "steal", 2, |n| {
        let home = std::thread::current().id();
        let stolen = Arc::new(AtomicUsize::new(0));
        for _ in 0..n {
            let stolen = stolen.clone();
            routine::spawn(move || {
                assert_ne!(std::thread::current().id(), home);
                stolen.fetch_add(1, Ordering::Relaxed);
            });
        }
        while stolen.load(Ordering::Relaxed) < n as usize {
            std::hint::spin_loop();
        }
    });
}

criterion_group! {
    name = core;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = spawn, switch, checkpoint, wake, steal
}
criterion_main!(core);
