//! The rows of scopes and cancellation; `table` says how sizes are chosen.

use super::Row;
use super::table::{ROW, at_most, of_go};
use crate::sides::ours;

/// See above.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "scope_1000",
        about: "scopes of 1000 routines that borrow from the caller; Go: a WaitGroup",
        unit: "ns/routine",
        size: 2_000_000,
        smoke: 10_000,
        ours: Some(ours::scopes::thousand),
        targets: &[of_go(0.6, None)],
        ..ROW
    },
    Row {
        name: "abort",
        about: "a parked routine is cancelled, and joined, by a home-mate",
        unit: "ns/routine",
        size: 500_000,
        smoke: 2_000,
        ours: Some(ours::scopes::abort),
        go: &[],
        targets: &[at_most("value", 2_000.0)],
        ..ROW
    },
    Row {
        name: "abort_across",
        about: "a parked routine is cancelled, and joined, from another home",
        unit: "ns/routine",
        size: 200_000,
        smoke: 2_000,
        ours: Some(ours::scopes::abort_across),
        go: &[],
        ..ROW
    },
    Row {
        name: "cancel_tree",
        about: "the root of 10,000 tokens is cancelled; Go: of as many contexts",
        unit: "ns/token",
        size: 2_000_000,
        smoke: 20_000,
        ours: Some(ours::scopes::tree),
        targets: &[of_go(0.7, None)],
        ..ROW
    },
];
