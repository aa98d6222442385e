//! What a burst of routines has used goes back to the system when they have ended.
#![forbid(unsafe_code)]

use std::process::Command;

use rust_routines_tests::eventually;
use rust_routines_tests::probe::Process;
use rust_routines_tests::process::Running;

/// What may stay of a burst: free stacks that are kept warm (a thousand), and what the allocator keeps
/// of a hundred thousand headers.
const KEPT_KIB: u64 = 32 << 10;

/// Below that a parked routine would cost less than the page it has.
const PAGE_KIB: u64 = 4;

#[test]
fn a_burst_of_parked_routines_gives_its_memory_back() {
    const ALL: u64 = 100_000;
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let mut child = Running::start(child.arg("burst"));
    let process = Process::of(child.id());
    child.wait_for_line("ready");
    let before = process.resident_kib();
    child.say("begin");
    child.wait_for_line("all are here");
    let peak = process.resident_kib();
    let each = (peak - before) / ALL;
    assert!(
        (PAGE_KIB..3 * PAGE_KIB).contains(&each),
        "{each} KiB for each, {before} KiB before and {peak} KiB with all of them"
    );
    child.say("end");
    child.wait_for_line("all have ended");
    eventually("the memory has gone back", || {
        process.resident_kib() < before + KEPT_KIB
    });
    child.finish().success();
}
