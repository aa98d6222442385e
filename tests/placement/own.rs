//! `Place::Own`: a thread to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::time::Duration;
use rust_routines_tests::probe::Process;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::{eventually, watched};

use super::{count, workers};

#[test]
fn own_runs_on_a_thread_of_its_own_that_ends_with_it() {
    watched(|| {
        let runtime = rust_routines_tests::pinned(2)
            .name("loner")
            .build()
            .unwrap();
        let is_alive = || {
            let names = Process::own().thread_names();
            names.iter().any(|name| name == "loner-own")
        };
        assert!(!is_alive());
        let (at, homes) = channel::bounded(0);
        let own = Builder::new().place(Place::Own);
        let own = runtime
            .spawn_with(own, move || {
                at.send(thread::current().id()).unwrap();
                for _ in 0..100 {
                    routine::yield_now();
                    routine::sleep(Duration::from_micros(10));
                }
                // Its children are anybody's but its own thread's.
                let children: Vec<_> = (0..10)
                    .map(|_| routine::spawn(|| thread::current().id()))
                    .collect();
                let children: Vec<ThreadId> = children
                    .into_iter()
                    .map(|child| child.join().unwrap())
                    .collect();
                at.send(thread::current().id()).unwrap();
                children
            })
            .unwrap();
        let home = homes.recv().unwrap();
        assert!(is_alive());
        let others: Vec<_> = (0..20)
            .map(|_| {
                let spread = Builder::new().place(Place::Spread);
                let here = || thread::current().id();
                runtime.spawn_with(spread, here).unwrap()
            })
            .collect();
        for other in others {
            assert_ne!(other.join().unwrap(), home);
        }
        assert_eq!(homes.recv(), Ok(home), "it has stayed there");
        assert!(own.join().unwrap().iter().all(|&child| child != home));
        eventually("the thread has ended", || !is_alive());
        eventually("all have ended", || runtime.metrics().live() == 0);
    });
}

/// Many at once, each with its thread; a hog on one of them does not keep the workers.
#[test]
fn own_routines_do_not_keep_workers() {
    watched(|| {
        let runtime = workers(1);
        let end = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> = (0..8)
            .map(|_| {
                let end = end.clone();
                let own = Builder::new().place(Place::Own);
                let hog = move || {
                    spin_until("told to end", || {
                        thread::yield_now();
                        end.load(Ordering::SeqCst)
                    });
                    thread::current().id()
                };
                runtime.spawn_with(own, hog).unwrap()
            })
            .collect();
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7, "the worker is free");
        end.store(true, Ordering::SeqCst);
        let homes = count(hogs.into_iter().map(|hog| hog.join().unwrap()));
        assert_eq!(homes.len(), 8);
    });
}
