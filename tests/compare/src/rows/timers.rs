//! The rows of timers; `table` says how sizes are chosen. Sleepers, whose cost is that of their stacks, stand there.

use super::table::{ROW, at_most, of_go};
use super::{Row, Side};
use crate::sides::{ours, tokio};

/// See above.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "timer_stop",
        about: "a timer of an hour, started and stopped",
        unit: "ns/timer",
        size: 5_000_000,
        sizes: &[(Side::Ours, 20_000_000)],
        smoke: 100_000,
        ours: Some(ours::timers::stop),
        tokio: Some(tokio::timers::stop),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "func_stop",
        about: "a function to be run in an hour, set and stopped",
        unit: "ns/function",
        size: 5_000_000,
        smoke: 50_000,
        ours: Some(ours::timers::func_stop),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "funcs_1m",
        about: "1 M functions to be run at scattered moments, set and then stopped in another order",
        unit: "ns/function",
        size: 1_000_000,
        smoke: 20_000,
        ours: Some(ours::timers::funcs),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "tickers_100k",
        about: "100,000 tickers of 100 ms: CPU time in 5 s",
        unit: "ms",
        size: 100_000,
        smoke: 1_000,
        ours: Some(ours::timers::tickers),
        tokio: Some(tokio::timers::tickers),
        targets: &[of_go(1.0, None)],
        ..ROW
    },
    Row {
        name: "timeout_recv",
        about: "what a limit adds to a receive that need not wait",
        unit: "ns/receive",
        size: 5_000_000,
        smoke: 50_000,
        ours: Some(ours::timers::timeout),
        tokio: Some(tokio::timers::timeout),
        targets: &[at_most("value", 100.0)],
        ..ROW
    },
    Row {
        name: "lateness",
        about: "how late sleeps of 0.2 to 5.2 ms end",
        unit: "ns",
        size: 1_000,
        smoke: 50,
        ours: Some(ours::timers::lateness),
        tokio: Some(tokio::timers::lateness),
        targets: &[at_most("p50", 100_000.0), at_most("p99", 1_000_000.0)],
        ..ROW
    },
];
