//! The report for programs.

use serde_json::{Map, Value, json};

use super::Report;
use crate::outcome::{Outcome, Runs};
use crate::rows::{Against, Better, Side};

/// The whole report.
pub(super) fn render(report: &Report) -> Result<String, String> {
    let rows: Vec<Value> = report.outcomes.iter().map(row).collect();
    let whole = json!({
        "machine": report.machine,
        "rounds": report.rounds,
        "smoke": report.smoke,
        "remarks": super::remarks(report),
        "rows": rows,
    });
    serde_json::to_string_pretty(&whole)
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}

/// One row: a key for each side, the ratios, the first target as `must` and `aim`, and all of them as `targets`.
fn row(outcome: &Outcome) -> Value {
    let mut row = Map::new();
    row.insert("name".into(), json!(outcome.row.name));
    row.insert("about".into(), json!(outcome.row.about));
    row.insert("unit".into(), json!(outcome.row.unit));
    for runs in &outcome.runs {
        row.insert(runs.side.name().into(), side(outcome, runs));
    }
    row.insert("foreign_cpu_share".into(), json!(outcome.foreign));
    row.insert(
        "ratio_go_median".into(),
        json!(outcome.ratio("value", Side::Go)),
    );
    row.insert(
        "ratio_tokio_median".into(),
        json!(outcome.ratio("value", Side::Tokio)),
    );
    let first = outcome.row.targets.first();
    row.insert("must".into(), json!(first.map(|target| target.must)));
    row.insert("aim".into(), json!(first.and_then(|target| target.aim)));
    row.insert(
        "targets".into(),
        outcome.judge().iter().map(target).collect(),
    );
    row.insert("verdict".into(), json!(outcome.verdict().word()));
    Value::Object(row)
}

fn side(outcome: &Outcome, runs: &Runs) -> Value {
    json!({
        "size": if outcome.smoke { outcome.row.smoke } else { outcome.row.size(runs.side) },
        "rounds": runs.figures("value"),
        "median": runs.median("value"),
        "extras": runs.extras(),
        "notes": runs.notes(),
        "problems": runs.problems,
    })
}

fn target(judged: &crate::outcome::Judged) -> Value {
    let target = judged.target;
    let against = match target.against {
        Against::Ratio(side) => Some(side.name()),
        Against::Figure => None,
    };
    json!({
        "of": target.of.name(),
        "metric": target.metric,
        "against": against,
        "better": if target.better == Better::Lower { "lower" } else { "higher" },
        "must": target.must,
        "aim": target.aim,
        "measured": judged.figure,
        "verdict": judged.verdict.word(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn programs_find_what_they_need() {
        let text = render(&report()).expect("plain data");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let row = &whole["rows"][0];
        assert_eq!(row["name"], "spawn_join");
        assert_eq!(row["ours"]["rounds"], json!([10.0, 20.0, 12.0]));
        assert_eq!(row["ours"]["median"], 12.0);
        assert_eq!(row["ratio_go_median"], 0.25);
        assert_eq!(
            (&row["must"], &row["aim"], &row["verdict"]),
            (&json!(0.45), &json!(0.25), &json!("aim"))
        );
        assert_eq!(row["targets"][0]["against"], "go");
        assert_eq!(row["ratio_tokio_median"], Value::Null);
    }
}
