//! How much of its stack a routine has used when it parks: the claim that a parked routine costs one
//! page rests on it.
//!
//! From a user's call to the switch at most 640 bytes, and the switch itself within the top page of
//! the stack, for every way to park. Measured in a child, because `on_switch` cannot be taken back:
//! its `save` runs on the routine's stack right before the switch, and notes where its frame is. That
//! is deeper than the switch itself, by the frames of the hook's machinery; no allowance is made for
//! them, so the real figures are below those printed.
//!
//! In a debug build nothing is inlined and the claim is not made; then a bound of two pages more
//! keeps the figures from growing unseen.

use std::process::Command;

use rust_routines_tests::process;

/// Bytes from the call to the switch.
const BUDGET: u64 = if cfg!(debug_assertions) { 8192 } else { 640 };
/// Bytes from the top of the stack to the switch, below a routine that does nothing but park.
const TOP: u64 = if cfg!(debug_assertions) { 12288 } else { 4096 };

#[test]
fn a_parked_routine_stays_within_its_budget_of_stack() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("stack-budget")).success();
    let ways: Vec<&str> = ended.value("ways").split(',').collect();
    assert!(ways.len() >= 8, "{ways:?}");
    let mut over = Vec::new();
    for way in ways {
        let depth = ended.number(&format!("{way}.depth"));
        let top = ended.number(&format!("{way}.top"));
        println!("{way}: {depth} bytes from the call, {top} from the top");
        if depth > BUDGET || top > TOP {
            over.push(format!("{way}: {depth} of {BUDGET}, {top} of {TOP}"));
        }
    }
    assert!(over.is_empty(), "over budget: {over:#?}");
}
