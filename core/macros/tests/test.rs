//! `#[rust_routines::test]` as a test suite uses it. How often a body runs is
//! shown by bodies that panic on their last run and are expected to.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[rust_routines::test]
fn the_body_runs_as_a_routine() {
    assert!(rust_routines::routine::is_routine());
}

#[rust_routines::test]
#[should_panic(expected = "run 2")]
fn by_default_it_runs_twice() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(run < 2, "run {run}");
}

#[rust_routines::test(workers = [1, 2, 8])]
#[should_panic(expected = "run 3")]
fn it_runs_once_for_each_number() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(run < 3, "run {run}");
}

#[rust_routines::test(workers = 2)]
fn one_number_is_one_run() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    assert_eq!(RUNS.fetch_add(1, Ordering::Relaxed), 0);
}

#[rust_routines::test]
fn a_question_mark_works() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = "8080".parse()?;
    assert_eq!(port, 8080);
    Ok(())
}

#[rust_routines::test]
#[should_panic(expected = "returned a failure with 1 worker")]
fn an_error_fails_the_test() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[rust_routines::test(workers = 2)]
#[should_panic(expected = "returned a failure with 2 workers")]
fn a_failing_exit_code_fails_the_test() -> ExitCode {
    ExitCode::FAILURE
}

const LONG: Duration = Duration::from_secs(60);

#[rust_routines::test(timeout = LONG)]
fn a_run_in_time_passes() {
    assert!(rust_routines::routine::is_routine());
}

/// The pitfall: a lock of the operating system over a park. With several workers it might pass.
#[rust_routines::test(timeout = Duration::from_millis(100))]
#[should_panic(expected = "has not ended after 100ms with 1 worker")]
fn a_run_that_hangs_fails() {
    let lock = std::sync::Arc::new(std::sync::Mutex::new(()));
    let mine = lock.lock().unwrap();
    let mates = std::sync::Arc::clone(&lock);
    let mate = rust_routines::routine::spawn(move || drop(mates.lock()));
    rust_routines::routine::yield_now();
    drop(mine);
    mate.join().unwrap();
}

#[rust_routines::test(workers = [2, 3], timeout = LONG)]
#[should_panic(expected = "from within")]
fn a_limited_panic_goes_on() {
    panic!("from within");
}

#[rust_routines::test(timeout = LONG, workers = 3)]
#[should_panic(expected = "returned a failure with 3 workers")]
fn a_limited_failure_fails() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

/// As the first routine of a program: deeper than other routines may go.
#[rust_routines::test(workers = 1, timeout = LONG)]
fn a_limited_run_has_a_large_stack() {
    let room = std::hint::black_box([1_u8; 4 << 20]);
    assert_eq!(room[room.len() / 2], 1);
}

/// Attributes of tests stay what they are.
#[rust_routines::test]
#[cfg_attr(all(), should_panic(expected = "attributes"))]
fn attributes_stay() {
    panic!("attributes");
}

macro_rules! define {
    ($name:ident, $workers:expr_2021, $body:block) => {
        #[rust_routines::test(workers = $workers)]
        fn $name() $body
    };
}
define!(a_macro_may_write_the_test, 3, {
    assert!(rust_routines::routine::is_routine());
});
