//! The programs that open the documentation compile and run as written: each from a plain `fn main`
//! (a binary, run as a child) and from a plain `#[test]`.
//!
//! What a `#[test]` prints from a worker's thread is not captured, and cannot be checked from within:
//! this binary runs itself once more, as a child, with that one test.
#![forbid(unsafe_code)]

use std::process::Command;
use std::time::Duration;

use rust_routines::{channel, routine, runtime, select};
use rust_routines_tests::{eventually, process};

/// The test's own name makes it the child of [`output_of_test`] as well.
#[test]
fn program_1_in_a_test() {
    routine::spawn(|| println!("hi"));
    let data = vec![1, 2, 3];
    routine::spawn(move || println!("{data:?}"));
    routine::yield_now();
    routine::sleep(Duration::from_secs(1));
}

#[test]
fn program_2_in_a_test() {
    let (tx, rx) = channel::bounded(10);
    routine::spawn(move || tx.send(42).unwrap());
    routine::spawn(move || println!("{}", rx.recv().unwrap()));

    // A test's process ends when all tests have: this one waits for what it has started.
    eventually("both routines have ended", || {
        runtime::global().metrics().live() == 0
    });
}

/// As the program does it: with nothing there, and then with a value.
#[test]
fn program_3_in_a_test() {
    let (tx1, rx1) = channel::bounded(1);
    let (_tx2, rx2) = channel::bounded::<i32>(1);
    for _ in 0..2 {
        select! {
            val = rx1.recv() => println!("{val:?}"),
            val = rx2.recv() => println!("{val:?}"),
            default => println!("No data available"),
        }
        tx1.send(42).unwrap();
    }
}

/// The lines that the program has printed, sorted: its routines run side by side.
fn lines_of(ended: process::Ended) -> Vec<String> {
    let ended = ended.success();
    assert_eq!(ended.stderr, "", "{ended:?}");
    let mut lines: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What a test of this binary prints, without what the test harness says around it.
fn output_of_test(name: &str) -> Vec<String> {
    let this = std::env::current_exe().expect("a test knows its binary");
    let arguments = ["--exact", name, "--nocapture", "--quiet"];
    let lines = lines_of(process::run(Command::new(this).args(arguments)));
    let is_harness = |line: &str| {
        line.is_empty() || line == "." || line.starts_with("running ") || line.starts_with("test ")
    };
    lines.into_iter().filter(|line| !is_harness(line)).collect()
}

#[test]
fn program_1_from_main_prints_both_lines() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_front-page-1"));
    assert_eq!(lines_of(process::run(&mut program)), ["[1, 2, 3]", "hi"]);
}

#[test]
fn program_1_from_a_test_prints_both_lines() {
    assert_eq!(output_of_test("program_1_in_a_test"), ["[1, 2, 3]", "hi"]);
}

#[test]
fn program_2_from_main_prints_the_value() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_front-page-2"));
    assert_eq!(lines_of(process::run(&mut program)), ["42"]);
}

#[test]
fn program_2_from_a_test_prints_the_value() {
    assert_eq!(output_of_test("program_2_in_a_test"), ["42"]);
}

#[test]
fn program_3_from_main_prints_what_there_is() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_front-page-3"));
    assert_eq!(
        lines_of(process::run(&mut program)),
        ["No data available", "Ok(42)"]
    );
}

#[test]
fn program_3_from_a_test_prints_what_there_is() {
    assert_eq!(
        output_of_test("program_3_in_a_test"),
        ["No data available", "Ok(42)"]
    );
}
