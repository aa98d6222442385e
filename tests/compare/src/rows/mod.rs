//! What a row is: a name, the programs of all sides, how much work they get, and what must be reached. The rows
//! themselves are data and stand in `table` and, by what they are about, beside it.

mod blocking;
mod channels;
mod local;
mod scopes;
mod sync;
mod table;
mod timers;

use std::fmt::Write;

use crate::programs::Programs;
use crate::sample::Sample;

/// A program for one row: does so many units of work and says what it measured.
pub(crate) type Work = fn(u64) -> Sample;

/// A row whose sides are servers in processes of their own: the harness starts one, has a client measure it, and ends it.
#[derive(Clone, Copy)]
pub(crate) struct Served {
    /// Whose servers.
    pub(crate) sides: &'static [Side],
    /// One run with so many units of work.
    pub(crate) run: fn(&Programs, Side, u64) -> Result<Sample, String>,
    /// Why the row cannot be run here, if it cannot.
    pub(crate) missing: fn(&Programs) -> Option<String>,
}

/// Whose program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// rust-routines with two workers.
    Ours,
    /// Go with GOMAXPROCS=2.
    Go,
    /// Go with GOMAXPROCS=1, where that is a question of its own.
    GoOneP,
    /// tokio's multi-threaded runtime with two workers.
    Tokio,
    /// Threads of the operating system.
    Threads,
    /// crossbeam-channel between threads.
    Crossbeam,
    /// flume between threads.
    Flume,
    /// Redis itself.
    Redis,
}

impl Side {
    /// All of them, in the order of the columns.
    pub(crate) const ALL: [Self; 8] = [
        Self::Ours,
        Self::Go,
        Self::GoOneP,
        Self::Tokio,
        Self::Threads,
        Self::Crossbeam,
        Self::Flume,
        Self::Redis,
    ];

    /// The name in files and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Go => "go",
            Self::GoOneP => "go_1p",
            Self::Tokio => "tokio",
            Self::Threads => "threads",
            Self::Crossbeam => "crossbeam",
            Self::Flume => "flume",
            Self::Redis => "redis",
        }
    }

    /// Whether it is the Go program.
    pub(crate) fn is_go(self) -> bool {
        matches!(self, Self::Go | Self::GoOneP)
    }
}

/// Which way a figure has to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Better {
    /// Times and bytes.
    Lower,
    /// Speed-ups and rates.
    Higher,
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Against {
    /// The same figure of another side: the median of the rounds' ratios counts.
    Ratio(Side),
    /// Nothing: the median of the figure itself counts.
    Figure,
}

/// Something to reach.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whose figure: ours, but for a row that must first show that the other side is any good.
    pub(crate) of: Side,
    /// `value`, or the name of a further figure.
    pub(crate) metric: &'static str,
    /// A ratio or the figure itself.
    pub(crate) against: Against,
    /// Whether less or more is better.
    pub(crate) better: Better,
    /// The least that must be reached.
    pub(crate) must: f64,
    /// What we would like to reach.
    pub(crate) aim: Option<f64>,
}

/// One row of the comparison.
pub(crate) struct Row {
    /// Fixed: scripts and documents refer to it.
    pub(crate) name: &'static str,
    /// What is measured, in a line.
    pub(crate) about: &'static str,
    /// The unit of the figure.
    pub(crate) unit: &'static str,
    /// Units of work of one run.
    pub(crate) size: u64,
    /// Sizes of sides that need their own.
    pub(crate) sizes: &'static [(Side, u64)],
    /// Units of work of a smoke run.
    pub(crate) smoke: u64,
    /// The program on rust-routines.
    pub(crate) ours: Option<Work>,
    /// The program on tokio.
    pub(crate) tokio: Option<Work>,
    /// The program on threads, where that says something.
    pub(crate) threads: Option<Work>,
    /// The program on threads that have crossbeam-channel, where that says something.
    pub(crate) crossbeam: Option<Work>,
    /// The program on threads that have flume, where that says something.
    pub(crate) flume: Option<Work>,
    /// How the Go program is run.
    pub(crate) go: &'static [Side],
    /// The servers, if that is what the sides are; there are no other programs then.
    pub(crate) served: Option<Served>,
    /// What must be reached; nothing if the row is only for information.
    pub(crate) targets: &'static [Target],
}

