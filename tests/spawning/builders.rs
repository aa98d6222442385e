//! What builders give, and what they refuse.

use std::io::ErrorKind;

use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::probe::Process;
use rust_routines_tests::{eventually, watched};

use super::workers;

/// Below 16 KiB, and more than half of what can be addressed.
const ABSURD: [usize; 6] = [0, 1, 4096, (16 << 10) - 1, 1 << 48, usize::MAX];

#[test]
fn absurd_stack_sizes_are_clear_errors() {
    watched(|| {
        let runtime = workers(1);
        for bytes in ABSURD {
            let drops = Drops::new();
            let tracked = drops.track();
            let builder = Builder::new().stack_size(bytes);
            let error = runtime.spawn_with(builder, move || drop(tracked));
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bytes}");
            let text = error.to_string();
            assert!(
                text.contains(&bytes.to_string()) && text.contains("16 KiB"),
                "{text}"
            );
            assert_eq!(drops.alive(), 0, "the closure is dropped");
            let error = runtime::Builder::new().stack_size(bytes).build();
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(runtime.metrics().spawned, 0);
    });
}

#[test]
fn with_stack_panics_for_absurd_sizes() {
    for bytes in ABSURD {
        let thrown = std::panic::catch_unwind(|| routine::with_stack(bytes, || 1));
        let payload = thrown.unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.contains("16 KiB"), "{text}");
    }
}

#[test]
fn the_smallest_and_large_stacks_work() {
    watched(|| {
        let runtime = workers(2);
        for bytes in [16 << 10, 100_000, 1 << 20, 64 << 20, 1 << 30] {
            let builder = Builder::new().stack_size(bytes);
            let handle = runtime.spawn_with(builder, move || {
                routine::yield_now();
                bytes
            });
            assert_eq!(handle.unwrap().join().unwrap(), bytes);
            let runtime = rust_routines_tests::pinned(1).stack_size(bytes);
            assert_eq!(runtime.build().unwrap().run(|| 3), 3);
        }
    });
}

#[test]
fn numbers_of_workers_from_one_to_1024() {
    watched(|| {
        for workers in [0, 1025, usize::MAX] {
            let error = rust_routines_tests::pinned(workers).build();
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(
                text.contains(&format!("{workers} workers")) && text.contains("1024"),
                "{text}"
            );
        }
        for n in [1, 2, 64] {
            let runtime = workers(n);
            assert_eq!(runtime.metrics().workers.len(), n);
            assert_eq!(runtime.run(|| n), n);
        }
    });
}

#[test]
fn a_runtimes_name_is_that_of_its_threads() {
    watched(|| {
        let runtime = rust_routines_tests::pinned(2).name("busy").build();
        let runtime = runtime.unwrap();
        let name = runtime.run(|| std::thread::current().name().map(str::to_owned));
        let name = name.unwrap();
        assert!(name == "busy-worker-0" || name == "busy-worker-1", "{name}");
        // A thread is given its name when it starts, which may be later.
        eventually("both threads have their names", || {
            let names = Process::own().thread_names();
            ["busy-worker-0", "busy-worker-1"]
                .iter()
                .all(|thread| names.iter().any(|name| name == thread))
        });
        assert!(format!("{runtime:?}").contains("busy"));
        let error = runtime::Builder::new().name("a\0b").build();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn every_place_starts_a_routine() {
    watched(|| {
        let runtime = workers(2);
        for place in [Place::Near, Place::Spread, Place::Own] {
            let outside = Builder::new().place(place);
            let outside = runtime.spawn_with(outside, || 1).unwrap();
            let inside = runtime.run(|| {
                let inside = Builder::new().place(place).name("inside");
                let inside = inside.spawn(|| routine::current().unwrap().name().is_some());
                inside.unwrap().join().unwrap()
            });
            assert_eq!(outside.join().unwrap(), 1);
            assert!(inside);
        }
    });
}

/// On a plain thread a builder spawns on the global runtime, as `spawn` does.
#[test]
fn a_builder_on_a_plain_thread_uses_the_global_runtime() {
    watched(|| {
        let here = || std::thread::current().name().map(str::to_owned);
        let name = Builder::new().spawn(here).unwrap().join().unwrap();
        assert!(name.unwrap().starts_with("routines-worker-"));
        let name = routine::spawn(here).join().unwrap();
        assert!(name.unwrap().starts_with("routines-worker-"));
    });
}
