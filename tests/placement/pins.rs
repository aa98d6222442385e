//! Workers that are bound to CPUs, and all other threads, which are not.
#![cfg(target_os = "linux")]

use std::fs;
use std::io;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime;
use rust_routines_tests::{eventually, watched};

use super::{here, workers};

/// The CPUs that the calling thread may run on, as Linux writes them.
fn allowed() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap().trim().to_string()
}

/// The first and the last CPU of a list.
fn ends(list: &str) -> [usize; 2] {
    let mut numbers = list.split([',', '-']).map(|n| n.parse().unwrap());
    let first = numbers.next().unwrap();
    [first, numbers.next_back().unwrap_or(first)]
}

#[test]
fn each_worker_has_its_cpu_and_others_have_all() {
    watched(|| {
        let all = allowed();
        let cpus = ends(&all);
        let builder = runtime::Builder::new().workers(3).pin_cpus(cpus);
        let runtime = builder.build().unwrap();
        for worker in 0..3 {
            let builder = Builder::new().place(Place::Key(worker as u64));
            let all = all.clone();
            let body = move || {
                assert_eq!(here(), Some(worker));
                assert_eq!(allowed(), cpus[worker % 2].to_string());
                assert_eq!(routine::blocking(allowed), all);
                let own = Builder::new().place(Place::Own);
                assert_eq!(own.spawn(allowed).unwrap().join().unwrap(), all);
            };
            runtime.spawn_with(builder, body).unwrap().join().unwrap();
        }
        assert_eq!(allowed(), all, "of the thread that has built it");
    });
}

/// Somebody stands in for stuck workers, unbound, and then is one of those that were asked for.
#[test]
fn one_that_stood_in_is_bound_when_it_is_asked_for() {
    watched(|| {
        let cpus = ends(&allowed());
        let builder = runtime::Builder::new().workers(1).pin_cpus(cpus);
        let runtime = builder.build().unwrap();
        let (ends, (tx, started)) = (Arc::new(AtomicBool::new(false)), channel::bounded(1));
        let (seen, all) = (ends.clone(), allowed());
        let hog = runtime.spawn(move || {
            tx.send(()).unwrap();
            while !seen.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
        });
        started.recv().unwrap();
        let stands_in = runtime.spawn(|| (here(), allowed())).join().unwrap();
        assert_eq!(stands_in, (Some(1), all));
        runtime.set_workers(2).unwrap();
        eventually("it is bound", || {
            let key = Builder::new().place(Place::Key(1));
            let bound = runtime.spawn_with(key, || (here(), allowed())).unwrap();
            bound.join().unwrap() == (Some(1), cpus[1].to_string())
        });
        ends.store(true, Ordering::Release);
        hog.join().unwrap();
    });
}

#[test]
fn nobody_is_bound_by_default() {
    let all = allowed();
    assert_eq!(workers(1).run(allowed), all);
}

#[test]
fn only_cpus_that_may_be_used() {
    for wrong in [vec![], vec![100_000], vec![ends(&allowed())[1] + 1]] {
        let builder = runtime::Builder::new().workers(1).pin_cpus(wrong.clone());
        let refused = builder.build().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{wrong:?}");
        let text = refused.to_string();
        assert!(
            wrong.iter().all(|cpu| text.contains(&cpu.to_string())),
            "{text}"
        );
    }
}

/// Threads inherit the one CPU of the thread that starts them: those of runtimes must not.
#[test]
fn a_runtime_that_a_bound_routine_builds_is_free() {
    watched(|| {
        let all = allowed();
        let [first, last] = ends(&all);
        let pinned = runtime::Builder::new().workers(1).pin_cpus([first]);
        let pinned = pinned.build().unwrap();
        let built = pinned.run(|| runtime::Builder::new().build().unwrap());
        assert_eq!(built.run(allowed), all);
        let default = runtime::Builder::new().build().unwrap();
        assert_eq!(
            built.metrics().workers.len(),
            default.metrics().workers.len()
        );
        let other = pinned.run(|| runtime::Builder::new().workers(1).pin_cpus([last]).build());
        assert_eq!(other.unwrap().run(allowed), last.to_string());
        // And a thread that somebody else's runtime starts for a bound routine.
        let own = pinned.run(|| {
            let own = Builder::new().place(Place::Own);
            default.spawn_with(own, allowed).unwrap().join().unwrap()
        });
        assert_eq!(own, all);
    });
}
