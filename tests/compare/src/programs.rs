//! Where the programs of a comparison are, and how one run of one side of one row is made with them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::golang::Go;
use crate::proc;
use crate::rows::{Row, Side};
use crate::sample::Sample;

/// No run takes longer unless it hangs: the longest is some 20 s.
pub(crate) const RUN_LIMIT: Duration = Duration::from_secs(180);

/// Where the programs are.
pub(crate) struct Programs {
    /// This binary: all Rust sides, and the clients.
    pub(crate) itself: PathBuf,
    /// The Go side, if there is a Go.
    pub(crate) go: Option<Go>,
    /// Where further programs may be built.
    pub(crate) out: PathBuf,
}

impl Programs {
    /// One run; a row whose sides are servers is driven from here, any other is a process of its own.
    pub(crate) fn run(&self, row: &Row, side: Side, size: u64) -> Result<Sample, String> {
        let result = match row.served {
            Some(served) => (served.run)(self, side, size),
            None => self.child(row, side, size),
        };
        result.map_err(|e| format!("{} {}: {e}", row.name, side.name()))
    }

    fn child(&self, row: &Row, side: Side, size: u64) -> Result<Sample, String> {
        let size = size.to_string();
        let mut command = match &self.go {
            Some(go) if side.is_go() => {
                let mut command = go.command(if side == Side::GoOneP { 1 } else { 2 });
                command.args([row.name, &size]);
                command
            }
            _ => {
                let mut command = self.itself();
                command.args(["--side", side.name(), "--row", row.name, "--size", &size]);
                command
            }
        };
        Sample::parse(&proc::run(&mut command, RUN_LIMIT)?)
    }

    /// This binary, to be run again.
    pub(crate) fn itself(&self) -> Command {
        let mut command = Command::new(&self.itself);
        // A failure shall be read in a table, not studied: whoever wants to runs the child by hand.
        command.env("RUST_BACKTRACE", "0");
        command
    }
}
