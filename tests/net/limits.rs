//! What sockets cost a process: descriptors - none is lost, many are no trouble, running out of them is
//! survived - and no CPU time while nothing happens on them.
//!
//! In children, for these are counted per process (`scenario/sockets.rs`). A shell sets the limit of
//! descriptors, so that the result does not depend on the one that the tests were started with.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rust_routines_tests::probe::{Process, Usage};
use rust_routines_tests::process::{Ended, Running, limit_files, run, with_files};
use rust_routines_tests::{LIMIT, eventually};

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

#[track_caller]
fn assert_accepted_in_the_end(ended: &Ended, clients: u64) {
    assert_eq!(ended.number("accepted.short"), 0);
    assert_eq!(ended.number("accepted"), clients);
    assert_eq!(ended.number("answered"), clients);
}

/// It runs out of them again and again, and says so once, not at each call.
#[test]
fn accepting_survives_too_many_open_files() {
    let ended = scenario(64, &["sockets-out-of-files"]);
    assert_eq!(
        ended.value("accept_once"),
        "Too many open files (os error 24)"
    );
    assert_eq!(ended.number("waited"), 4, "waiting needs no descriptor");
    assert_accepted_in_the_end(&ended, 10);
    let reports: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(reports.len(), 1, "it says so once: {ended:#?}");
    assert!(reports[0].contains("Too many open files"), "{ended:#?}");
    assert!(reports[0].contains(ended.value("at")), "{ended:#?}");
}

/// As a service behind `2>&1 | head`.
#[test]
fn accepting_survives_it_where_nobody_reads_what_it_says() {
    let program = env!("CARGO_BIN_EXE_scenario");
    let child = Running::start_unheard(with_files(64, program).arg("sockets-out-of-files"));
    assert_accepted_in_the_end(&child.finish().success(), 10);
}

/// To pause needs no descriptor, not even at a worker that has never waited for a socket.
#[test]
fn accepting_survives_it_at_a_worker_of_its_own() {
    let ended = scenario(64, &["sockets-out-of-files", "before-any-wait"]);
    assert_accepted_in_the_end(&ended, 3);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}

/// The pause is one of a second.
#[test]
fn close_ends_a_pause_of_accept_at_once() {
    let ended = scenario(64, &["sockets-out-of-files", "and-close"]);
    assert_eq!(ended.value("closed"), "true");
    assert!(ended.number("late.ms") < 500, "{ended:#?}");
}

/// A sandbox sets it while the process runs; poll(2) refuses more descriptors than the limit, so even one.
#[test]
fn waiting_survives_a_limit_of_no_descriptors() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let mut child = Running::start(child.args(["sockets-out-of-files", "none-allowed"]));
    child.wait_for_line("ready");
    limit_files(child.id(), 0);
    let ended = child.finish().success();
    assert_eq!(ended.value("open"), "false", "there is a limit");
    assert_eq!(ended.number("read"), 1);
    assert_eq!(ended.stderr, "");
}

/// What the process uses in a second. Measuring takes time; nothing is waited for.
fn used_in_a_second(process: &Process) -> Usage {
    let before = process.usage();
    thread::sleep(Duration::from_secs(1));
    process.usage().since(before)
}

fn signal(name: &str, child: &Running) {
    let mut kill = Command::new("kill");
    let status = kill.args([name, &child.id().to_string()]).status();
    assert!(status.expect("the command `kill`").success());
}

/// Whether it has been stopped, or goes on.
fn is_stopped(child: &Running) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after_name = stat.rsplit(") ").next();
    after_name.is_some_and(|rest| rest.starts_with('T'))
}

/// Then the process is stopped and goes on again and again: that ends system calls that wait, and
/// nobody may take it for more than that.
#[test]
fn idle_connections_use_no_cpu_and_outlast_interruptions() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let mut child = Running::start(child.arg("sockets-idle"));
    child.wait_for_line("ready");
    let process = Process::of(child.id());
    let start = Instant::now();
    while used_in_a_second(&process).sleeps > 0 {
        assert!(start.elapsed() < LIMIT, "it does not come to rest");
    }
    let used = used_in_a_second(&process);
    assert_eq!(used.sleeps, 0, "somebody has woken up: {used:?}");
    assert!(used.cpu_nanos < 500_000, "{used:?}");
    for _ in 0..20 {
        signal("-STOP", &child);
        eventually("it is stopped", || is_stopped(&child));
        signal("-CONT", &child);
        eventually("it goes on", || !is_stopped(&child));
    }
    let ended = child.finish().success();
    assert_eq!(ended.number("answered"), 100);
    assert_eq!(ended.stderr, "");
}
