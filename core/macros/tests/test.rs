//! `#[rust_routines::test]` as a test suite uses it. How often a body runs is
//! shown by bodies that panic on their last run and are expected to.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

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
#[should_panic]
fn an_error_fails_the_test() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[rust_routines::test]
#[should_panic]
fn a_failing_exit_code_fails_the_test() -> ExitCode {
    ExitCode::FAILURE
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
