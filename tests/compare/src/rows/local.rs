//! The row of values that belong to a routine; `table` says how sizes are chosen.

use super::Row;
use super::table::{ROW, at_most};
use crate::sides::{ours, threads, tokio};

/// See above.
pub(super) static ROWS: &[Row] = &[Row {
    name: "local_access",
    about: "count in a value of one's own, from a function: ours, a thread's, a task's, a context's",
    unit: "ns/access",
    size: 200_000_000,
    smoke: 100_000,
    ours: Some(ours::local::access),
    tokio: Some(tokio::local::access),
    threads: Some(threads::local_access),
    targets: &[at_most("value", 5.0)],
    ..ROW
}];