impl Row {
    /// The program of a side that is part of this binary.
    pub(crate) fn work(&self, side: Side) -> Option<Work> {
        match side {
            Side::Ours => self.ours,
            Side::Tokio => self.tokio,
            Side::Threads => self.threads,
            Side::Crossbeam => self.crossbeam,
            Side::Flume => self.flume,
            Side::Go | Side::GoOneP | Side::Redis => None,
        }
    }

    /// The sides that have this row.
    pub(crate) fn sides(&self) -> impl Iterator<Item = Side> {
        Side::ALL.into_iter().filter(|side| match self.served {
            Some(served) => served.sides.contains(side),
            None => self.go.contains(side) || self.work(*side).is_some(),
        })
    }

    /// Whether its figure is a rate, of which more is better.
    pub(crate) fn is_rate(&self) -> bool {
        self.unit.ends_with("/s")
    }

    /// Units of work of one run of a side.
    pub(crate) fn size(&self, side: Side) -> u64 {
        self.sizes
            .iter()
            .find(|(of, _)| *of == side)
            .map_or(self.size, |(_, size)| *size)
    }
}

/// All rows, in the order of the tables.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    table::ROWS
        .iter()
        .chain(channels::ROWS)
        .chain(sync::ROWS)
        .chain(local::ROWS)
        .chain(timers::ROWS)
        .chain(blocking::ROWS)
        .chain(scopes::ROWS)
}

/// The row called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Row, String> {
    let found = all().find(|row| row.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = all().map(|row| row.name).collect();
        format!("no row is called {name}; there are {}", known.join(", "))
    })
}

/// What `--list` prints.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for row in all() {
        let sides: Vec<_> = row.sides().map(Side::name).collect();
        let _ = writeln!(
            text,
            "{:<22} {} [{}; {}]",
            row.name,
            row.about,
            row.unit,
            sides.join(", ")
        );
        for target in row.targets {
            let _ = writeln!(text, "{:<22}   {}", "", target.describe());
        }
    }
    text
}

impl Target {
    /// The target in words.
    pub(crate) fn describe(&self) -> String {
        let mut what = match self.against {
            Against::Ratio(side) => format!("{} / {}", self.metric, side.name()),
            Against::Figure => self.metric.to_owned(),
        };
        if self.of != Side::Ours {
            what = format!("{} {what}", self.of.name());
        }
        let sign = if self.better == Better::Lower {
            "<="
        } else {
            ">="
        };
        let aim = self
            .aim
            .map(|aim| format!(", aim {aim}"))
            .unwrap_or_default();
        format!("{what} {sign} {}{aim}", self.must)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_row_says_what_it_is() {
        for (i, row) in all().enumerate() {
            assert!(
                all().skip(i + 1).all(|other| other.name != row.name),
                "{} twice",
                row.name
            );
            assert!(!row.name.is_empty() && !row.about.is_empty() && !row.unit.is_empty());
            assert!(
                row.size > 0 && row.smoke > 0 && row.smoke <= row.size,
                "{}: sizes",
                row.name
            );
        }
    }

    #[test]
    fn an_aim_is_never_easier_than_a_must() {
        for target in all().flat_map(|row| row.targets) {
            let Some(aim) = target.aim else { continue };
            match target.better {
                Better::Lower => assert!(aim <= target.must, "{}", target.describe()),
                Better::Higher => assert!(aim >= target.must, "{}", target.describe()),
            }
        }
    }

    #[test]
    fn a_side_may_have_its_own_size() {
        let parked = find("parked_1m").expect("a row");
        assert_eq!(
            (parked.size(Side::Ours), parked.size(Side::Threads)),
            (1_000_000, 10_000)
        );
        assert_eq!(
            parked.sides().collect::<Vec<_>>(),
            [Side::Ours, Side::Go, Side::Tokio, Side::Threads]
        );
    }

    #[test]
    fn more_of_a_rate_is_better_and_less_of_all_else() {
        for row in all() {
            for target in row.targets.iter().filter(|target| target.metric == "value") {
                let higher = row.is_rate() || row.unit == "x";
                assert_eq!(target.better == Better::Higher, higher, "{}", row.name);
            }
        }
    }

    #[test]
    fn the_go_program_knows_every_row() {
        let source = include_str!("../../go/main.go");
        for row in all().filter(|row| row.served.is_none() && !row.go.is_empty()) {
            assert!(
                source.contains(&format!("\"{}\":", row.name)),
                "{}",
                row.name
            );
        }
    }
}
