//! What a runtime has taken from the system goes back with it.
//!
//! In a child: the counts are the process's.

use std::process::Command;

use rust_routines_tests::process;

/// Mappings that the allocator and the system may have more or fewer of: a heap of a thread that was
/// split, a stack of a thread that the C library keeps for the next one.
const SLACK: u64 = 4;

#[test]
fn a_thousand_cycles_leave_the_process_as_it_was() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("cycles")).success();
    assert_eq!(ended.value("cycles"), "1000");
    assert_eq!(
        ended.number("threads.after"),
        ended.number("threads.before")
    );
    assert_eq!(
        ended.number("descriptors.after"),
        ended.number("descriptors.before")
    );
    let (before, after) = (
        ended.number("mappings.before"),
        ended.number("mappings.after"),
    );
    assert!(after <= before + SLACK, "{before} mappings, then {after}");
    let (before, after) = (
        ended.number("resident_kib.before"),
        ended.number("resident_kib.after"),
    );
    assert!(after <= before + 4096, "{before} KiB, then {after}");
}
