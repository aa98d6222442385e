//! Counts instructions of the fan-out, ours against std threads. Instructions do not depend on the machine's mood: one
//! run each is enough, and a percent can be seen.
//!
//! The whole process is counted, its start and the runtime's included. valgrind runs one thread at a time, so spinning
//! counts here as it would on one CPU; and it cannot follow switches between stacks, which spoils its call graph but not
//! its sum.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::proc;
use crate::rows::Side;

/// Pieces: the 2 x 1000 of the row, which makes some 400 million instructions.
const SIZE: &str = "2000";

/// Ours may need so many times the instructions of std threads.
const MUST: f64 = 1.01;

/// It takes some seconds; a hang under valgrind shall not look like slowness.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs both under callgrind and judges.
pub(crate) fn run(out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|e| e.to_string())?;
    let threads = count(Side::Threads, out)?;
    let ours = count(Side::Ours, out)?;
    let ratio = ours as f64 / threads as f64;
    println!(
        "fanout, {SIZE} pieces: {ours} instructions, std threads {threads}: {ratio:.4} (must: {MUST})"
    );
    let json =
        serde_json::json!({ "ours": ours, "threads": threads, "ratio": ratio, "must": MUST });
    fs::write(out.join("callgrind.json"), format!("{json:#}\n")).map_err(|e| e.to_string())?;
    if ratio <= MUST {
        Ok(())
    } else {
        Err(format!("{ratio:.4} times the instructions of std threads"))
    }
}

fn count(side: Side, out: &Path) -> Result<u64, String> {
    let file = out.join(format!("callgrind.{}.out", side.name()));
    let itself = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(itself)
        .args(["--side", side.name(), "--row", "fanout", "--size", SIZE]);
    proc::run(&mut command, LIMIT)?;
    let profile = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    instructions(&profile).ok_or_else(|| format!("{} has no total", file.display()))
}

/// The total of a callgrind profile; it writes one of two words for it, by version.
fn instructions(profile: &str) -> Option<u64> {
    let totals = profile.lines().filter_map(|line| {
        line.strip_prefix("summary:")
            .or(line.strip_prefix("totals:"))
    });
    totals
        .filter_map(|total| total.split_whitespace().next()?.parse().ok())
        .max()
}

#[cfg(test)]
mod tests {
    use super::instructions;

    #[test]
    fn the_total_is_found() {
        assert_eq!(
            instructions("events: Ir\nsummary: 12345\nfn=(1)\n1 2\ntotals: 12345\n"),
            Some(12345)
        );
        assert_eq!(instructions("events: Ir\n"), None);
    }
}
