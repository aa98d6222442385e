//! What a stuck routine is found doing, and what is told of it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::routine::{self, Place};
use rust_routines::runtime::{Builder, Runtime, Stall, StallClass};
use rust_routines_tests::LIMIT;
use rust_routines_tests::wait::{eventually, spin_until};
use rust_routines_tests::watched;

/// A runtime that tells of its stalls.
pub(super) fn told(workers: usize) -> (Runtime, Receiver<Stall>) {
    let (tx, stalls) = mpsc::channel();
    let builder = Builder::new().workers(workers).name("told");
    // Nobody listens any more when the test is over.
    let builder = builder.stall_report(move |stall| drop(tx.send(stall.clone())));
    (builder.build().unwrap(), stalls)
}

/// The first report of a stall of the routine `name`.
fn stall_of(stalls: &Receiver<Stall>, name: &str) -> Stall {
    let start = Instant::now();
    loop {
        let left = LIMIT.saturating_sub(start.elapsed());
        let stall = stalls.recv_timeout(left).expect("it is told in time");
        if stall.name.as_deref() == Some(name) {
            return stall;
        }
    }
}

/// Blocks a routine again and again until it is found `doing` that: one that is kept from its CPU before it
/// blocks is told of as computing.
fn found(doing: impl Fn(StallClass) -> bool, mut blocked: impl FnMut() -> Stall) -> Stall {
    let start = Instant::now();
    loop {
        let stall = blocked();
        if doing(stall.class) {
            return stall;
        }
        assert!(start.elapsed() < LIMIT, "it is always {stall:?}");
    }
}

/// Blocks its thread again and again, without a park.
fn sleeps_until(end: &Arc<AtomicBool>) -> impl FnOnce() + Send + 'static {
    let end = end.clone();
    move || {
        while !end.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn named(name: &str) -> routine::Builder {
    routine::Builder::new().name(name)
}

#[test]
fn a_spinning_routine_computes() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let (end, ends) = mpsc::channel::<()>();
        let line = line!() + 1;
        let spins = runtime.spawn_with(named("spins"), move || {
            spin_until("it is told", || {
                ends.try_recv() == Err(mpsc::TryRecvError::Disconnected)
            });
        });
        let stall = stall_of(&stalls, "spins");
        drop(end);
        spins.unwrap().join().unwrap();
        assert_eq!(stall.class, StallClass::Computing);
        assert_eq!(stall.spawned_at.line(), line);
        assert_eq!(stall.worker, Some(0));
        assert_eq!(stall.stranded, 0);
        assert!(!stall.is_probable_deadlock);
        assert!(runtime.metrics().stalls.computing > 0);
    });
}

#[test]
fn a_sleep_of_the_thread_is_a_system_call() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let is_sleep = |class| matches!(class, StallClass::SystemCall { name: Some(name), .. } if name.ends_with("nanosleep"));
        found(is_sleep, || {
            let end = Arc::new(AtomicBool::new(false));
            let sleeps = runtime.spawn_with(named("sleeps"), sleeps_until(&end));
            let stall = stall_of(&stalls, "sleeps");
            end.store(true, Ordering::SeqCst);
            sleeps.unwrap().join().unwrap();
            stall
        });
        assert!(runtime.metrics().stalls.system_calls > 0);
    });
}

#[test]
fn a_call_that_blocks_has_its_name() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let is_accept = |class| matches!(class, StallClass::SystemCall { name: Some(name), .. } if name == "accept4");
        found(is_accept, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let accepts = move || drop(listener.accept().unwrap());
            let accepts = runtime.spawn_with(named("accepts"), accepts);
            let stall = stall_of(&stalls, "accepts");
            drop(std::net::TcpStream::connect(address).unwrap());
            accepts.unwrap().join().unwrap();
            stall
        });
    });
}

