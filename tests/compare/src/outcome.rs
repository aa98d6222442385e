//! What the rounds of a row come to: medians, ratios, and whether its targets are reached.

use std::collections::BTreeMap;

use crate::rows::{Against, Better, Row, Side, Target};
use crate::sample::Sample;
use crate::stats;

/// All runs of one side of one row; a run that failed is `None` and its reason stands in `problems`.
pub(crate) struct Runs {
    /// Whose.
    pub(crate) side: Side,
    /// One for each round.
    pub(crate) rounds: Vec<Option<Sample>>,
    /// Why runs failed.
    pub(crate) problems: Vec<String>,
}

impl Runs {
    /// No run yet.
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            rounds: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds one round.
    pub(crate) fn add(&mut self, result: Result<Sample, String>) {
        match result {
            Ok(sample) => self.rounds.push(Some(sample)),
            Err(problem) => {
                self.rounds.push(None);
                self.problems.push(problem);
            }
        }
    }

    /// Leaves one round out.
    pub(crate) fn skip(&mut self) {
        self.rounds.push(None);
    }

    /// One figure of each round.
    pub(crate) fn figures(&self, metric: &str) -> Vec<Option<f64>> {
        self.rounds
            .iter()
            .map(|round| round.as_ref().and_then(|sample| sample.figure(metric)))
            .collect()
    }

    /// The median of a figure over the rounds.
    pub(crate) fn median(&self, metric: &str) -> Option<f64> {
        let known: Vec<f64> = self.figures(metric).into_iter().flatten().collect();
        stats::median(&known)
    }

    /// The medians of all further figures.
    pub(crate) fn extras(&self) -> BTreeMap<String, f64> {
        let names = self
            .rounds
            .iter()
            .flatten()
            .flat_map(|sample| sample.extras.keys());
        names
            .filter_map(|name| Some((name.clone(), self.median(name)?)))
            .collect()
    }

    /// Each remark once.
    pub(crate) fn notes(&self) -> Vec<&str> {
        let mut notes: Vec<&str> = Vec::new();
        for note in self
            .rounds
            .iter()
            .flatten()
            .flat_map(|sample| &sample.notes)
        {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        notes
    }
}

/// How a row or a target stands. In order: the worst of a row's targets is the row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The aim is reached, or there is a must only and that is.
    Aim,
    /// The must is reached, the aim is not.
    Must,
    /// Nothing to reach: for information.
    Measured,
    /// The other side is not there.
    Unknown,
    /// The must is missed.
    Missed,
    /// A run failed.
    Failed,
}

impl Verdict {
    /// The word in the reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Aim => "aim",
            Self::Must => "must",
            Self::Measured => "measured",
            Self::Unknown => "unknown",
            Self::Missed => "MISSED",
            Self::Failed => "FAILED",
        }
    }
}

/// How one target stands.
pub(crate) struct Judged {
    /// The target.
    pub(crate) target: &'static Target,
    /// What was measured: the median ratio, or the median figure.
    pub(crate) figure: Option<f64>,
    /// What that means.
    pub(crate) verdict: Verdict,
}

/// One row's runs on all sides.
pub(crate) struct Outcome {
    /// The row.
    pub(crate) row: &'static Row,
    /// Whether this was a smoke run, whose figures mean nothing.
    pub(crate) smoke: bool,
    /// The share of the machine that other processes used meanwhile, where it is known.
    pub(crate) foreign: Option<f64>,
    /// The sides that ran.
    pub(crate) runs: Vec<Runs>,
}

impl Outcome {
    /// The runs of a side.
    pub(crate) fn side(&self, side: Side) -> Option<&Runs> {
        self.runs.iter().find(|runs| runs.side == side)
    }

    /// The median of the rounds' ratios of our figure to another side's.
    pub(crate) fn ratio(&self, metric: &str, to: Side) -> Option<f64> {
        self.ratio_of(Side::Ours, metric, to)
    }

    /// The median of the rounds' ratios of one side's figure to another side's.
    pub(crate) fn ratio_of(&self, of: Side, metric: &str, to: Side) -> Option<f64> {
        stats::median_ratio(
            &self.side(of)?.figures(metric),
            &self.side(to)?.figures(metric),
        )
    }

    /// All targets.
    pub(crate) fn judge(&self) -> Vec<Judged> {
        self.row
            .targets
            .iter()
            .map(|target| self.judge_one(target))
            .collect()
    }

    fn judge_one(&self, target: &'static Target) -> Judged {
        let figure = match target.against {
            Against::Ratio(side) => self.ratio_of(target.of, target.metric, side),
            Against::Figure => self
                .side(target.of)
                .and_then(|runs| runs.median(target.metric)),
        };
        let reaches = |figure: f64, bound: f64| match target.better {
            Better::Lower => figure <= bound,
            Better::Higher => figure >= bound,
        };
        let verdict = match figure {
            None => Verdict::Unknown,
            Some(_) if self.smoke => Verdict::Measured,
            Some(figure) if !reaches(figure, target.must) => Verdict::Missed,
            Some(figure) if target.aim.is_some_and(|aim| !reaches(figure, aim)) => Verdict::Must,
            Some(_) => Verdict::Aim,
        };
        Judged {
            target,
            figure,
            verdict,
        }
    }

