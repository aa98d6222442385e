//! Programs that end their process, or whose process is looked at from outside: one for each
//! argument, run as children by the tests.
//!
//! They talk with their test through lines `key=value` on stdout and the end of their stdin.
#![forbid(unsafe_code)]

mod stack_budget;

/// All of them, by name.
const SCENARIOS: &[(&str, fn())] = &[("stack-budget", stack_budget::main)];

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let scenario = SCENARIOS.iter().find(|(known, _)| *known == name);
    let Some((_, run)) = scenario else {
        let known: Vec<_> = SCENARIOS.iter().map(|(known, _)| *known).collect();
        eprintln!("scenario {name:?} is none of {known:?}");
        std::process::exit(64);
    };
    run();
}
