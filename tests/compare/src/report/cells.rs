//! The tables' cells, the same for the terminal and for Markdown.

use super::Report;
use crate::rows::{Against, Better, Side, Target};

/// A figure with as many digits as it deserves.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A figure, or a dash for one that is not there.
fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), figure)
}

/// A ratio; two digits that count, for a ratio of 0.034 is not 0.03.
pub(super) fn ratio(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".into(),
        |value| {
            if value < 0.1 {
                format!("{value:.3}x")
            } else {
                format!("{value:.2}x")
            }
        },
    )
}

/// The columns that some row of the report has.
fn columns(report: &Report) -> Vec<Side> {
    let has = |side: &Side| {
        report
            .outcomes
            .iter()
            .any(|outcome| outcome.side(*side).is_some())
    };
    Side::ALL.into_iter().filter(has).collect()
}

/// The heading of a side's column.
fn heading(side: Side) -> &'static str {
    match side {
        Side::Ours => "ours",
        Side::Go => "Go",
        Side::GoOneP => "Go, 1 P",
        Side::Tokio => "tokio",
        Side::Threads => "threads",
        Side::Crossbeam => "crossbeam",
        Side::Flume => "flume",
        Side::Redis => "Redis",
    }
}

/// The rows of the main table, the first being its headings: the same for the terminal and for Markdown.
pub(super) fn main(report: &Report) -> Vec<Vec<String>> {
    let columns = columns(report);
    let mut headings = vec!["row".to_owned(), "unit".to_owned()];
    headings.extend(columns.iter().map(|side| heading(*side).to_owned()));
    headings.extend(["ours/Go", "ours/tokio", "must", "aim", "verdict"].map(String::from));
    let mut cells = vec![headings];
    for outcome in &report.outcomes {
        let mut line = vec![outcome.row.name.to_owned(), outcome.row.unit.to_owned()];
        line.extend(
            columns
                .iter()
                .map(|side| or_dash(outcome.side(*side).and_then(|runs| runs.median("value")))),
        );
        line.push(ratio(outcome.ratio("value", Side::Go)));
        line.push(ratio(outcome.ratio("value", Side::Tokio)));
        let targets = outcome.row.targets;
        line.push(joined(
            targets
                .iter()
                .map(|target| short(target, Some(target.must))),
        ));
        line.push(joined(
            targets.iter().map(|target| short(target, target.aim)),
        ));
        line.push(outcome.verdict().word().to_owned());
        cells.push(line);
    }
    cells
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        "-".into()
    } else {
        parts.join(", ")
    }
}

/// A bound in few characters: `0.45x` of Go, `1x tokio`, `4300 rss_bytes`.
fn short(target: &Target, bound: Option<f64>) -> String {
    let Some(bound) = bound else {
        return String::new();
    };
    let sign = if target.better == Better::Higher {
        ">="
    } else {
        ""
    };
    match (target.against, target.metric) {
        (Against::Ratio(side), _) if target.of != Side::Ours => {
            format!("{} {sign}{bound}x {}", target.of.name(), side.name())
        }
        (Against::Ratio(Side::Go), "value") => format!("{sign}{bound}x"),
        (Against::Ratio(side), "value") => format!("{sign}{bound}x {}", side.name()),
        (Against::Ratio(side), metric) => format!("{sign}{bound}x {} {metric}", side.name()),
        (Against::Figure, "value") => format!("{sign}{bound}"),
        (Against::Figure, metric) => format!("{sign}{bound} {metric}"),
    }
}

/// The ratios to reach that the main table has no column for; the first line being the headings.
pub(super) fn further_ratios(report: &Report) -> Vec<Vec<String>> {
    let headings = ["row", "further ratio", "measured", "verdict"];
    let mut cells = vec![headings.map(String::from).to_vec()];
    for outcome in &report.outcomes {
        for judged in outcome.judge() {
            let target = judged.target;
            let has_column = matches!(target.against, Against::Ratio(Side::Go | Side::Tokio))
                && (target.of, target.metric) == (Side::Ours, "value");
            if has_column || target.against == Against::Figure {
                continue;
            }
            cells.push(vec![
                outcome.row.name.to_owned(),
                target.describe(),
                ratio(judged.figure),
                judged.verdict.word().to_owned(),
            ]);
        }
    }
    cells
}

