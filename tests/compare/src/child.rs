//! One row on one side, in a process of its own: so that no side inherits another's heap, threads or page tables, and a
//! crash is one failed row.

use crate::proc;
use crate::rows::{self, Side};

/// Does the work and prints the one line.
pub(crate) fn run(side: Side, row: &str, size: Option<u64>) -> Result<(), String> {
    let row = rows::find(row)?;
    let work = row
        .work(side)
        .ok_or_else(|| format!("{} has no side {}", row.name, side.name()))?;
    let sample = work(size.unwrap_or_else(|| row.size(side)));
    let sample = sample
        .with("cpu_ms", proc::cpu_time().as_secs_f64() * 1e3)
        .with_known("peak_rss_mib", proc::peak_rss_mib());
    println!(
        "{}",
        serde_json::to_string(&sample).map_err(|e| e.to_string())?
    );
    Ok(())
}
