//! The rows of streams through channels and of `select!`; `table` says how sizes are chosen. Hand-overs to and fro
//! (ping-pong, ring) are rows of the scheduler as much, and stand there.

use super::table::{ROW, no_slower, of_go};
use super::{Row, Side, Target};
use crate::sides::{ours, thread_channels, tokio};

/// Not slower than another side.
/// What the two rows of 4 to 4 have in common.
const FOURS: Row = Row {
    unit: "ns/message",
    size: 4_000_000,
    smoke: 40_000,
    crossbeam: Some(thread_channels::crossbeam),
    flume: Some(thread_channels::flume),
    ..ROW
};

/// A select that finds nothing.
const SELECT_DEFAULT: &[Target] = &[
    of_go(0.7, None),
    Target {
        metric: "one_arm_ns",
        ..of_go(0.7, None)
    },
];

/// See above.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "chan_pair",
        about: "send and receive in one routine, which never waits",
        unit: "ns/pair",
        size: 20_000_000,
        sizes: &[(Side::Ours, 40_000_000)],
        smoke: 100_000,
        ours: Some(ours::streams::pair),
        tokio: Some(tokio::streams::pair),
        targets: &[of_go(0.42, Some(0.32))],
        ..ROW
    },
    Row {
        name: "chan_unbuffered",
        about: "from one routine to another at the same home, without a buffer",
        unit: "ns/message",
        size: 5_000_000,
        sizes: &[(Side::Ours, 10_000_000)],
        smoke: 50_000,
        ours: Some(ours::streams::unbuffered_near),
        tokio: Some(tokio::streams::unbuffered),
        targets: &[of_go(0.4, Some(0.28))],
        ..ROW
    },
    Row {
        name: "chan_unbuffered_across",
        about: "the same, the routines at different homes",
        unit: "ns/message",
        size: 5_000_000,
        sizes: &[(Side::Ours, 1_000_000)],
        smoke: 10_000,
        ours: Some(ours::streams::unbuffered_across),
        tokio: Some(tokio::streams::unbuffered),
        ..ROW
    },
    Row {
        name: "chan_buffered",
        about: "from one routine to another at the same home, buffer 100",
        unit: "ns/message",
        size: 10_000_000,
        sizes: &[(Side::Ours, 40_000_000)],
        smoke: 50_000,
        ours: Some(ours::streams::buffered_near),
        tokio: Some(tokio::streams::buffered),
        targets: &[of_go(0.35, Some(0.25))],
        ..ROW
    },
    Row {
        name: "chan_buffered_across",
        about: "the same, the routines at different homes",
        unit: "ns/message",
        size: 10_000_000,
        smoke: 50_000,
        ours: Some(ours::streams::buffered_across),
        tokio: Some(tokio::streams::buffered),
        ..ROW
    },
    Row {
        name: "chan_4x4_near",
        about: "four producers and four consumers at one home, buffer 100",
        ours: Some(ours::streams::fours_near),
        sizes: &[(Side::Ours, 20_000_000)],
        targets: &[
            of_go(0.6, Some(0.4)),
            no_slower(Side::Crossbeam),
            no_slower(Side::Flume),
        ],
        ..FOURS
    },
    Row {
        name: "chan_4x4_across",
        about: "the same, the consumers at another home than the producers",
        ours: Some(ours::streams::fours_across),
        targets: &[
            of_go(1.5, Some(1.0)),
            no_slower(Side::Crossbeam),
            no_slower(Side::Flume),
        ],
        ..FOURS
    },
    Row {
        name: "select_3",
        about: "a select receives from three routines at its home, each on a channel without a buffer",
        unit: "ns/message",
        size: 3_000_000,
        smoke: 30_000,
        ours: Some(ours::select::three),
        tokio: Some(tokio::select::three),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "select_default",
        about: "a select of three receives and a default finds nothing; beside it, one of one receive",
        unit: "ns/select",
        size: 10_000_000,
        smoke: 100_000,
        ours: Some(ours::select::default),
        tokio: Some(tokio::select::default),
        targets: SELECT_DEFAULT,
        ..ROW
    },
    Row {
        name: "sieve",
        about: "the first 2000 primes, a routine and a channel without a buffer for each",
        unit: "ms",
        size: 2_000,
        smoke: 100,
        ours: Some(ours::streams::sieve),
        tokio: Some(tokio::streams::sieve),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "close_wakes",
        about: "from the close of a channel until the last of 100,000 who wait for it has gone on",
        unit: "ns/receiver",
        size: 500_000,
        smoke: 10_000,
        ours: Some(ours::streams::close_wakes),
        tokio: Some(tokio::streams::close_wakes),
        targets: &[of_go(0.7, None)],
        ..ROW
    },
];