/// Latencies, a line for each side of each row that has them; the first line being the headings.
pub(super) fn latency(report: &Report) -> Vec<Vec<String>> {
    let mut cells = vec![
        ["latency (ns)", "side", "p50", "p99", "p99.9"]
            .map(String::from)
            .to_vec(),
    ];
    for outcome in &report.outcomes {
        for runs in outcome
            .runs
            .iter()
            .filter(|runs| runs.median("p999").is_some())
        {
            let mut line = vec![outcome.row.name.to_owned(), heading(runs.side).to_owned()];
            line.extend(["p50", "p99", "p999"].map(|p| or_dash(runs.median(p))));
            cells.push(line);
        }
    }
    cells
}

/// The further figures of all sides, a line for each figure; the first line being the headings.
pub(super) fn further(report: &Report) -> Vec<Vec<String>> {
    let columns = columns(report);
    let mut headings = vec!["row".to_owned(), "further figure".to_owned()];
    headings.extend(columns.iter().map(|side| heading(*side).to_owned()));
    let mut cells = vec![headings];
    for outcome in &report.outcomes {
        let mut names: Vec<String> = outcome
            .runs
            .iter()
            .flat_map(|runs| runs.extras().into_keys())
            .collect();
        names.sort();
        names.dedup();
        for name in names
            .iter()
            .filter(|name| !["p50", "p99", "p999"].contains(&name.as_str()))
        {
            let mut line = vec![outcome.row.name.to_owned(), name.clone()];
            line.extend(
                columns
                    .iter()
                    .map(|side| or_dash(outcome.side(*side).and_then(|runs| runs.median(name)))),
            );
            cells.push(line);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::measured;
    use crate::report::tests::report;

    #[test]
    fn figures_have_the_digits_they_deserve() {
        assert_eq!(
            [1234.5, 12.345, 1.2345].map(figure),
            ["1234", "12.3", "1.23"]
        );
        assert_eq!(
            [Some(0.0345), Some(0.345), None].map(ratio),
            ["0.035x", "0.34x", "-"]
        );
    }

    #[test]
    fn ratios_to_redis_are_shown() {
        let mut report = report();
        assert_eq!(further_ratios(&report).len(), 1, "headings only");
        let sides: &[(Side, &[f64])] = &[
            (Side::Ours, &[95.0]),
            (Side::Go, &[80.0]),
            (Side::Redis, &[100.0]),
        ];
        report.outcomes = vec![measured("kv_p1", sides)];
        let cells = further_ratios(&report);
        assert_eq!(
            cells[1],
            ["kv_p1", "value / redis >= 0.9, aim 1", "0.95x", "must"]
        );
        assert_eq!(
            cells[2],
            ["kv_p1", "go value / redis >= 0.7", "0.80x", "aim"]
        );
    }

    #[test]
    fn the_main_table_has_medians_ratios_and_verdicts() {
        let cells = main(&report());
        assert_eq!(
            cells[0],
            [
                "row",
                "unit",
                "ours",
                "Go",
                "ours/Go",
                "ours/tokio",
                "must",
                "aim",
                "verdict"
            ],
            "columns nobody ran are left out"
        );
        assert_eq!(
            cells[1],
            [
                "spawn_join",
                "ns/routine",
                "12.0",
                "50.0",
                "0.25x",
                "-",
                "0.45x",
                "0.25x",
                "aim"
            ]
        );
        assert_eq!(
            cells[2],
            [
                "steal",
                "ns/stolen",
                "150",
                "-",
                "-",
                "-",
                "200",
                "-",
                "aim"
            ]
        );
    }
}
