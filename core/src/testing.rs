//! What `#[main]` and `#[test]` expand to.

use std::panic;
use std::process::{ExitCode, Termination};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::runtime::{Builder, Runtime, global};
use crate::spawn;

/// The numbers of workers that a test runs with: one, where every wait meets home-mates only, and
/// several.
const WORKERS: &[usize] = &[1, 4];

/// As the first routine of a program has.
const STACK: usize = 64 << 20;

/// Runs a program's body as the first routine and turns its result into an exit code there, so that
/// the result itself need not be `Send`.
pub fn main<R: Termination>(body: fn() -> R) -> ExitCode {
    global().run(|| body().report())
}

/// Runs a test's body on a runtime with one worker, then with four.
///
/// # Panics
/// If the body fails; standard error says with how many workers.
pub fn test<R: Termination + 'static>(body: fn() -> R) {
    test_on(None, None, body);
}

/// As [`test()`], with these numbers of workers, and each run limited to `timeout`.
pub fn test_on<R: Termination + 'static>(
    workers: Option<&[usize]>,
    timeout: Option<Duration>,
    body: fn() -> R,
) {
    for &workers in workers.unwrap_or(WORKERS) {
        let runtime = Builder::new()
            .workers(workers)
            .name("test")
            .build()
            .unwrap_or_else(|error| panic!("a runtime {}: {error}", with(workers)));
        let note = Note(workers);
        let failed = match timeout {
            None => runtime.run(|| has_failed(body)),
            Some(timeout) => within(timeout, runtime, workers, body),
        };
        assert!(!failed, "the test returned a failure {}", with(workers));
        std::mem::forget(note);
    }
}

fn has_failed<R: Termination>(body: fn() -> R) -> bool {
    body().report() != ExitCode::SUCCESS
}

fn with(workers: usize) -> String {
    format!(
        "with {workers} worker{}",
        if workers == 1 { "" } else { "s" }
    )
}

/// Waits for a run that may turn out never to end. Then the runtime is left behind: its shutdown would wait for
/// the same.
fn within<R: Termination + 'static>(
    timeout: Duration,
    runtime: Runtime,
    workers: usize,
    body: fn() -> R,
) -> bool {
    let (ended, end) = mpsc::channel::<()>();
    let first = spawn::Builder::new().stack_size(STACK);
    let spawned = runtime.spawn_with(first, move || {
        // Dropped when the body returns or unwinds.
        let _ended = ended;
        has_failed(body)
    });
    let handle = spawned.unwrap_or_else(|error| panic!("{error}"));
    if end.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
        std::mem::forget(runtime);
        panic!("the test has not ended after {timeout:?} {}", with(workers));
    }
    match handle.join() {
        Ok(failed) => failed,
        Err(spawn::JoinError::Panicked(payload)) => payload.resume(),
        Err(spawn::JoinError::Cancelled) => panic!("the test was cancelled {}", with(workers)),
    }
}

/// Says with how many workers a test failed.
struct Note(usize);

impl Drop for Note {
    fn drop(&mut self) {
        eprintln!("note: the test failed {}", with(self.0));
    }
}
