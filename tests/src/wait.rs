//! Waiting with a limit: for a condition, and for the end of a whole test.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::routine::{self, JoinHandle};

/// How long something that must happen may take; long enough for a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// How long a whole test may take.
const WHOLE: Duration = Duration::from_secs(60);

/// Waits on a plain thread until `condition` holds.
///
/// # Panics
/// If it does not hold within [`LIMIT`], naming `what`; in a routine, where it would block the
/// worker.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(
        !rust_routines::routine::is_routine(),
        "`eventually` blocks the thread"
    );
    let start = Instant::now();
    let mut pause = Duration::from_micros(50);
    while !condition() {
        assert!(
            start.elapsed() < LIMIT,
            "after {} s still not so: {what}",
            LIMIT.as_secs()
        );
        // Only paces the looks; what is waited for is the condition.
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// Spins until `condition` holds, without giving the thread or the routine up.
///
/// # Panics
/// If it does not hold within [`LIMIT`], naming `what`.
#[track_caller]
pub fn spin_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < LIMIT,
            "after {} s still not so: {what}",
            LIMIT.as_secs()
        );
        std::hint::spin_loop();
    }
}

/// In a routine: yields until `condition` holds.
///
/// # Panics
/// If it does not hold within [`LIMIT`], naming `what`.
#[track_caller]
pub fn yield_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < LIMIT,
            "after {} s still not so: {what}",
            LIMIT.as_secs()
        );
        rust_routines::routine::yield_now();
    }
}

/// In a routine of a runtime with one worker: starts `body`, and returns when it has blocked or ended.
/// What has announced itself there has its turn until then.
#[track_caller]
pub fn blocked<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let announced = Arc::new(AtomicBool::new(false));
    let announce = announced.clone();
    let handle = routine::spawn(move || {
        announce.store(true, Ordering::SeqCst);
        body()
    });
    yield_until("it blocks", || announced.load(Ordering::SeqCst));
    handle
}

/// In a routine: cancels another one of this home, from here or from another thread; does not wait for its end. The
/// home does nothing else in the meantime.
#[track_caller]
pub fn abort<T>(handle: &JoinHandle<T>, from_afar: bool) {
    if from_afar {
        let abort = handle.abort_handle();
        let aborts = thread::spawn(move || abort.abort());
        let told = aborts.join().expect("it does not panic");
        told.expect("it can be cancelled");
    } else {
        handle.abort().expect("it can be cancelled");
    }
}

/// In a routine: lets the others of this home have many turns. That is no time: what waits for a clock goes on waiting.
pub fn turns() {
    (0..100).for_each(|_| routine::yield_now());
}

/// Runs the body of a test on a plain thread of its own and rethrows its panic.
///
/// # Panics
/// If the body has not ended after one minute; its thread is left behind.
#[track_caller]
pub fn watched<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (ended, end) = mpsc::channel::<()>();
    let thread = thread::Builder::new()
        .name("watched".to_string())
        .spawn(move || {
            // Dropped when the body returns or unwinds.
            let _ended = ended;
            body()
        })
        .expect("a thread for the test");
    match end.recv_timeout(WHOLE) {
        Err(RecvTimeoutError::Timeout) => {
            panic!("the test has not ended after {} s", WHOLE.as_secs())
        }
        _ => thread
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload)),
    }
}
