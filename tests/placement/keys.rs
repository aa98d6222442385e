//! Keys while workers come and go: a key keeps its worker as long as that is one of those that were asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, Runtime};
use rust_routines_tests::{eventually, watched};

use super::{here, workers};

fn key(key: u64) -> Builder {
    Builder::new().place(Place::Key(key))
}

/// Computes until it is told to end.
fn hog(runtime: &Runtime, at: u64, ends: &Arc<AtomicUsize>) -> routine::JoinHandle<()> {
    let (seen, (tx, stuck)) = (ends.clone(), channel::bounded(1));
    let body = move || {
        tx.send(()).unwrap();
        while seen.load(Ordering::Acquire) == 0 {
            std::hint::spin_loop();
        }
    };
    let hog = runtime.spawn_with(key(at), body).unwrap();
    stuck.recv().unwrap();
    hog
}

/// Somebody stands in for stuck workers, and has more to do than they when it goes: it is the one that goes.
#[test]
fn a_key_keeps_its_worker_when_nobody_stands_in_any_more() {
    watched(|| {
        let runtime = runtime::Builder::new().workers(2).build().unwrap();
        let (tx, started) = channel::unbounded();
        let resident = runtime.spawn_with(key(1), {
            let tx = tx.clone();
            move || {
                tx.send(here()).unwrap();
                routine::park();
            }
        });
        assert_eq!(started.recv().unwrap(), Some(1));
        let ends = Arc::new(AtomicUsize::new(0));
        let hogs = [0, 1].map(|at| hog(&runtime, at, &ends));
        let elsewhere: Vec<_> = (0..10)
            .map(|_| {
                let tx = tx.clone();
                runtime.spawn(move || {
                    tx.send(here()).unwrap();
                    routine::park();
                })
            })
            .collect();
        for _ in &elsewhere {
            assert_eq!(started.recv().unwrap(), Some(2), "it stands in");
        }
        ends.store(1, Ordering::Release);
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        eventually("nobody stands in", || runtime.metrics().active == 2);
        for at in 0..4 {
            let worker = runtime.spawn_with(key(at), here).unwrap().join().unwrap();
            assert_eq!(worker, Some(at as usize % 2), "key {at}");
        }
        drop((resident, elsewhere));
    });
}

/// Of workers that are too many those go that no key means any more, and those that keys mean come back.
#[test]
fn keys_mean_the_first_workers_when_their_number_changes() {
    watched(|| {
        let runtime = workers(4);
        let (tx, started) = channel::unbounded();
        // Worker 1 has the least to do.
        let residents: Vec<_> = [0, 2, 3]
            .map(|at| {
                let tx = tx.clone();
                let body = move || {
                    tx.send(()).unwrap();
                    routine::park();
                };
                runtime.spawn_with(key(at), body).unwrap()
            })
            .into_iter()
            .collect();
        residents.iter().for_each(|_| started.recv().unwrap());
        for count in [2, 4, 3, 1, 2, 4] {
            runtime.set_workers(count).unwrap();
            for at in 0..8 {
                let worker = runtime.spawn_with(key(at), here).unwrap().join().unwrap();
                assert_eq!(worker, Some(at as usize % count), "key {at} of {count}");
            }
        }
    });
}

/// What waits for a worker that goes does not go everywhere: one key has one worker.
#[test]
fn what_waits_for_a_worker_that_goes_stays_together() {
    watched(|| {
        let runtime = workers(4);
        let ends = Arc::new(AtomicUsize::new(0));
        let hog = hog(&runtime, 3, &ends);
        let waiting: Vec<_> = (0..40)
            .map(|_| runtime.spawn_with(key(3), here).unwrap())
            .collect();
        runtime.set_workers(3).unwrap();
        let after = runtime.spawn_with(key(3), here).unwrap();
        ends.store(1, Ordering::Release);
        hog.join().unwrap();
        for routine in waiting.into_iter().chain([after]) {
            assert_eq!(routine.join().unwrap(), Some(0));
        }
    });
}
