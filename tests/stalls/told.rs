//! What is written to stderr: stalls if somebody wants to know, probable self-deadlocks always.
//!
//! In child processes, because it is the process's stderr, and because a deadlock does not end.

use std::process::Command;

use rust_routines_tests::process::{self, Ended, Running};

const SIGABRT: i32 = 6;

fn scenario(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scenario"));
    command.arg(name).env_remove("RUST_ROUTINES_STALL");
    command
}

/// Lines about stalls.
fn lines(ended: &Ended) -> Vec<&str> {
    let all = ended.stderr.lines();
    all.filter(|line| line.starts_with("rust-routines: "))
        .collect()
}

#[test]
fn nothing_is_said_unless_asked_for() {
    let ended = process::run(&mut scenario("stall-five")).success();
    assert_eq!(ended.number("stalls"), 5);
    assert_eq!(lines(&ended), [""; 0]);
}

#[test]
fn a_warning_has_everything_and_comes_once_a_second() {
    let ended = process::run(scenario("stall-five").env("RUST_ROUTINES_STALL", "warn")).success();
    assert_eq!(ended.number("stalls"), 5);
    let lines = lines(&ended);
    let most = 1 + ended.number("ms") / 1000;
    assert!((1..=most).contains(&(lines.len() as u64)), "{lines:?}");
    for part in [
        "nanosleep",
        "spawned at ",
        "stalls.rs",
        "worker 0",
        " ms; 0 other routines",
    ] {
        assert!(lines[0].contains(part), "no {part:?} in {:?}", lines[0]);
    }
}

#[test]
fn a_senseless_value_is_said_to_be_one() {
    let ended = process::run(scenario("stall-five").env("RUST_ROUTINES_STALL", "yes")).success();
    let lines = lines(&ended);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("RUST_ROUTINES_STALL may be `warn`, and \"yes\""));
}

#[test]
fn it_may_end_the_process() {
    let ended = process::run(&mut scenario("stall-abort"));
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended:#?}");
    assert!(lines(&ended)[0].contains("nanosleep"), "{ended:#?}");
}

/// Waits for `reports` reports, and returns what was written.
fn deadlock(name: &str, reports: usize) -> Ended {
    let mut child = Running::start(&mut scenario(name));
    for _ in 0..reports {
        child.wait_for_line("reported");
    }
    child.finish().success()
}

#[track_caller]
fn assert_told(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.stderr.contains(part),
            "no {part:?} in {}",
            ended.stderr
        );
    }
}

/// Both sides, where they were spawned, where they stand, and the address; and again after ten seconds.
#[test]
fn a_lock_held_over_a_park() {
    let ended = deadlock("deadlock-mutex", 2);
    assert_told(
        &ended,
        &[
            "probable self-deadlock: routine ",
            "\"wanter\" [in a futex at 0x",
            "has kept worker 0 for 1",
            "1 other routine live",
            "wants_it at ",
            "\"holder\" [sleep], spawned at ",
            "parks_with_it at ",
            "deadlocks.rs:",
            "Place::Own",
        ],
    );
    let said = lines(&ended);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains("has kept worker 0 for 11"), "{said:?}");
}

#[test]
fn a_lazy_lock_whose_initialiser_parks() {
    let ended = deadlock("deadlock-lazy-lock", 1);
    assert_told(
        &ended,
        &[
            "\"second\" [in a futex",
            "\"first\" [sleep]",
            "parks_while_it_initialises at ",
        ],
    );
}

#[test]
fn a_channel_of_std_with_a_home_mate() {
    let ended = deadlock("deadlock-std-channel", 1);
    assert_told(&ended, &["\"receiver\" [in a futex", "\"sender\" [sleep]"]);
}

#[test]
fn a_park_of_the_thread_with_a_home_mate() {
    let ended = deadlock("deadlock-thread-park", 1);
    assert_told(
        &ended,
        &["\"parker\" [in a futex", "\"unparker\" [chan receive]"],
    );
}

#[test]
fn a_pool_whose_job_waits_for_a_home_mate() {
    let ended = deadlock("deadlock-install", 1);
    assert_told(&ended, &["\"installs\" [in a futex", "\"partner\" [sleep]"]);
}

#[test]
fn a_lock_that_somebody_else_holds_is_none() {
    let ended = process::run(&mut scenario("deadlock-alone")).success();
    assert_eq!(ended.number("reports"), 0);
    assert_eq!(lines(&ended), [""; 0]);
}
