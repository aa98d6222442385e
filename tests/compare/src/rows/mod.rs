//! The table: what is measured, how much of it, and what must be reached. A new row is one entry here, one function in
//! each side's folder, and one line in the Go program's table.
//!
//! Sizes are chosen so that one run takes 0.2 to 2 s on a 2-core machine. A side that is much faster or slower than the
//! others has a size of its own; figures are per unit of work, so that ratios do not depend on it.

use std::fmt::Write;

use crate::sample::Sample;
use crate::sides::{ours, threads, tokio};

/// A program for one row: does so many units of work and says what it measured.
pub(crate) type Work = fn(u64) -> Sample;

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
}

impl Side {
    /// All of them, in the order of the columns.
    pub(crate) const ALL: [Self; 5] = [
        Self::Ours,
        Self::Go,
        Self::GoOneP,
        Self::Tokio,
        Self::Threads,
    ];

    /// The name in files and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Go => "go",
            Self::GoOneP => "go_1p",
            Self::Tokio => "tokio",
            Self::Threads => "threads",
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
    /// Speed-ups.
    Higher,
}

/// What a figure of ours is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Against {
    /// The same figure of another side: the median of the rounds' ratios counts.
    Ratio(Side),
    /// Nothing: the median of our own figure counts.
    Figure,
}

/// Something to reach.
#[derive(Debug)]
pub(crate) struct Target {
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
    pub(crate) ours: Work,
    /// The program on tokio.
    pub(crate) tokio: Work,
    /// The program on threads, where that says something.
    pub(crate) threads: Option<Work>,
    /// How the Go program is run.
    pub(crate) go: &'static [Side],
    /// What must be reached; nothing if the row is only for information.
    pub(crate) targets: &'static [Target],
}

impl Row {
    /// The program of a side that is part of this binary.
    pub(crate) fn work(&self, side: Side) -> Option<Work> {
        match side {
            Side::Ours => Some(self.ours),
            Side::Tokio => Some(self.tokio),
            Side::Threads => self.threads,
            Side::Go | Side::GoOneP => None,
        }
    }

    /// The sides that have this row.
    pub(crate) fn sides(&self) -> impl Iterator<Item = Side> {
        Side::ALL
            .into_iter()
            .filter(|side| self.go.contains(side) || self.work(*side).is_some())
    }

    /// Units of work of one run of a side.
    pub(crate) fn size(&self, side: Side) -> u64 {
        self.sizes
            .iter()
            .find(|(of, _)| *of == side)
            .map_or(self.size, |(_, size)| *size)
    }
}

/// The row called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Row, String> {
    let found = ROWS.iter().find(|row| row.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        format!("no row is called {name}; there are {}", known.join(", "))
    })
}

/// A ratio of our figure to Go's.
const fn of_go(must: f64, aim: Option<f64>) -> Target {
    Target {
        metric: "value",
        against: Against::Ratio(Side::Go),
        better: Better::Lower,
        must,
        aim,
    }
}

/// A figure of ours that must not be more.
const fn at_most(metric: &'static str, must: f64) -> Target {
    Target {
        metric,
        against: Against::Figure,
        better: Better::Lower,
        must,
        aim: None,
    }
}

/// A figure of ours that must not be less.
const fn at_least(metric: &'static str, must: f64) -> Target {
    Target {
        metric,
        against: Against::Figure,
        better: Better::Higher,
        must,
        aim: None,
    }
}

/// What most rows have in common.
const ROW: Row = Row {
    name: "",
    about: "",
    unit: "",
    size: 0,
    sizes: &[],
    smoke: 0,
    ours: |_| Sample::default(),
    tokio: |_| Sample::default(),
    threads: None,
    go: &[Side::Go],
    targets: &[],
};

