//! The comparison itself: rounds that alternate between the sides.
//!
//! For each row, for each round, every side runs once, one right after the other, so that the two sides of a ratio are
//! measured within seconds. The order is rotated from round to round, so that none always runs first.

use std::io::IsTerminal;

use crate::cli::Options;
use crate::golang::{self, NoGo};
use crate::load::Load;
use crate::outcome::{Outcome, Runs, Verdict};
use crate::programs::Programs;
use crate::report::{self, Report};
use crate::rows::Row;

/// Runs everything and writes the reports. An error if a run failed; a missed target is a result, not an error.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    let mut remarks = Vec::new();
    let mut broken = Vec::new();
    let go = match golang::build(&options.out) {
        Ok(go) => Some(go),
        Err(NoGo::Absent(why)) => {
            remarks.push(format!("Go was not found, its column is left out ({why})."));
            None
        }
        Err(NoGo::Broken(why)) => {
            broken.push(format!("the Go program does not build: {why}"));
            None
        }
    };
    let itself = std::env::current_exe().map_err(|e| e.to_string())?;
    let programs = Programs {
        itself,
        go,
        out: options.out.clone(),
    };
    let mut outcomes = Vec::new();
    for row in &options.rows {
        match row.served.and_then(|served| (served.missing)(&programs)) {
            Some(why) => remarks.push(format!("{} is left out: {why}.", row.name)),
            None => outcomes.push(compare(row, options, &programs)),
        }
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.failed()) {
        broken.push(format!("row {} failed", outcome.row.name));
    }
    let report = Report {
        machine: report::machine(programs.go.as_ref().map(|go| go.version.clone())),
        rounds: options.rounds,
        smoke: options.smoke,
        remarks,
        outcomes,
    };
    report::write(&report, &options.out)?;
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken.join("\n"))
    }
}

fn compare(row: &'static Row, options: &Options, programs: &Programs) -> Outcome {
    let sides = row
        .sides()
        .filter(|side| programs.go.is_some() || !side.is_go());
    let mut runs: Vec<Runs> = sides.map(Runs::new).collect();
    let before = Load::now();
    let watched = std::io::stderr().is_terminal();
    for round in 0..options.rounds {
        for i in 0..runs.len() {
            let at = (round + i) % runs.len();
            let runs = &mut runs[at];
            // What crashed or hung once will again: the row has failed, the others are waiting.
            if !runs.problems.is_empty() {
                runs.skip();
                continue;
            }
            let size = if options.smoke {
                row.smoke
            } else {
                row.size(runs.side)
            };
            runs.add(programs.run(row, runs.side, size));
        }
        if watched {
            eprint!(
                "\r{}: round {} of {}   ",
                row.name,
                round + 1,
                options.rounds
            );
        }
    }
    let outcome = Outcome {
        row,
        smoke: options.smoke,
        foreign: Load::now()
            .zip(before)
            .map(|(now, before)| now.foreign_since(before)),
        runs,
    };
    eprintln!("{}{}", if watched { "\r" } else { "" }, progress(&outcome));
    outcome
}

/// One line when a row is done: a full run takes minutes, and nobody should wait blindly.
fn progress(outcome: &Outcome) -> String {
    let figures: Vec<String> = outcome
        .runs
        .iter()
        .map(|runs| {
            format!(
                "{} {}",
                runs.side.name(),
                runs.median("value").map_or("failed".into(), report::figure)
            )
        })
        .collect();
    let verdict = outcome.verdict();
    let problems: Vec<&str> = outcome
        .runs
        .iter()
        .flat_map(|runs| &runs.problems)
        .map(String::as_str)
        .collect();
    let mut line = format!(
        "{} ({}): {}: {}",
        outcome.row.name,
        outcome.row.unit,
        figures.join(", "),
        verdict.word()
    );
    if verdict == Verdict::Failed {
        line.push('\n');
        line.push_str(&problems.join("\n"));
    }
    line
}
