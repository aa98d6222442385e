//! Runtimes with nothing to do cost nothing: at most 5 ms of CPU time in 10 s with two of them up, and no
//! wake-ups but timers that are due.
//!
//! Measured from outside, on a child that has used its runtimes for everything and then rests: the
//! kernel counts nanoseconds on a CPU and times gone to sleep for each thread. It is given time to
//! settle first, for memory is trimmed a second after the last work. Measuring takes time by its
//! nature; nothing here waits for something to happen by sleeping.
#![forbid(unsafe_code)]

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rust_routines_tests::LIMIT;
use rust_routines_tests::probe::{Process, Usage};
use rust_routines_tests::process::Running;

/// How long is measured; the bound for 10 s is scaled to it.
const MEASURED: Duration = Duration::from_secs(3);
const CPU_NANOS: u64 = 5_000_000 * MEASURED.as_secs() / 10;
/// What counts as settled: nobody has woken up for so long.
const QUIET: Duration = Duration::from_secs(2);

fn start(scenario: &str) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let mut child = Running::start(child.arg(scenario));
    child.wait_for_line("ready");
    child
}

/// What the child uses in `during`.
fn used(process: &Process, during: Duration) -> Usage {
    let before = process.usage();
    thread::sleep(during);
    process.usage().since(before)
}

/// The threads that watch over workers; the system cuts names off.
fn is_monitor(name: &str) -> bool {
    name.ends_with("-monito")
}

#[test]
fn two_idle_runtimes_use_no_cpu_and_wake_nobody() {
    let child = start("idle");
    let process = Process::of(child.id());
    let start = Instant::now();
    while used(&process, QUIET).sleeps > 0 {
        assert!(start.elapsed() < LIMIT, "it does not come to rest");
    }
    let used = used(&process, MEASURED);
    assert_eq!(used.sleeps, 0, "somebody has woken up: {used:?}");
    assert!(used.cpu_nanos <= CPU_NANOS, "{used:?}");
    assert_eq!(child.finish().success().value("works"), "yes");
}

/// A timer that is due wakes its worker, and nobody else; not even the monitor, unless others keep the worker
/// from its CPU for so long that it has to look.
#[test]
fn a_timer_wakes_one_worker_once() {
    const TICK: Duration = Duration::from_millis(100);
    let child = start("ticking");
    let process = Process::of(child.id());
    let ticks = u64::try_from(MEASURED.as_millis() / TICK.as_millis()).expect("a few");
    let start = Instant::now();
    loop {
        let usage = || [is_monitor, |name: &str| !is_monitor(name)].map(|of| process.usage_of(of));
        let before = usage();
        thread::sleep(MEASURED);
        let after = usage();
        let [monitors, others] = [0, 1].map(|who| after[who].since(before[who]));
        // One more than ticks for the edges; a late tick moves the later ones, so there may be fewer.
        let one_each = (ticks / 2..=ticks + 2).contains(&others.sleeps);
        // A look, and another one that finds nobody.
        if one_each && monitors.sleeps <= ticks / 4 + 2 * others.interruptions {
            break;
        }
        assert!(
            start.elapsed() < LIMIT,
            "{others:?} for {ticks} timers, and monitors {monitors:?}: others wake up too"
        );
    }
    child.finish().success();
}
