//! Where the system does not play along, in children (`scenario/blocking.rs`).

use std::process::Command;

use rust_routines_tests::process::{self, Running};

fn scenario(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scenario"));
    command.arg(name);
    command
}

/// With room for what there is and half of a thread's stack more, nobody gets a thread; with room again all
/// is as before.
#[test]
fn without_threads_calls_are_refused() {
    let mut child = Running::start(&mut scenario("blocking-without-threads"));
    child.wait_for_line("ready");
    process::limit_growth(child.id(), Some(1 << 20));
    child.say("go on");
    child.wait_for_line("calls done");
    process::limit_growth(child.id(), None);
    child.say("go on");
    let ended = child.finish().success();
    let (short, again) = ended.stdout.split_once("calls done").unwrap();
    let refused = "\nrefused=100\ntext=no thread for a blocking call (";
    assert!(short.contains(refused), "{ended:#?}");
    assert!(
        short.contains("\nname=Err(\"no thread for a call that blocks: "),
        "{ended:#?}"
    );
    assert!(
        again.contains("\nrefused=0\ntext=\nname=Ok(())\n"),
        "{ended:#?}"
    );
    assert_eq!(ended.number("threads"), 1, "{ended:#?}");
}
