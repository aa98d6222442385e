//! The rows of work that blocks; `table` says how sizes are chosen.

use super::table::{ROW, at_most, no_slower};
use super::{Row, Side};
use crate::sides::{ours, tokio};

/// How late an echo may be beside a worker that is stuck: 30 ms.
const LATE: f64 = 30e6;

/// See above.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "blocking_call",
        about: "an empty call on the pool's threads, there and back",
        unit: "ns/call",
        size: 100_000,
        smoke: 1_000,
        ours: Some(ours::blocking::call),
        tokio: Some(tokio::blocking::call),
        go: &[],
        targets: &[no_slower(Side::Tokio)],
        ..ROW
    },
    Row {
        name: "stuck_computing",
        about: "TCP echoes between routines that start while another one computes for 500 ms",
        unit: "ns (p99)",
        size: 4,
        smoke: 1,
        ours: Some(ours::stuck::computing),
        tokio: Some(tokio::stuck::computing),
        targets: &[at_most("value", LATE)],
        ..ROW
    },
    Row {
        name: "stuck_in_call",
        about: "the same while another one sits in a system call for 2 s",
        unit: "ns (p99)",
        size: 1,
        smoke: 1,
        ours: Some(ours::stuck::in_a_call),
        tokio: Some(tokio::stuck::in_a_call),
        targets: &[at_most("value", LATE)],
        ..ROW
    },
];
