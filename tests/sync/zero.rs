//! `Latch`, and what `WaitGroup` has beyond `tests/locks.rs`: time-outs, and that it can be used again.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::{Latch, WaitGroup};
use rust_routines::time::Instant;
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

#[test]
fn a_latch_opens_once_for_all() {
    watched(|| {
        let runtime = workers(2);
        let latch = Arc::new(Latch::new(10));
        let waits: Vec<_> = (0..5)
            .map(|_| {
                let latch = latch.clone();
                runtime.spawn(move || latch.wait())
            })
            .collect();
        let thread = {
            let latch = latch.clone();
            thread::spawn(move || latch.wait())
        };
        let arrive = latch.clone();
        let arrives = runtime.spawn(move || arrive.arrive_and_wait());
        latch.count_down_by(8);
        assert!(!latch.is_open() && !thread.is_finished());
        latch.count_down();
        waits.into_iter().for_each(|handle| handle.join().unwrap());
        thread.join().unwrap();
        arrives.join().unwrap();
        assert!(latch.is_open());
        assert_eq!(latch.count(), 0);
        latch.wait();
        assert!(Latch::new(0).is_open());
    });
}

#[test]
fn a_latch_does_not_go_below_zero() {
    let latch = Latch::new(2);
    for count in [3, usize::MAX] {
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| latch.count_down_by(count)));
        assert!(thrown.is_err());
        assert_eq!(format!("{latch:?}"), "Latch { count: 2 }");
    }
    latch.count_down_by(2);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| latch.count_down())).is_err());
}

#[test]
fn time_outs_change_nothing() {
    watched(|| {
        let attempt = || {
            let (latch, group) = (Latch::new(1), WaitGroup::new());
            group.add(1);
            assert!(!latch.wait_timeout(MOMENT) && !group.wait_timeout(MOMENT));
            assert!(!latch.wait_until(Instant::now()) && !group.wait_until(Instant::now()));
            latch.count_down();
            group.done();
            assert!(latch.wait_timeout(MOMENT) && group.wait_timeout(MOMENT));
            assert!(latch.wait_until(Instant::now()) && group.wait_until(Instant::now()));
        };
        attempt();
        workers(1).run(attempt);
    });
}

/// Who waits for the second time is not woken by the first zero, however close they are.
#[test]
fn a_wait_ends_with_its_own_zero() {
    watched(|| {
        let runtime = workers(4);
        let group = Arc::new(WaitGroup::new());
        let at_work = Arc::new(AtomicUsize::new(0));
        for _ in 0..2000 {
            group.add(1);
            at_work.store(1, Ordering::SeqCst);
            let (other, done) = (group.clone(), at_work.clone());
            let worker = runtime.spawn(move || {
                done.store(0, Ordering::SeqCst);
                other.done();
            });
            let (other, seen) = (group.clone(), at_work.clone());
            let waits = runtime.spawn(move || {
                other.wait();
                seen.load(Ordering::SeqCst)
            });
            worker.join().unwrap();
            assert_eq!(waits.join().unwrap(), 0);
        }
    });
}

/// C7: many may wait, and add more than one.
#[test]
fn a_group_wakes_all_who_wait() {
    watched(|| {
        workers(1).run(|| {
            let group = Arc::new(WaitGroup::new());
            group.add(3);
            let waits: Vec<_> = (0..10)
                .map(|_| {
                    let group = group.clone();
                    blocked(move || group.wait())
                })
                .collect();
            group.add(-2);
            routine::yield_now();
            assert!(waits.iter().all(|waits| !waits.is_finished()));
            group.done();
            waits.into_iter().for_each(|handle| handle.join().unwrap());
        });
    });
}
