//! One row on one side, in a process of its own: so that no side inherits another's heap, threads or page tables, and a
//! crash is one failed row.

use std::path::Path;

use crate::golang::{self, NoGo};
use crate::proc;
use crate::programs::Programs;
use crate::rows::{self, Row, Side};
use crate::sample::Sample;

/// Does the work and prints the one line.
pub(crate) fn run(side: Side, row: &str, size: Option<u64>, out: &Path) -> Result<(), String> {
    let row = rows::find(row)?;
    let size = size.unwrap_or_else(|| row.size(side));
    let sample = if row.served.is_some() {
        served(row, side, size, out)?
    } else {
        let work = row
            .work(side)
            .ok_or_else(|| format!("{} has no side {} here", row.name, side.name()))?;
        // A thousand connections are 2,000 files of one process.
        proc::raise_file_limit()?;
        work(size)
            .with("cpu_ms", proc::cpu_time().as_secs_f64() * 1e3)
            .with_known("peak_rss_mib", proc::peak_rss_mib())
    };
    println!(
        "{}",
        serde_json::to_string(&sample).map_err(|e| e.to_string())?
    );
    Ok(())
}

/// A row whose sides are servers, by hand: the harness does this itself.
fn served(row: &Row, side: Side, size: u64, out: &Path) -> Result<Sample, String> {
    if !row.sides().any(|other| other == side) {
        return Err(format!("{} has no side {}", row.name, side.name()));
    }
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let go = if side.is_go() {
        let built = golang::build(out).map_err(|(NoGo::Absent(why) | NoGo::Broken(why))| why)?;
        Some(built)
    } else {
        None
    };
    let programs = Programs {
        itself: std::env::current_exe().map_err(|e| e.to_string())?,
        go,
        out: out.to_owned(),
    };
    match row.served.and_then(|served| (served.missing)(&programs)) {
        Some(why) => Err(why),
        None => programs.run(row, side, size),
    }
}
