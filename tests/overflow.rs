//! A stack overflow ends the process and says whose it was; every other fault is left to whoever
//! was there before us.
//!
//! In child processes, built as this test is: in a debug build with unoptimised frames, in a release
//! build with small ones.
#![forbid(unsafe_code)]

use std::process::Command;

use rust_routines_tests::process::{self, Ended};

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// What a routine has unless it is given more, less the guard of 64 KiB.
const DEFAULT_KIB: u64 = if cfg!(debug_assertions) {
    1024 - 64
} else {
    256 - 64
};

fn scenario(name: &str) -> Ended {
    process::run(Command::new(env!("CARGO_BIN_EXE_scenario")).arg(name))
}

/// The report on stderr has the routine's number, spawn site and size, and SIGABRT was the end.
#[track_caller]
fn assert_reported(ended: &Ended, name: Option<&str>, stack_kib: u64) {
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended:#?}");
    let (file, line) = (ended.value("file"), ended.number("line"));
    let named = name.map_or(String::new(), |name| format!(" \"{name}\""));
    for text in [
        "stack overflow".to_string(),
        format!(
            "routine {}{named}, spawned at {file}:{line}:",
            ended.number("id")
        ),
        format!("its stack of {stack_kib} KiB"),
        "with_stack".to_string(),
    ] {
        assert!(ended.stderr.contains(&text), "no {text:?} in {ended:#?}");
    }
    assert!(
        !ended.stderr.contains("has overflowed its stack"),
        "std's report as well: {ended:#?}"
    );
}

#[test]
fn of_a_routine() {
    assert_reported(&scenario("overflow"), None, DEFAULT_KIB);
}

/// 1 MiB and the guard do not fit into 1 MiB, so it gets the next power of two.
#[test]
fn of_a_named_routine_with_a_stack_of_its_own() {
    let ended = scenario("overflow-named");
    assert_reported(&ended, Some("the deep one"), 2048 - 64);
}

#[test]
fn of_a_routine_with_a_thread_of_its_own() {
    assert_reported(&scenario("overflow-of-own"), Some("alone"), DEFAULT_KIB);
}

#[test]
fn of_the_stack_of_with_stack() {
    assert_reported(&scenario("overflow-of-with-stack"), None, 2048 - 64);
}

#[test]
fn of_the_own_stack_after_with_stack() {
    assert_reported(&scenario("overflow-after-with-stack"), None, DEFAULT_KIB);
}

#[test]
fn of_the_first_routine() {
    assert_reported(&scenario("overflow-of-run"), None, (64 << 10) - 64);
}

#[test]
fn a_hook_decides_how_the_process_ends() {
    let ended = scenario("overflow-with-hook");
    assert_eq!(ended.status.code(), Some(2), "{ended:#?}");
    assert_eq!(ended.value("routine"), ended.value("id"));
    assert_eq!(ended.value("name"), "hooked");
    assert_eq!(ended.number("stack_bytes"), DEFAULT_KIB << 10);
    let site = format!("{}:{}:", ended.value("file"), ended.value("line"));
    assert!(ended.value("spawned_at").starts_with(&site), "{ended:#?}");
    assert_eq!(ended.stderr, "", "the hook is called instead of the report");
}

#[test]
fn a_hook_that_returns_does_not_stop_it() {
    let ended = scenario("overflow-with-hook-that-returns");
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended:#?}");
    assert_eq!(ended.value("hook"), "called");
}

/// std's own words and std's own end, with a runtime up.
#[test]
fn of_a_plain_thread_is_stds_to_report() {
    for (name, thread) in [
        ("overflow-of-thread", "plain thread"),
        ("overflow-of-main", "main"),
    ] {
        let ended = scenario(name);
        assert_eq!(ended.signal(), Some(SIGABRT), "{ended:#?}");
        assert!(
            ended.stderr.contains(&format!("'{thread}'"))
                && ended.stderr.contains("has overflowed its stack"),
            "{ended:#?}"
        );
        assert!(!ended.stderr.contains("routine"), "{ended:#?}");
    }
}

#[test]
fn a_fault_that_is_not_ours_goes_on_to_who_was_there_before() {
    for name in ["segfault-in-routine", "segfault-in-thread"] {
        let ended = scenario(name);
        assert_eq!(ended.value("going"), "down");
        assert_eq!(ended.signal(), Some(SIGSEGV), "{ended:#?}");
        assert_eq!(ended.stderr, "", "nobody's stack has overflowed");
    }
}
