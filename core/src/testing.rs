//! What `#[main]` and `#[test]` expand to.

use std::process::{ExitCode, Termination};

use crate::runtime::{Builder, global};

/// The numbers of workers that a test runs with: one, where every wait meets home-mates only, and
/// several.
const WORKERS: &[usize] = &[1, 4];

/// Runs a program's body as the first routine and turns its result into an exit code there, so that
/// the result itself need not be `Send`.
pub fn main<R: Termination>(body: fn() -> R) -> ExitCode {
    global().run(|| body().report())
}

/// Runs a test's body on a runtime with one worker, then with four.
///
/// # Panics
/// If the body fails; the message says with how many workers.
pub fn test<R: Termination>(body: fn() -> R) {
    test_on(WORKERS, body);
}

/// As [`test()`], with these numbers of workers.
pub fn test_on<R: Termination>(workers: &[usize], body: fn() -> R) {
    for &workers in workers {
        let runtime = Builder::new()
            .workers(workers)
            .name("test")
            .build()
            .unwrap_or_else(|error| panic!("a runtime with {workers} workers: {error}"));
        let note = Note(workers);
        let failed = runtime.run(|| body().report() != ExitCode::SUCCESS);
        assert!(!failed, "the test returned a failure");
        std::mem::forget(note);
    }
}

/// Says with how many workers a test failed.
struct Note(usize);

impl Drop for Note {
    fn drop(&mut self) {
        eprintln!("note: this happened with this many workers: {}", self.0);
    }
}
