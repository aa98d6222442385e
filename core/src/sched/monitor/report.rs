//! Telling of stalls: to the function that the runtime was built with, to `tracing`, and on stderr.
//!
//! On stderr at most once a second, if `RUST_ROUTINES_STALL` says `warn`, or the runtime was built to report and has
//! no function for it; what the process ends by, always, and a probable deadlock always, for it would be silent for ever.

use super::super::clock::{self, Nanos};
use super::super::forbid;
use super::super::shared::Config;
use super::super::stall::{OnStall, Stall};
use super::trace;
use crate::sys::signal;
use crate::sys::unwind::contain;

/// Between two lines on stderr.
const PAUSE: Nanos = 1_000_000_000;

pub(super) struct Reporter {
    warns: bool,
    /// When it may write again, and how many were left out since it last did.
    again: Nanos,
    left_out: usize,
}

impl Reporter {
    pub(super) fn new(config: &Config) -> Reporter {
        Reporter {
            warns: warns()
                || config.on_stall != OnStall::Compensate && config.stall_report.is_none(),
            again: 0,
            left_out: 0,
        }
    }

    pub(super) fn tell(&mut self, config: &Config, stall: &Stall, details: Option<&str>) {
        // A worker for one routine is there to be blocked.
        let aborts = config.on_stall == OnStall::Abort && stall.worker.is_some();
        // First: a subscriber may wait for the very lock that the report is about.
        self.write(aborts, stall, details);
        if aborts {
            signal::abort();
        }
        forbid::around(|| contain(|| trace::tell(stall)));
        if let Some(report) = &config.stall_report {
            forbid::around(|| contain(|| report(stall)));
        }
    }

    fn write(&mut self, aborts: bool, stall: &Stall, details: Option<&str>) {
        if let Some(details) = details {
            return say(&format!("probable self-deadlock: {stall}\n{details}"));
        }
        let now = clock::now();
        if aborts {
            return say(&format!("{stall}; the runtime was built to abort then\n"));
        }
        if !self.warns {
            return;
        }
        if now < self.again {
            self.left_out += 1;
            return;
        }
        self.again = now + PAUSE;
        match std::mem::take(&mut self.left_out) {
            0 => say(&format!("{stall}\n")),
            more => say(&format!("{stall} (and {more} more stalls before)\n")),
        }
    }
}

/// Not `eprintln`, which panics if stderr is gone.
fn say(text: &str) {
    signal::write_stderr(format!("rust-routines: {text}").as_bytes());
}

/// What `RUST_ROUTINES_STALL` says.
fn warns() -> bool {
    const NAME: &str = "RUST_ROUTINES_STALL";
    match std::env::var_os(NAME) {
        None => false,
        Some(value) if value == "warn" => true,
        Some(value) => {
            say(&format!(
                "{NAME} may be `warn`, and {value:?} means nothing\n"
            ));
            false
        }
    }
}
