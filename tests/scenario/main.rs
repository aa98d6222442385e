//! Programs that end their process, or whose process is looked at from outside: one for each
//! argument, run as children by the tests.
//!
//! They talk with their test through lines `key=value` on stdout and the end of their stdin.
#![forbid(unsafe_code)]

mod cancelled;
mod hooks;
mod stack_budget;

/// All of them, by name.
const SCENARIOS: &[(&str, fn())] = &[
    ("cancelled-while-unwinding", cancelled::while_unwinding),
    ("hook-that-panics-in-restore", hooks::panicking_in_restore),
    ("hook-that-panics-in-save", hooks::panicking_in_save),
    ("hook-that-parks", hooks::parking),
    ("stack-budget", stack_budget::main),
];

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
