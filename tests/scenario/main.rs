//! Programs that end their process, or whose process is looked at from outside: one for each
//! argument, run as children by the tests.
//!
//! They talk with their test through lines `key=value` on stdout and the end of their stdin.
#![forbid(unsafe_code)]

mod at_rest;
mod blocking;
mod cancelled;
mod connections;
mod cycles;
mod deadlocks;
mod edges;
mod hooks;
mod limits;
mod overflow;
mod points;
mod sockets;
mod stack_budget;
mod stalls;

use std::io::Read;

/// All of them, by name.
const SCENARIOS: &[(&str, fn())] = &[
    ("blocking-without-threads", blocking::without_threads),
    ("block-at-thread-exit", edges::block_at_thread_exit),
    ("burst", at_rest::burst),
    ("cancelled-in-a-connect", points::in_a_connect),
    ("cancelled-in-a-lookup", points::in_a_lookup),
    ("cancelled-in-a-pause", points::in_a_pause),
    ("cancelled-while-unwinding", cancelled::while_unwinding),
    ("connections", connections::main),
    ("cycles", cycles::main),
    ("deadlock-alone", deadlocks::alone),
    ("deadlock-install", deadlocks::install),
    ("deadlock-lazy-lock", deadlocks::lazy_lock),
    ("deadlock-mutex", deadlocks::mutex),
    ("deadlock-std-channel", deadlocks::std_channel),
    ("deadlock-thread-park", deadlocks::thread_park),
    ("exit-in-with", edges::exit_in_with),
    ("global-workers", limits::global_workers),
    ("hook-that-panics-in-restore", hooks::panicking_in_restore),
    ("hook-that-panics-in-save", hooks::panicking_in_save),
    ("hook-that-parks", hooks::parking),
    ("idle", at_rest::idle),
    ("lookups-hang", blocking::lookups_hang),
    ("out-of-large-stacks", limits::out_of_large_stacks),
    ("out-of-stacks", limits::out_of_stacks),
    ("overflow", overflow::of_a_routine),
    ("overflow-after-with-stack", overflow::after_with_stack),
    ("overflow-named", overflow::of_a_named_routine),
    ("overflow-of-own", overflow::of_an_own_worker),
    ("overflow-of-main", overflow::of_main),
    ("overflow-of-run", overflow::of_run),
    ("overflow-of-thread", overflow::of_a_thread),
    ("overflow-of-with-stack", overflow::of_with_stack),
    ("overflow-with-hook", overflow::with_a_hook),
    (
        "overflow-with-hook-that-returns",
        overflow::with_a_hook_that_returns,
    ),
    ("panic-on-small-stack", edges::panic_on_small_stack),
    ("segfault-in-routine", overflow::segfault_in_a_routine),
    ("segfault-in-thread", overflow::segfault_in_a_thread),
    ("sockets-cycles", sockets::cycles),
    ("sockets-idle", sockets::idle),
    ("sockets-many", sockets::many),
    ("sockets-out-of-files", sockets::out_of_files),
    ("stack-budget", stack_budget::main),
    ("stall-abort", stalls::abort),
    ("stall-five", stalls::five),
    ("test-that-panics", edges::test_that_panics),
    ("ticking", at_rest::ticking),
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

/// Waits until the test closes this process's stdin.
fn wait_for_end_of_stdin() {
    let mut rest = Vec::new();
    std::io::stdin()
        .read_to_end(&mut rest)
        .expect("stdin is a pipe");
}
