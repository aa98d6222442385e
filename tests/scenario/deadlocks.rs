//! Waits of the operating system for something that only a home-mate can do, who cannot run meanwhile.
//!
//! One worker, so that both live there. The functions have names that the report is searched for.

use std::process;
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;

use rust_routines::routine::{self, JoinHandle};
use rust_routines::runtime::{Builder, Runtime};

use crate::wait_for_end_of_stdin;

const HOUR: Duration = Duration::from_secs(3600);

/// One worker; each report of a probable deadlock is a line.
fn told() -> Runtime {
    let builder = Builder::new().workers(1).stall_report(|stall| {
        if stall.is_probable_deadlock {
            println!("reported");
        }
    });
    builder.build().expect("a worker")
}

fn named<T: Send + 'static>(
    runtime: &Runtime,
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let builder = routine::Builder::new().name(name);
    runtime.spawn_with(builder, f).expect("a routine")
}

/// Nothing here ends by itself.
fn end() {
    wait_for_end_of_stdin();
    process::exit(0);
}

#[inline(never)]
fn parks_with_it(lock: &Mutex<u32>) {
    let guard = lock.lock().expect("nobody panics");
    routine::sleep(HOUR);
    drop(guard);
}

#[inline(never)]
fn wants_it(lock: &Mutex<u32>) -> u32 {
    *lock.lock().expect("nobody panics")
}

/// A lock that a home-mate holds over a park.
pub(crate) fn mutex() {
    let runtime = told();
    let lock = Arc::new(Mutex::new(0));
    let of_holder = lock.clone();
    let _holds = named(&runtime, "holder", move || parks_with_it(&of_holder));
    let _wants = named(&runtime, "wanter", move || wants_it(&lock));
    end();
}

static SLOW: LazyLock<u32> = LazyLock::new(parks_while_it_initialises);

#[inline(never)]
fn parks_while_it_initialises() -> u32 {
    routine::sleep(HOUR);
    1
}

/// A `LazyLock` whose initialiser parks.
pub(crate) fn lazy_lock() {
    let runtime = told();
    let _first = named(&runtime, "first", || *SLOW);
    let _second = named(&runtime, "second", || *SLOW);
    end();
}

/// A receive of std's channel whose sender is a home-mate.
pub(crate) fn std_channel() {
    let runtime = told();
    let (tx, rx) = mpsc::channel();
    let _sends = named(&runtime, "sender", move || {
        routine::sleep(HOUR);
        tx.send(1)
    });
    let _receives = named(&runtime, "receiver", move || rx.recv());
    end();
}

/// `thread::park`, and a home-mate that has the thread's handle.
pub(crate) fn thread_park() {
    let runtime = told();
    let (tx, rx) = rust_routines::channel::bounded(1);
    let _unparks = named(&runtime, "unparker", move || {
        let thread: Result<std::thread::Thread, _> = rx.recv();
        routine::sleep(HOUR);
        thread.map(|thread| thread.unpark())
    });
    let _parks = named(&runtime, "parker", move || {
        tx.send(std::thread::current())?;
        std::thread::park();
        Ok::<_, rust_routines::channel::SendError<_>>(())
    });
    end();
}

/// As `rayon::ThreadPool::install`: the caller blocks until its job has run in a pool, and the job waits
/// for a home-mate of the caller.
pub(crate) fn install() {
    let runtime = told();
    let (partner, of_partner) = rust_routines::channel::bounded(0);
    let (done, is_done) = mpsc::channel();
    let _partner = named(&runtime, "partner", move || {
        routine::sleep(HOUR);
        partner.send(())
    });
    let _installs = named(&runtime, "installs", move || {
        let job = std::thread::spawn(move || done.send(of_partner.recv()));
        let result = is_done.recv();
        (result.is_ok(), job.join().is_ok())
    });
    end();
}

/// A lock that somebody else holds for two seconds: with nobody else at this home it is no deadlock.
pub(crate) fn alone() {
    let runtime = told();
    let lock = Arc::new(Mutex::new(0));
    let guard = lock.lock().expect("nobody panics");
    let of_routine = lock.clone();
    let wants = named(&runtime, "wanter", move || wants_it(&of_routine));
    std::thread::sleep(Duration::from_secs(2));
    drop(guard);
    assert!(wants.join().is_ok());
    println!("reports={}", runtime.metrics().stalls.probable_deadlocks);
}
