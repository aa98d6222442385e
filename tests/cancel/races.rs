//! A cancellation that races with what is waited for: either happened, never both, never neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rust_routines::routine::{self, JoinError};
use rust_routines::runtime::Runtime;
use rust_routines::sync::{Mutex, Notify, Semaphore};
use rust_routines::{channel, select};
use rust_routines_tests::{LIMIT, watched};

use super::workers;

const ROUNDS: usize = 600;

/// One race at a time, or there are more who run than there are tracks.
static TRACK: Mutex<()> = Mutex::new(());

/// Gives the processor away until `condition` holds; tighter than `eventually`, and kinder than spinning.
fn turn_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "still not so: {what}");
        thread::yield_now();
    }
}

/// Lets `wake` and a cancellation loose on a routine that runs `body`, which may have begun or not, at the same time
/// or nearly.
fn race<T: Send + 'static>(
    runtime: &Runtime,
    round: usize,
    body: impl FnOnce() -> T + Send + 'static,
    wake: impl FnOnce() + Send + 'static,
) -> Option<T> {
    let steps = Arc::new(AtomicUsize::new(0));
    let (begins, wakes) = (steps.clone(), steps.clone());
    let waits = runtime.spawn(move || {
        begins.fetch_add(1, Ordering::SeqCst);
        body()
    });
    if !round.is_multiple_of(4) {
        turn_until("it has begun", || steps.load(Ordering::SeqCst) == 1);
    }
    let abort = waits.abort_handle();
    let wakes = runtime.spawn(move || {
        wakes.fetch_add(10, Ordering::SeqCst);
        (0..round % 61).for_each(|_| std::hint::spin_loop());
        wake();
    });
    if round % 8 > 1 {
        turn_until("the other begins", || steps.load(Ordering::SeqCst) >= 10);
        (0..round % 97).for_each(|_| std::hint::spin_loop());
    }
    abort.abort().unwrap();
    wakes.join().unwrap();
    match waits.join() {
        Ok(value) => Some(value),
        Err(JoinError::Cancelled) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Runs `round` so often, and says that both ends were seen.
fn rounds(round: impl Fn(&Runtime, usize) -> bool + Send + 'static) {
    let _track = TRACK.lock();
    watched(move || {
        let runtime = workers(2);
        let won = (0..ROUNDS).filter(|&i| round(&runtime, i)).count();
        assert!(won > 0 && won < ROUNDS, "{won} of {ROUNDS}: no race");
    });
}

#[test]
fn a_value_that_is_sent() {
    for capacity in [0, 1] {
        rounds(move |runtime, i| {
            let (tx, rx) = channel::bounded(capacity);
            let (other, _keep) = (rx.clone(), tx.clone());
            let body = move || rx.recv().unwrap();
            let sent = Arc::new(AtomicUsize::new(0));
            let sends = sent.clone();
            let received = race(runtime, i, body, move || {
                if tx.try_send(7).is_ok() {
                    sends.fetch_add(1, Ordering::SeqCst);
                }
            });
            let left = other.try_recv().is_ok();
            let sent = sent.load(Ordering::SeqCst) == 1;
            assert_eq!(received.is_some() || left, sent, "in one place");
            assert!(!(received.is_some() && left), "in one place");
            received.is_some()
        });
    }
}

#[test]
fn a_value_that_is_received() {
    for capacity in [0, 1] {
        rounds(move |runtime, i| {
            let (tx, rx) = channel::bounded(capacity);
            (0..capacity).for_each(|_| tx.send(0).unwrap());
            let body = move || {
                tx.send(7).unwrap();
            };
            let got = Arc::new(AtomicUsize::new(0));
            let (gets, from) = (got.clone(), rx.clone());
            let sent = race(runtime, i, body, move || {
                while let Ok(value) = from.try_recv() {
                    gets.fetch_add(value, Ordering::SeqCst);
                }
            });
            let left = rx.try_iter().sum::<usize>();
            let got = got.load(Ordering::SeqCst) + left;
            assert_eq!(got, if sent.is_some() { 7 } else { 0 });
            sent.is_some()
        });
    }
}

#[test]
fn a_value_for_a_select() {
    rounds(|runtime, i| {
        let ((tx, rx), (_keep, never)) = (channel::bounded(1), channel::bounded::<u32>(0));
        let other = rx.clone();
        let body = move || {
            select! {
                value = rx.recv() => value.unwrap(),
                _ = never.recv() => unreachable!("nobody sends"),
            }
        };
        let received = race(runtime, i, body, move || tx.send(7).unwrap());
        assert_eq!(received.is_none(), other.try_recv().is_ok());
        received.is_some()
    });
}

#[test]
fn permits() {
    rounds(|runtime, i| {
        let permits = Arc::new(Semaphore::new(1));
        permits.acquire().forget();
        let (waits, gives) = (permits.clone(), permits.clone());
        let body = move || {
            waits.acquire().forget();
        };
        let got = race(runtime, i, body, move || gives.add_permits(1));
        assert_eq!(permits.available_permits(), usize::from(got.is_none()));
        got.is_some()
    });
}

#[test]
fn notifications() {
    rounds(|runtime, i| {
        let notify = Arc::new(Notify::new());
        let (waits, tells) = (notify.clone(), notify.clone());
        let body = move || {
            waits.wait();
        };
        let told = race(runtime, i, body, move || tells.notify_one());
        let left = notify.wait_timeout(rust_routines::time::Duration::ZERO);
        assert_eq!(left, told.is_none(), "the permit is somebody's");
        told.is_some()
    });
}

#[test]
fn an_unpark() {
    rounds(|runtime, i| {
        let (says, who) = channel::bounded(1);
        let body = move || {
            says.send(routine::current().unwrap()).unwrap();
            routine::park();
        };
        race(runtime, i, body, move || {
            // Never begun: nobody is there.
            if let Ok(routine) = who.recv() {
                routine.unpark();
            }
        })
        .is_some()
    });
}
