//! The rows of work that blocks; `table` says how sizes are chosen.

use super::table::{ROW, no_slower};
use super::{Row, Side};
use crate::sides::{ours, tokio};

/// See above.
pub(super) static ROWS: &[Row] = &[Row {
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
}];
