//! The reports of one comparison: a table and Markdown for people, JSON for programs, a plot for documents.

mod cells;
mod json;
mod markdown;
pub(crate) mod svg;
mod table;

use std::path::Path;
use std::process::Command;

pub(crate) use self::cells::figure;
use crate::load;
use crate::outcome::Outcome;

/// All that was found out.
pub(crate) struct Report {
    /// On what it was measured.
    pub(crate) machine: Machine,
    /// How many rounds.
    pub(crate) rounds: usize,
    /// Whether this was a smoke run.
    pub(crate) smoke: bool,
    /// What the reader has to know beforehand.
    pub(crate) remarks: Vec<String>,
    /// The rows.
    pub(crate) outcomes: Vec<Outcome>,
}

/// What figures depend on.
#[derive(serde::Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cpus: usize,
    kernel: String,
    rustc: String,
    go: Option<String>,
}

impl Machine {
    fn describe(&self) -> String {
        let go = self.go.as_deref().unwrap_or("no Go");
        format!(
            "{}, {} CPUs, {}; {}; {go}",
            self.cpu, self.cpus, self.kernel, self.rustc
        )
    }
}

/// This machine.
pub(crate) fn machine(go: Option<String>) -> Machine {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(':'));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    Machine {
        cpu: model.map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, name)| name.trim().to_owned(),
        ),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: format!("{} {}", std::env::consts::OS, kernel.trim()),
        rustc: rustc.unwrap_or_else(|_| "rustc unknown".into()),
        go,
    }
}

/// Prints the table and writes the files.
pub(crate) fn write(report: &Report, out: &Path) -> Result<(), String> {
    println!("{}", table::render(report));
    // A smoke run must not overwrite a real one.
    let name = if report.smoke { "smoke" } else { "compare" };
    let mut files = vec![
        ("json", json::render(report)?),
        ("md", markdown::render(report)),
    ];
    if !report.smoke {
        files.push(("svg", svg::render(&svg::bars(report))));
    }
    for (extension, text) in files {
        let path = out.join(format!("{name}.{extension}"));
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// What stands below the tables: remarks, notes of runs, problems.
fn remarks(report: &Report) -> Vec<String> {
    let mut lines = report.remarks.clone();
    let disturbed: Vec<String> = report.outcomes.iter().filter_map(disturbed).collect();
    if !disturbed.is_empty() {
        let rows = disturbed.join(", ");
        lines.push(format!(
            "Other processes used the machine's CPUs meanwhile, repeat these rows: {rows}."
        ));
    }
    for outcome in &report.outcomes {
        for runs in &outcome.runs {
            lines.extend(
                runs.notes()
                    .into_iter()
                    .map(|note| format!("{}: {note}", outcome.row.name)),
            );
            lines.extend(
                runs.problems
                    .iter()
                    .map(|problem| format!("FAILED: {problem}")),
            );
        }
    }
    lines
}

/// A row during which somebody else used more of the machine than can be overlooked.
fn disturbed(outcome: &Outcome) -> Option<String> {
    let share = outcome.foreign.filter(|share| *share > load::QUIET)?;
    Some(format!("{} ({:.0}%)", outcome.row.name, share * 100.0))
}

/// Where the figures come from, in a sentence.
fn source(report: &Report) -> String {
    let machine = report.machine.describe();
    if report.smoke {
        return format!(
            "{machine}. A smoke run: the figures show that the harness works and nothing else."
        );
    }
    format!(
        "{machine}. Medians of {} alternating rounds, 2 workers against GOMAXPROCS=2; ratios are medians of the rounds' ratios.",
        report.rounds
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::measured;
    use crate::rows::Side;

    pub(super) fn report() -> Report {
        let ours: &[f64] = &[10.0, 20.0, 12.0];
        let go: &[f64] = &[40.0, 80.0, 50.0];
        Report {
            machine: Machine {
                cpu: "A & B <C>".into(),
                cpus: 2,
                kernel: "linux".into(),
                rustc: "rustc 1".into(),
                go: Some("go 1".into()),
            },
            rounds: 3,
            smoke: false,
            remarks: vec!["a remark".into()],
            outcomes: vec![
                measured("spawn_join", &[(Side::Ours, ours), (Side::Go, go)]),
                measured("steal", &[(Side::Ours, &[150.0])]),
            ],
        }
    }

    #[test]
    fn who_measured_on_a_busy_machine_is_told() {
        let mut report = report();
        assert_eq!(remarks(&report), ["a remark"]);
        report.outcomes[1].foreign = Some(0.25);
        assert!(remarks(&report)[1].contains("steal (25%)"));
    }
}
