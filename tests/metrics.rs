//! Numbers that tell how a runtime is doing are right where they can be known.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::{eventually, watched};

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

#[test]
fn a_new_runtime_has_done_nothing() {
    watched(|| {
        let metrics = workers(3).metrics();
        assert_eq!(metrics.workers.len(), 3);
        assert_eq!(
            (metrics.spawned, metrics.finished, metrics.live()),
            (0, 0, 0)
        );
        assert_eq!((metrics.steals(), metrics.stacks_in_use()), (0, 0));
        assert_eq!(metrics.stacks_high_water(), 0);
        assert!(metrics.workers.iter().all(|worker| worker.started == 0));
    });
}

/// From outside, from a routine, and on a worker of its own that has ended since.
#[test]
fn every_routine_is_counted_once() {
    watched(|| {
        let runtime = workers(2);
        for place in [Place::Near, Place::Spread, Place::Own] {
            let builder = || Builder::new().place(place);
            for _ in 0..10 {
                runtime
                    .spawn_with(builder(), || ())
                    .unwrap()
                    .join()
                    .unwrap();
            }
            runtime.run(|| {
                for _ in 0..10 {
                    builder().spawn(routine::yield_now).unwrap().join().unwrap();
                }
            });
        }
        eventually("all have ended", || runtime.metrics().finished == 63);
        let metrics = runtime.metrics();
        assert_eq!((metrics.spawned, metrics.live()), (63, 0));
        eventually("own workers have gone", || {
            runtime.metrics().workers.len() == 2
        });
        let metrics = runtime.metrics();
        let started: u64 = metrics.workers.iter().map(|worker| worker.started).sum();
        let finished: u64 = metrics.workers.iter().map(|worker| worker.finished).sum();
        // The twenty of `Place::Own` were started elsewhere.
        assert_eq!((started, finished), (43, 43));
    });
}

/// A spawn that is refused is none.
#[test]
fn a_refused_spawn_is_not_counted() {
    watched(|| {
        let runtime = workers(1);
        let refused = runtime.spawn_with(Builder::new().stack_size(1), || ());
        assert!(refused.is_err());
        runtime.run(|| assert!(Builder::new().stack_size(1).spawn(|| ()).is_err()));
        eventually("only `run` was counted", || {
            let metrics = runtime.metrics();
            (metrics.spawned, metrics.finished) == (1, 1)
        });
    });
}

#[test]
fn live_routines_stacks_and_their_high_water_mark() {
    watched(|| {
        let runtime = workers(1);
        let (go, wait) = channel::bounded::<()>(0);
        for _ in 0..25 {
            let wait = wait.clone();
            runtime.spawn(move || wait.recv());
        }
        eventually("all are parked", || runtime.metrics().workers[0].live == 25);
        let metrics = runtime.metrics();
        assert_eq!((metrics.live(), metrics.stacks_in_use()), (25, 25));
        assert_eq!(metrics.stacks_high_water(), 25);
        drop(go);
        eventually("all have ended", || {
            let metrics = runtime.metrics();
            metrics.live() == 0 && metrics.stacks_in_use() == 0
        });
        // Stacks are used again, so the mark stays.
        for _ in 0..100 {
            runtime.spawn(|| ()).join().unwrap();
        }
        assert_eq!(runtime.metrics().stacks_high_water(), 25);
    });
}

#[test]
fn switches_count_every_resumption() {
    watched(|| {
        let runtime = workers(1);
        runtime.run(|| (0..1000).for_each(|_| routine::yield_now()));
        eventually("it has ended", || runtime.metrics().live() == 0);
        assert_eq!(runtime.metrics().workers[0].switches, 1001);
    });
}

#[test]
fn a_steal_is_counted_at_the_thief() {
    watched(|| {
        let runtime = workers(2);
        let stolen = Arc::new(AtomicBool::new(false));
        let of_child = stolen.clone();
        runtime.run(move || {
            let child = routine::spawn(move || of_child.store(true, Ordering::SeqCst));
            // Its parent does not let it run here.
            spin_until("it is stolen", || stolen.load(Ordering::SeqCst));
            child.join().unwrap();
        });
        assert_eq!(runtime.metrics().steals(), 1);
    });
}

/// Time awake is counted where the work was, and not at rest.
#[test]
fn busy_time_is_that_of_the_worker_that_works() {
    const WORK: Duration = Duration::from_millis(50);
    watched(|| {
        let runtime = workers(1);
        let busy = || runtime.metrics().workers[0].busy;
        let before = busy();
        runtime.run(|| {
            let start = Instant::now();
            spin_until("the time is over", || start.elapsed() >= WORK);
        });
        // Between two looks at the clock it may count for nothing yet.
        eventually("it is counted", || busy() - before >= WORK);
        eventually("it sleeps", || {
            let seen = busy();
            std::thread::sleep(Duration::from_millis(20));
            busy() == seen
        });
    });
}
