//! The table: what is measured, how much of it, and what must be reached. A new row is one entry here, one function in
//! each side's folder, and one line in the Go program's table.
//!
//! Sizes are chosen so that one run takes 0.2 to 2 s on a 2-core machine. A side that is much faster or slower than the
//! others has a size of its own; figures are per unit of work, so that ratios do not depend on it.

use super::{Against, Better, Row, Side, Target};
use crate::connections::MUST;
use crate::served;
use crate::sides::{ours, threads, tokio};

/// A ratio of our figure to Go's.
pub(super) const fn of_go(must: f64, aim: Option<f64>) -> Target {
    Target {
        of: Side::Ours,
        metric: "value",
        against: Against::Ratio(Side::Go),
        better: Better::Lower,
        must,
        aim,
    }
}

/// A ratio of our rate to another side's.
const fn times(side: Side, must: f64, aim: Option<f64>) -> Target {
    Target {
        of: Side::Ours,
        metric: "value",
        against: Against::Ratio(side),
        better: Better::Higher,
        must,
        aim,
    }
}

/// Ours may take at most as long as that side's.
pub(super) const fn no_slower(side: Side) -> Target {
    Target {
        of: Side::Ours,
        metric: "value",
        against: Against::Ratio(side),
        better: Better::Lower,
        must: 1.0,
        aim: None,
    }
}

/// A figure of ours that must not be more.
pub(super) const fn at_most(metric: &'static str, must: f64) -> Target {
    Target {
        of: Side::Ours,
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
        of: Side::Ours,
        metric,
        against: Against::Figure,
        better: Better::Higher,
        must,
        aim: None,
    }
}

/// What most rows have in common.
pub(super) const ROW: Row = Row {
    name: "",
    about: "",
    unit: "",
    size: 0,
    sizes: &[],
    smoke: 0,
    ours: None,
    tokio: None,
    threads: None,
    crossbeam: None,
    flume: None,
    go: &[Side::Go],
    served: None,
    targets: &[],
};

/// Echo must be that much faster than Go, and no slower than tokio.
const ECHO: &[Target] = &[
    times(Side::Go, 1.3, Some(1.5)),
    times(Side::Tokio, 1.0, Some(1.2)),
];

/// Go's service has to be credible, or being faster would mean nothing.
const CREDIBLE: Target = Target {
    of: Side::Go,
    ..times(Side::Redis, 0.7, None)
};

