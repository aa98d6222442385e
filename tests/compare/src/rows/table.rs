//! The table: what is measured, how much of it, and what must be reached. A new row is one entry here, one function in
//! each side's folder, and one line in the Go program's table.
//!
//! Sizes are chosen so that one run takes 0.2 to 2 s on a 2-core machine. A side that is much faster or slower than the
//! others has a size of its own; figures are per unit of work, so that ratios do not depend on it.

use super::{Against, Better, Row, Side, Target};
use crate::sample::Sample;
use crate::sides::{ours, threads, tokio};

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
