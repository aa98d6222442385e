//! `Barrier`: rounds, one leader each, and those who leave before the others come.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::routine;
use rust_routines::sync::Barrier;
use rust_routines::time::Instant;
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

#[test]
fn rounds_do_not_mix_and_have_one_leader_each() {
    const ROUNDS: usize = 200;
    const ALL: usize = 8;
    watched(|| {
        let runtime = workers(3);
        let barrier = Arc::new(Barrier::new(ALL));
        let (arrived, led) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let body = || {
            let (barrier, arrived, led) = (barrier.clone(), arrived.clone(), led.clone());
            move || {
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    if barrier.wait().is_leader() {
                        led.fetch_add(1, Ordering::SeqCst);
                    }
                    let seen = arrived.load(Ordering::SeqCst);
                    assert!(
                        (ALL * round..=ALL * round + ALL - 1).contains(&seen),
                        "{seen}"
                    );
                }
            }
        };
        let routines: Vec<_> = (0..ALL - 2).map(|_| runtime.spawn(body())).collect();
        let threads: Vec<_> = (0..2).map(|_| thread::spawn(body())).collect();
        routines
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        threads
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(led.load(Ordering::SeqCst), ROUNDS);
    });
}

/// One that times out has not come: it takes another one more to open the barrier.
#[test]
fn who_times_out_has_not_come() {
    watched(|| {
        workers(1).run(|| {
            let barrier = Arc::new(Barrier::new(3));
            assert!(barrier.wait_timeout(MOMENT).is_none());
            assert!(barrier.wait_until(Instant::now()).is_none());
            let waits: Vec<_> = (0..2)
                .map(|_| {
                    let barrier = barrier.clone();
                    blocked(move || barrier.wait().is_leader())
                })
                .collect();
            routine::yield_now();
            assert!(waits.iter().all(|waits| !waits.is_finished()));
            assert!(barrier.wait_timeout(MOMENT).unwrap().is_leader());
            assert!(waits.into_iter().all(|waits| !waits.join().unwrap()));
        });
    });
}

#[test]
fn one_for_one_never_waits_and_one_for_none_is_refused() {
    let barrier = Barrier::new(1);
    let _forbidden = routine::forbid_park();
    assert!(barrier.wait().is_leader() && barrier.wait().is_leader());
    let thrown = panic::catch_unwind(|| Barrier::new(0)).unwrap_err();
    assert_eq!(
        thrown.downcast_ref::<&str>(),
        Some(&"Barrier::new(0): nobody could ever pass it")
    );
}

/// A park that is forbidden panics, and leaves nothing in the line.
#[test]
fn who_may_not_park_has_not_come() {
    let barrier = Barrier::new(2);
    let thrown = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let _forbidden = routine::forbid_park();
        barrier.wait();
    }));
    assert!(thrown.is_err());
    assert!(barrier.wait_timeout(MOMENT).is_none());
}