/// All rows but those of `channels` and `timers`.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "spawn_join",
        about: "spawn 1 M, then wait for each",
        unit: "ns/routine",
        size: 1_000_000,
        smoke: 20_000,
        ours: Some(ours::spawn::joined),
        tokio: Some(tokio::spawn::joined),
        targets: &[of_go(0.45, Some(0.25))],
        ..ROW
    },
    Row {
        name: "spawn_detached",
        about: "spawn 1 M without handles, wait until all have ended",
        unit: "ns/routine",
        size: 1_000_000,
        smoke: 20_000,
        ours: Some(ours::spawn::detached),
        tokio: Some(tokio::spawn::detached),
        ..ROW
    },
    Row {
        name: "yield",
        about: "two routines at one home yield to each other",
        unit: "ns/yield",
        size: 4_000_000,
        sizes: &[(Side::Ours, 40_000_000), (Side::GoOneP, 10_000_000)],
        smoke: 100_000,
        ours: Some(ours::spawn::yielding),
        tokio: Some(tokio::spawn::yielding),
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
        ours: Some(ours::channels::ping_pong_near),
        tokio: Some(tokio::channels::ping_pong),
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
        ours: Some(ours::channels::ping_pong_across),
        tokio: Some(tokio::channels::ping_pong),
        targets: &[of_go(2.5, Some(1.5))],
        ..ROW
    },
    Row {
        name: "ring_near",
        about: "a token round a ring of 503 routines at one home",
        unit: "ns/hop",
        size: 5_000_000,
        smoke: 50_000,
        ours: Some(ours::channels::ring_near),
        tokio: Some(tokio::channels::ring),
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
        ours: Some(ours::channels::ring_spread),
        tokio: Some(tokio::channels::ring),
        targets: &[of_go(2.0, None)],
        ..ROW
    },
    Row {
        name: "skynet",
        about: "a tree of routines, ten children each, 1 M leaves, sums passed up through channels",
        unit: "ms",
        size: 1_000_000,
        smoke: 10_000,
        ours: Some(ours::skynet::run),
        tokio: Some(tokio::skynet::run),
        targets: &[of_go(0.3, Some(0.1)), at_most("stacks_high_water", 4_999.0)],
        ..ROW
    },
    Row {
        name: "steal",
        about: "one worker has 10,000 routines ready and computes on; the other takes and runs them",
        unit: "ns/stolen",
        size: 1_000_000,
        smoke: 20_000,
        ours: Some(ours::steal::run),
        tokio: Some(tokio::steal::run),
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
        ours: Some(ours::parked::parked),
        tokio: Some(tokio::parked::parked),
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
        ours: Some(ours::parked::sleepers),
        tokio: Some(tokio::parked::sleepers),
        targets: &[of_go(0.7, Some(0.5))],
        ..ROW
    },
    Row {
        name: "fanout",
        about: "rounds of 1000 pieces of pure computation, 20 to 50 us each",
        unit: "ns/piece",
        size: 40_000,
        smoke: 2_000,
        ours: Some(ours::cpu::fanout),
        tokio: Some(tokio::cpu::fanout),
        threads: Some(threads::fanout),
        targets: &[Target {
            of: Side::Ours,
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
        ours: Some(ours::cpu::pair),
        tokio: Some(tokio::cpu::pair),
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
        ours: Some(ours::latency::spawn),
        tokio: Some(tokio::latency::spawn),
        ..ROW
    },
    Row {
        name: "wake_latency",
        about: "from a send to the parked receiver running, at another home whose worker had 30 us to fall idle",
        unit: "ns (p50)",
        size: 10_000,
        smoke: 500,
        ours: Some(ours::latency::wake),
        tokio: Some(tokio::latency::wake),
        ..ROW
    },
    Row {
        name: "echo_1",
        about: "TCP round trips of 64 bytes on one connection, both ends in one process",
        unit: "round trips/s",
        size: 100_000,
        smoke: 500,
        ours: Some(ours::echo::one),
        tokio: Some(tokio::echo::one),
        ..ROW
    },
    Row {
        name: "echo_100",
        about: "the same on 100 connections at once",
        unit: "round trips/s",
        size: 150_000,
        smoke: 2_000,
        ours: Some(ours::echo::hundred),
        tokio: Some(tokio::echo::hundred),
        targets: ECHO,
        ..ROW
    },
    Row {
        name: "echo_1000",
        about: "the same on 1000 connections at once",
        unit: "round trips/s",
        size: 150_000,
        smoke: 2_000,
        ours: Some(ours::echo::thousand),
        tokio: Some(tokio::echo::thousand),
        targets: ECHO,
        ..ROW
    },
    Row {
        name: "echo_1_apart",
        about: "the same server on one connection, a client process that is the same for all sides",
        unit: "round trips/s",
        size: 100_000,
        smoke: 500,
        served: Some(served::ECHO[0]),
        ..ROW
    },
    Row {
        name: "echo_100_apart",
        about: "the same on 100 connections",
        unit: "round trips/s",
        size: 150_000,
        smoke: 2_000,
        served: Some(served::ECHO[1]),
        targets: ECHO,
        ..ROW
    },
    Row {
        name: "echo_1000_apart",
        about: "the same on 1000 connections",
        unit: "round trips/s",
        size: 150_000,
        smoke: 2_000,
        served: Some(served::ECHO[2]),
        targets: ECHO,
        ..ROW
    },
    Row {
        name: "kv_p1",
        about: "examples/kv, its Go original and Redis under redis-benchmark -c 50 -P 1: GET",
        unit: "requests/s",
        size: 200_000,
        smoke: 2_000,
        served: Some(served::KV[0]),
        targets: &[
            times(Side::Go, 1.2, Some(1.4)),
            times(Side::Redis, 0.9, Some(1.0)),
            CREDIBLE,
        ],
        ..ROW
    },
    Row {
        name: "kv_p16",
        about: "the same, 16 commands at a time: -P 16",
        unit: "requests/s",
        size: 1_500_000,
        smoke: 20_000,
        served: Some(served::KV[1]),
        targets: &[times(Side::Go, 1.2, Some(1.4)), CREDIBLE],
        ..ROW
    },
    Row {
        name: "idle_10k",
        about: "10,000 connections that wait: what each takes in the server's RAM, and its CPU time in 5 s",
        unit: "RSS bytes/conn",
        size: 10_000,
        smoke: 100,
        served: Some(served::IDLE),
        targets: &[at_most("value", 5_120.0), at_most("idle_cpu_ms", 5.0)],
        ..ROW
    },
    Row {
        name: "conn_spread",
        about: "1000 connections that stay, in eight ways to come: the largest worker's share to the fair one",
        unit: "fair shares",
        size: 1_000,
        smoke: 100,
        ours: Some(ours::spread::run),
        go: &[],
        targets: &[at_most("value", MUST)],
        ..ROW
    },
];
