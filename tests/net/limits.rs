//! Descriptors of a process: none is lost, many are no trouble, and running out of them is survived.
//!
//! In children, for they are counted per process (`scenario/sockets.rs`). A shell sets the limit, so
//! that the result does not depend on the one that the tests were started with.

use rust_routines_tests::process::{Ended, run, with_files};

fn scenario(files: u32, arguments: &[&str]) -> Ended {
    let program = env!("CARGO_BIN_EXE_scenario");
    run(with_files(files, program).args(arguments)).success()
}

#[test]
fn a_thousand_connections_leave_no_descriptor_behind() {
    let ended = scenario(256, &["sockets-cycles"]);
    assert_eq!(ended.number("cycles"), 1000);
    assert_eq!(
        ended.number("descriptors.before"),
        ended.number("descriptors.after"),
        "{ended:#?}"
    );
    assert_eq!(ended.stderr, "");
}

/// As a service would see it, 2,000 at the same time; both ends are in one process.
#[test]
fn two_thousand_connections_in_one_process() {
    let ended = scenario(4200, &["sockets-many"]);
    assert_eq!(ended.number("connected"), 2000);
    assert_eq!(ended.number("answered"), 6000);
    assert_eq!(ended.stderr, "");
}

#[test]
fn accepting_survives_too_many_open_files() {
    let ended = scenario(64, &["sockets-out-of-files"]);
    assert_eq!(
        ended.value("accept_once"),
        "Too many open files (os error 24)"
    );
    assert_eq!(ended.number("accepted.short"), 0);
    assert_eq!(ended.number("accepted"), 10);
    assert_eq!(ended.number("answered"), 10);
    let reports: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(reports.len(), 1, "it says so once: {ended:#?}");
    assert!(reports[0].contains("Too many open files"), "{ended:#?}");
    assert!(reports[0].contains(ended.value("at")), "{ended:#?}");
}
