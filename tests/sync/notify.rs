//! `Notify`: one permit, kept; one notification, one waiter; news for all.

use std::sync::Arc;
use std::thread;

use rust_routines::routine;
use rust_routines::sync::Notify;
use rust_routines::time::Instant;
use rust_routines_tests::watched;

use super::{Log, MOMENT, blocked, workers};

#[test]
fn a_permit_is_kept_once() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    notify.wait();
    assert!(!notify.wait_timeout(MOMENT));
    assert!(!notify.wait_until(Instant::now()));
    notify.notify_waiters();
    assert!(!notify.wait_timeout(MOMENT), "news for all are not kept");
    notify.notify_one();
    assert!(notify.wait_timeout(MOMENT));
}

#[test]
fn one_after_the_other() {
    watched(|| {
        workers(1).run(|| {
            let (notify, log) = (Arc::new(Notify::new()), Log::default());
            let waits: Vec<_> = ["a", "b", "c", "d"]
                .map(|what| {
                    let (notify, log) = (notify.clone(), log.clone());
                    blocked(move || {
                        notify.wait();
                        log.add(what);
                    })
                })
                .into();
            notify.notify_one();
            notify.notify_one();
            routine::yield_now();
            assert_eq!(log.take(), ["a", "b"]);
            notify.notify_waiters();
            waits.into_iter().for_each(|handle| handle.join().unwrap());
            assert_eq!(log.take(), ["c", "d"]);
            assert!(!notify.wait_timeout(MOMENT), "nothing is left");
        });
    });
}

/// To and fro between a routine and a thread: each notification is answered, none is lost.
#[test]
fn to_and_fro() {
    const ROUNDS: usize = 2000;
    watched(|| {
        let runtime = workers(2);
        let (there, back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (a, b) = (there.clone(), back.clone());
        let routine = runtime.spawn(move || {
            for _ in 0..ROUNDS {
                a.wait();
                b.notify_one();
            }
        });
        let thread = thread::spawn(move || {
            for _ in 0..ROUNDS {
                there.notify_one();
                back.wait();
            }
        });
        routine.join().unwrap();
        thread.join().unwrap();
    });
}