/// All rows.
pub(crate) static ROWS: &[Row] = &[
    Row {
        name: "spawn_join",
        about: "spawn 1 M, then wait for each",
        unit: "ns/routine",
        size: 1_000_000,
        smoke: 20_000,
        ours: ours::spawn::joined,
        tokio: tokio::spawn::joined,
        targets: &[of_go(0.45, Some(0.25))],
        ..ROW
    },
    Row {
        name: "spawn_detached",
        about: "spawn 1 M without handles, wait until all have ended",
        unit: "ns/routine",
        size: 1_000_000,
        smoke: 20_000,
        ours: ours::spawn::detached,
        tokio: tokio::spawn::detached,
        ..ROW
    },
    Row {
        name: "yield",
        about: "two routines at one home yield to each other",
        unit: "ns/yield",
        size: 4_000_000,
        sizes: &[(Side::Ours, 40_000_000), (Side::GoOneP, 10_000_000)],
        smoke: 100_000,
        ours: ours::spawn::yielding,
        tokio: tokio::spawn::yielding,
        go: &[Side::Go, Side::GoOneP],
        targets: &[of_go(0.15, None)],
        ..ROW
    },
    Row {
        name: "ping_pong_near",
        about: "round trip over two unbuffered channels, both routines at one home",
        unit: "ns/round trip",
        size: 3_000_000,
        sizes: &[(Side::Ours, 6_000_000)],
        smoke: 50_000,
        ours: ours::channels::ping_pong_near,
        tokio: tokio::channels::ping_pong,
        targets: &[of_go(0.4, Some(0.3))],
        ..ROW
    },
    Row {
        name: "ping_pong_across",
        about: "the same, the routines at different homes",
        unit: "ns/round trip",
        size: 3_000_000,
        sizes: &[(Side::Ours, 600_000)],
        smoke: 10_000,
        ours: ours::channels::ping_pong_across,
        tokio: tokio::channels::ping_pong,
        targets: &[of_go(2.5, Some(1.5))],
        ..ROW
    },
    Row {
        name: "ring_near",
        about: "a token round a ring of 503 routines at one home",
        unit: "ns/hop",
        size: 5_000_000,
        smoke: 50_000,
        ours: ours::channels::ring_near,
        tokio: tokio::channels::ring,
        targets: &[of_go(0.7, Some(0.4))],
        ..ROW
    },
    Row {
        name: "ring_spread",
        about: "the same, each routine placed with Spread",
        unit: "ns/hop",
        size: 5_000_000,
        sizes: &[(Side::Ours, 1_500_000)],
        smoke: 20_000,
        ours: ours::channels::ring_spread,
        tokio: tokio::channels::ring,
        targets: &[of_go(2.0, None)],
        ..ROW
    },
    Row {
        name: "skynet",
        about: "a tree of routines, ten children each, 1 M leaves, sums passed up through channels",
        unit: "ms",
        size: 1_000_000,
        smoke: 10_000,
        ours: ours::skynet::run,
        tokio: tokio::skynet::run,
        targets: &[of_go(0.3, Some(0.1)), at_most("stacks_high_water", 4_999.0)],
        ..ROW
    },
    Row {
        name: "steal",
        about: "one worker has 10,000 routines ready and computes on; the other takes and runs them",
        unit: "ns/stolen",
        size: 1_000_000,
        smoke: 20_000,
        ours: ours::steal::run,
        tokio: tokio::steal::run,
        targets: &[at_most("value", 200.0)],
        ..ROW
    },
    Row {
        name: "parked_1m",
        about: "until 1 M routines are parked on a channel (threads: 10,000), and what they take in RAM",
        unit: "ns/routine",
        size: 1_000_000,
        sizes: &[(Side::Threads, 10_000)],
        smoke: 10_000,
        ours: ours::parked::parked,
        tokio: tokio::parked::parked,
        threads: Some(threads::parked),
        targets: &[
            of_go(0.6, Some(0.4)),
            at_most("rss_bytes", 4_300.0),
            at_most("total_bytes", 4_850.0),
        ],
        ..ROW
    },
    Row {
        name: "sleepers_1m",
        about: "1 M routines sleep for 1 s each, in all",
        unit: "ms",
        size: 1_000_000,
        smoke: 10_000,
        ours: ours::parked::sleepers,
        tokio: tokio::parked::sleepers,
        targets: &[of_go(0.7, Some(0.5))],
        ..ROW
    },
    Row {
        name: "fanout",
        about: "rounds of 1000 pieces of pure computation, 20 to 50 us each",
        unit: "ns/piece",
        size: 40_000,
        smoke: 2_000,
        ours: ours::cpu::fanout,
        tokio: tokio::cpu::fanout,
        threads: Some(threads::fanout),
        targets: &[Target {
            metric: "value",
            against: Against::Ratio(Side::Tokio),
            better: Better::Lower,
            must: 1.0,
            aim: None,
        }],
        ..ROW
    },
    Row {
        name: "cpu_pair",
        about: "speed of two routines that compute, against one; also after both have parked once",
        unit: "x",
        size: 7,
        smoke: 1,
        ours: ours::cpu::pair,
        tokio: tokio::cpu::pair,
        threads: Some(threads::pair),
        targets: &[at_least("value", 1.9), at_least("after_park_spread", 1.9)],
        ..ROW
    },
    Row {
        name: "spawn_latency",
        about: "from spawn to the routine's first instruction; the spawner waits for it",
        unit: "ns (p50)",
        size: 500_000,
        smoke: 10_000,
        ours: ours::latency::spawn,
        tokio: tokio::latency::spawn,
        ..ROW
    },
    Row {
        name: "wake_latency",
        about: "from a send to the parked receiver running, at another home whose worker had 30 us to fall idle",
        unit: "ns (p50)",
        size: 10_000,
        smoke: 500,
        ours: ours::latency::wake,
        tokio: tokio::latency::wake,
        ..ROW
    },
];

/// What `--list` prints.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for row in ROWS {
        let sides: Vec<_> = row.sides().map(Side::name).collect();
        let _ = writeln!(
            text,
            "{:<17} {} [{}; {}]",
            row.name,
            row.about,
            row.unit,
            sides.join(", ")
        );
        for target in row.targets {
            let _ = writeln!(text, "{:<17}   {}", "", target.describe());
        }
    }
    text
}

impl Target {
    /// The target in words.
    pub(crate) fn describe(&self) -> String {
        let what = match self.against {
            Against::Ratio(side) => format!("{} / {}", self.metric, side.name()),
            Against::Figure => self.metric.to_owned(),
        };
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
        for (i, row) in ROWS.iter().enumerate() {
            assert!(
                ROWS[i + 1..].iter().all(|other| other.name != row.name),
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
        for target in ROWS.iter().flat_map(|row| row.targets) {
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
    fn the_go_program_knows_every_row() {
        let source = include_str!("../go/main.go");
        for row in ROWS.iter().filter(|row| !row.go.is_empty()) {
            assert!(
                source.contains(&format!("\"{}\":", row.name)),
                "{}",
                row.name
            );
        }
    }
}