#[test]
fn a_lock_of_the_system_is_a_futex() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let lock = Arc::new(Mutex::new(()));
        let (start, size) = (Arc::as_ptr(&lock).addr(), size_of::<Mutex<()>>());
        let is_lock = |class| matches!(class, StallClass::Futex { address } if (start..start + size).contains(&address));
        found(is_lock, || {
            let guard = lock.lock().unwrap();
            let of_routine = lock.clone();
            let waits = move || drop(of_routine.lock().unwrap());
            let waits = runtime.spawn_with(named("waits"), waits);
            let stall = stall_of(&stalls, "waits");
            drop(guard);
            waits.unwrap().join().unwrap();
            stall
        });
        assert!(runtime.metrics().stalls.futexes > 0);
    });
}

#[test]
fn an_own_worker_is_told_of_and_nobody_stands_in() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let end = Arc::new(AtomicBool::new(false));
        let builder = named("own").place(Place::Own);
        let sleeps = runtime.spawn_with(builder, sleeps_until(&end));
        let stall = stall_of(&stalls, "own");
        assert_eq!(stall.worker, None);
        assert_eq!(runtime.metrics().compensating, 0);
        end.store(true, Ordering::SeqCst);
        sleeps.unwrap().join().unwrap();
    });
}

/// Workers of their own that are used again are told of as often as they get stuck.
#[test]
fn own_workers_are_told_of_one_by_one() {
    watched(|| {
        let (runtime, stalls) = told(1);
        for _ in 0..5 {
            let end = Arc::new(AtomicBool::new(false));
            let builder = named("own").place(Place::Own);
            let sleeps = runtime.spawn_with(builder, sleeps_until(&end));
            stall_of(&stalls, "own");
            end.store(true, Ordering::SeqCst);
            sleeps.unwrap().join().unwrap();
        }
    });
}

/// Waiting for one that is bound to start at the same worker is a deadlock, and told of as such.
#[test]
fn a_partner_that_is_bound_to_the_same_worker_is_stranded() {
    watched(|| {
        let (runtime, stalls) = told(2);
        let key = |name: &str| named(name).place(Place::Key(7));
        let (end, ends) = mpsc::channel();
        let waits = runtime.spawn_with(key("waits"), move || {
            let (tx, rx) = mpsc::channel();
            let partner = move || tx.send(()).unwrap();
            let partner = key("partner").spawn(partner).unwrap();
            // The test ends it.
            ends.recv().unwrap();
            rx.try_recv().unwrap_err();
            partner.join().unwrap();
            rx.recv().unwrap();
        });
        let stall = loop {
            let stall = stall_of(&stalls, "waits");
            if stall.is_probable_deadlock {
                break stall;
            }
        };
        assert_eq!(stall.stranded, 1);
        end.send(()).unwrap();
        waits.unwrap().join().unwrap();
    });
}

/// Routines that live there are counted; what has not started is not stranded.
#[test]
fn those_that_live_there_are_stranded() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let parked: Vec<_> = (0..3).map(|_| runtime.spawn(routine::park)).collect();
        eventually("they live there", || runtime.metrics().workers[0].live == 3);
        let end = Arc::new(AtomicBool::new(false));
        let sleeps = runtime.spawn_with(named("sleeps"), sleeps_until(&end));
        let stall = stall_of(&stalls, "sleeps");
        assert_eq!(stall.stranded, 3);
        let text = stall.to_string();
        for part in ["\"sleeps\"", "classes.rs", "worker 0", "3 other routines"] {
            assert!(text.contains(part), "{text}");
        }
        end.store(true, Ordering::SeqCst);
        sleeps.unwrap().join().unwrap();
        for parked in parked {
            parked.routine().unpark();
            parked.join().unwrap();
        }
    });
}

/// The report may ask the runtime, may panic, and may not park.
#[test]
fn a_report_that_panics_or_parks_hurts_nobody() {
    watched(|| {
        let builder = Builder::new().workers(1).name("told");
        let (tx, stalls) = mpsc::channel();
        let builder = builder.stall_report(move |_| {
            tx.send(()).unwrap();
            routine::park();
        });
        let runtime = builder.build().unwrap();
        for _ in 0..2 {
            let end = Arc::new(AtomicBool::new(false));
            let sleeps = runtime.spawn(sleeps_until(&end));
            stalls.recv_timeout(LIMIT).expect("it is told each time");
            end.store(true, Ordering::SeqCst);
            sleeps.join().unwrap();
        }
    });
}