    /// Whether any run of any side failed.
    pub(crate) fn failed(&self) -> bool {
        self.runs.iter().any(|runs| !runs.problems.is_empty())
    }

    /// The row as a whole.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.failed() {
            return Verdict::Failed;
        }
        self.judge()
            .iter()
            .map(|judged| judged.verdict)
            .max()
            .unwrap_or(Verdict::Measured)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rows;

    /// An outcome as if these values had been measured.
    pub(crate) fn measured(row: &str, sides: &[(Side, &[f64])]) -> Outcome {
        let runs = sides.iter().map(|(side, values)| {
            let mut runs = Runs::new(*side);
            values
                .iter()
                .for_each(|value| runs.add(Ok(Sample::of(*value))));
            runs
        });
        Outcome {
            row: rows::find(row).expect("a row"),
            smoke: false,
            foreign: None,
            runs: runs.collect(),
        }
    }

    #[test]
    fn the_ratio_decides() {
        // spawn_join: must 0.45, aim 0.25 of Go.
        let verdict = |ours: f64| {
            measured("spawn_join", &[(Side::Ours, &[ours]), (Side::Go, &[100.0])]).verdict()
        };
        assert_eq!(verdict(20.0), Verdict::Aim);
        assert_eq!(verdict(40.0), Verdict::Must);
        assert_eq!(verdict(46.0), Verdict::Missed);
    }

    #[test]
    fn without_go_nothing_is_claimed() {
        assert_eq!(
            measured("spawn_join", &[(Side::Ours, &[1.0])]).verdict(),
            Verdict::Unknown
        );
    }

    #[test]
    fn more_is_better_for_speed_ups() {
        let mut outcome = measured("cpu_pair", &[(Side::Ours, &[1.95])]);
        assert_eq!(outcome.judge()[0].verdict, Verdict::Aim);
        assert_eq!(
            outcome.verdict(),
            Verdict::Unknown,
            "the figure after a park is not there"
        );
        outcome.runs[0].rounds[0] = Some(Sample::of(1.95).with("after_park_spread", 1.5));
        assert_eq!(
            outcome.verdict(),
            Verdict::Missed,
            "the worst target is the row's"
        );
    }

    #[test]
    fn more_is_better_for_rates() {
        // echo_100: must 1.3 and aim 1.5 of Go, must 1.0 and aim 1.2 of tokio.
        let verdict = |ours: f64| {
            let sides: &[(Side, &[f64])] = &[
                (Side::Ours, &[ours]),
                (Side::Go, &[100.0]),
                (Side::Tokio, &[120.0]),
            ];
            measured("echo_100", sides).verdict()
        };
        assert_eq!(
            [151.0, 140.0, 129.0, 119.0].map(verdict),
            [
                Verdict::Aim,
                Verdict::Must,
                Verdict::Missed,
                Verdict::Missed
            ]
        );
    }

    #[test]
    fn a_target_may_be_the_other_side_s() {
        // kv_p16: Go's server has to be credible, at least 0.7 of Redis.
        let mut outcome = measured("kv_p16", &[(Side::Ours, &[150.0]), (Side::Go, &[100.0])]);
        assert_eq!(outcome.verdict(), Verdict::Unknown, "there is no Redis");
        let mut redis = Runs::new(Side::Redis);
        redis.add(Ok(Sample::of(120.0)));
        outcome.runs.push(redis);
        assert_eq!(outcome.verdict(), Verdict::Aim);
        outcome.runs[2].rounds[0] = Some(Sample::of(200.0));
        assert_eq!(outcome.verdict(), Verdict::Missed);
    }

    #[test]
    fn a_failed_run_fails_the_row() {
        let mut outcome = measured("spawn_join", &[(Side::Ours, &[1.0]), (Side::Go, &[100.0])]);
        outcome.runs[1].add(Err("crash".into()));
        assert_eq!(outcome.verdict(), Verdict::Failed);
        assert_eq!(
            outcome.ratio("value", Side::Go),
            Some(0.01),
            "the good rounds still count"
        );
    }

    #[test]
    fn a_smoke_run_judges_nothing() {
        let mut outcome = measured(
            "spawn_join",
            &[(Side::Ours, &[900.0]), (Side::Go, &[100.0])],
        );
        outcome.smoke = true;
        assert_eq!(outcome.verdict(), Verdict::Measured);
    }

    #[test]
    fn extras_are_medians_too() {
        let mut runs = Runs::new(Side::Ours);
        for p99 in [5.0, 900.0, 6.0] {
            runs.add(Ok(Sample::of(1.0).with("p99", p99).note("a remark")));
        }
        assert_eq!(runs.extras().get("p99"), Some(&6.0));
        assert_eq!(runs.notes(), ["a remark"]);
    }
}
