//! How calls end whose caller is cancelled, out of time or gone: not before `f` has, which borrows.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use rust_routines::routine;
use rust_routines::runtime;
use rust_routines::select;
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::{eventually, watched};

use super::workers;

/// A cancelled routine stays until the call that borrows from it has returned, and unwinds then.
#[test]
fn cancellation_waits_for_the_call() {
    watched(|| {
        let runtime = workers(1);
        let (began, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let returned = Arc::new(AtomicBool::new(false));
        let (seen, went_on) = (returned.clone(), Arc::new(AtomicBool::new(false)));
        let beyond = went_on.clone();
        let handle = runtime.spawn(move || {
            routine::blocking(move || {
                began.send(()).unwrap();
                released.recv().unwrap_err();
                seen.store(true, Ordering::SeqCst);
            });
            routine::yield_now();
            beyond.store(true, Ordering::SeqCst);
        });
        begins.recv().unwrap();
        let mate = runtime.spawn(routine::park);
        let stopping = thread::spawn(move || runtime.shutdown(Duration::from_secs(30)));
        assert!(matches!(mate.join(), Err(routine::JoinError::Cancelled)));
        assert!(!handle.is_finished());
        drop(release);
        stopping.join().unwrap().unwrap();
        assert!(returned.load(Ordering::SeqCst));
        assert!(matches!(handle.join(), Err(routine::JoinError::Cancelled)));
        assert!(!went_on.load(Ordering::SeqCst));
    });
}

/// Those in the queue borrow too: they have their turn, and the shutdown waits.
#[test]
fn a_shutdown_waits_for_calls_in_the_queue() {
    watched(|| {
        let builder = runtime::Builder::new().workers(1).blocking_threads(1);
        let runtime = builder.build().unwrap();
        let (release, released) = mpsc::channel::<()>();
        let first = runtime.spawn(move || routine::blocking(move || released.recv().unwrap_err()));
        eventually("it runs", || {
            let blocking = runtime.metrics().blocking;
            blocking.threads == 1 && blocking.queued == 0
        });
        let ran = Arc::new(AtomicUsize::new(0));
        let queued: Vec<_> = (0..3)
            .map(|_| {
                let ran = ran.clone();
                runtime.spawn(move || {
                    let mut own = [0_u8; 64];
                    routine::blocking(|| own.fill(ran.fetch_add(1, Ordering::SeqCst) as u8 + 1));
                    own[63]
                })
            })
            .collect();
        eventually("the others wait", || runtime.metrics().blocking.queued == 3);
        let mate = runtime.spawn(routine::park);
        let stopping = thread::spawn(move || runtime.shutdown(Duration::from_secs(30)));
        assert!(matches!(mate.join(), Err(routine::JoinError::Cancelled)));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        drop(release);
        stopping.join().unwrap().unwrap();
        first.join().unwrap();
        let mut own: Vec<_> = queued
            .into_iter()
            .map(|call| call.join().unwrap())
            .collect();
        own.sort_unstable();
        assert_eq!(own, [1, 2, 3], "a result that was had is given");
    });
}

/// The time is over while `f` runs: it is waited for, and its result is not lost.
#[test]
fn a_limit_waits_for_the_call() {
    watched(|| {
        workers(1).run(|| {
            let limit = Duration::from_millis(1);
            let mut seen = Vec::new();
            let result = time::timeout(limit, || {
                routine::blocking(|| {
                    let over = Instant::now() + limit * 2;
                    while Instant::now() < over {
                        thread::yield_now();
                    }
                    seen.push(1);
                    seen.len()
                })
            });
            assert_eq!(result, Ok(1));
            let result = time::timeout(limit, || {
                routine::blocking(|| thread::sleep(limit * 2));
                routine::yield_now();
            });
            assert_eq!(result, Err(time::Elapsed), "the next wait is not allowed");
            let begun = AtomicBool::new(false);
            let result = time::timeout(Duration::ZERO, || {
                routine::blocking(|| begun.store(true, Ordering::SeqCst));
            });
            assert_eq!(result, Err(time::Elapsed));
            assert!(!begun.load(Ordering::SeqCst), "it is over before it begins");
        });
    });
}

/// A destructor of a routine that is being cancelled makes a call.
#[test]
fn destructors_may_call() {
    struct Calls(mpsc::Sender<thread::ThreadId>);
    impl Drop for Calls {
        fn drop(&mut self) {
            let there = routine::blocking(|| thread::current().id());
            self.0.send(there).unwrap();
        }
    }
    watched(|| {
        let runtime = workers(1);
        let (tell, told) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let handle = runtime.spawn(move || {
            let _calls = Calls(tell);
            ready.send(thread::current().id()).unwrap();
            routine::park();
        });
        let home = is_ready.recv().unwrap();
        runtime.shutdown(Duration::from_secs(30)).unwrap();
        assert_ne!(told.recv().unwrap(), home);
        assert!(matches!(handle.join(), Err(routine::JoinError::Cancelled)));
    });
}

/// A routine of its own makes a call something that a select can wait for, or not.
#[test]
fn a_select_goes_on_without_the_call() {
    watched(|| {
        workers(1).run(|| {
            let (release, released) = mpsc::channel();
            let mut call = routine::spawn(move || routine::blocking(move || released.recv()));
            let early = select! {
                _ = &mut call => true,
                default(Duration::from_millis(1)) => false,
            };
            assert!(!early);
            release.send(7).unwrap();
            let result = select! { result = &mut call => result };
            assert_eq!(result.unwrap(), Ok(7));
        });
    });
}
