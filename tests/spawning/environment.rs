//! What the process finds around it: an address space that is limited, `RUST_ROUTINES_WORKERS`.

use std::process::Command;

use rust_routines_tests::process;

const SCENARIO: &str = env!("CARGO_BIN_EXE_scenario");

/// The shell's own limit, in KiB.
fn limited(kib: u64, scenario: &str) -> process::Ended {
    let script = format!("ulimit -v {kib} && exec \"$0\" {scenario}");
    process::run(Command::new("sh").args(["-c", &script, SCENARIO]))
}

#[test]
fn without_address_space_a_spawn_is_an_error_that_says_what_to_raise() {
    let ended = limited(1 << 20, "out-of-stacks").success();
    assert_eq!(ended.value("kind"), "OutOfMemory");
    let error = ended.value("error");
    for word in ["stack", "ulimit -v", "vm.max_map_count", "stack_size"] {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
    assert_eq!(ended.value("panic"), error, "`spawn` says the same");
    assert_eq!(ended.value("dropped"), "2", "the closures are dropped");
    // What was spawned before runs all the same, and afterwards there is room again.
    assert!(ended.number("spawned") > 100, "{ended:#?}");
    assert_eq!(ended.value("ran"), ended.value("spawned"));
    assert_eq!(ended.value("again"), "ok");
}

/// With a stack of its own, too, from within a routine.
#[test]
fn without_address_space_a_large_stack_is_an_error() {
    let ended = limited(1 << 20, "out-of-large-stacks").success();
    assert_eq!(ended.value("kind"), "OutOfMemory");
    assert!(ended.value("error").contains("stack_size"), "{ended:#?}");
    assert!(
        ended.value("with_stack").contains("ulimit -v"),
        "{ended:#?}"
    );
    assert!(ended.value("run").contains("ulimit -v"), "{ended:#?}");
    assert_eq!(ended.value("again"), "ok");
}

fn with_workers(value: Option<&str>) -> process::Ended {
    let mut child = Command::new(SCENARIO);
    child.arg("global-workers");
    match value {
        Some(value) => child.env("RUST_ROUTINES_WORKERS", value),
        None => child.env_remove("RUST_ROUTINES_WORKERS"),
    };
    process::run(&mut child)
}

#[test]
fn the_environment_says_how_many_workers() {
    for (value, workers) in [("1", "1"), ("3", "3"), (" 7 ", "7"), ("64", "64")] {
        let ended = with_workers(Some(value)).success();
        assert_eq!(ended.value("global"), workers);
        assert_eq!(
            ended.value("built"),
            workers,
            "the default of a builder too"
        );
        assert_eq!(ended.value("threads"), workers);
    }
}

#[test]
fn without_a_word_there_are_as_many_as_cpus() {
    let ended = with_workers(None).success();
    let workers = ended.number("global");
    let cpus = std::thread::available_parallelism().expect("Linux knows");
    // std rounds a fractional quota down, and Go's formula up, to at least two.
    let cpus = cpus.get() as u64;
    assert!(
        workers == cpus || workers == cpus + 1,
        "{workers} workers, {cpus} CPUs"
    );
}

#[test]
fn nonsense_in_the_environment_is_refused_by_name() {
    for value in ["", "0", "-1", "two", "1.5", "1025", "99999999999999999999"] {
        let ended = with_workers(Some(value));
        assert_eq!(ended.status.code(), Some(101), "{value:?}: {ended:#?}");
        assert!(
            ended.stderr.contains("RUST_ROUTINES_WORKERS")
                && ended.stderr.contains(&format!("{value:?}")),
            "{ended:#?}"
        );
    }
}
