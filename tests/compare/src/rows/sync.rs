//! The rows of locks and their kin; `table` says how sizes are chosen.

use super::table::{ROW, of_go};
use super::{Against, Better, Row, Side, Target};
use crate::sides::{ours, threads, tokio};

/// At most what another side takes.
const fn at_most(side: Side) -> Target {
    Target {
        of: Side::Ours,
        metric: "value",
        against: Against::Ratio(side),
        better: Better::Lower,
        must: 1.0,
        aim: None,
    }
}

/// Throughput, and the longest that anybody waited.
const CONTENDED: &[Target] = &[
    of_go(1.2, Some(1.0)),
    Target {
        metric: "longest_us",
        ..of_go(2.0, None)
    },
];

/// See above.
pub(super) static ROWS: &[Row] = &[
    Row {
        name: "mutex_alone",
        about: "lock and unlock a mutex that nobody else wants",
        unit: "ns/pair",
        size: 50_000_000,
        smoke: 100_000,
        ours: Some(ours::sync::mutex_alone),
        targets: &[of_go(1.1, Some(1.0))],
        ..ROW
    },
    Row {
        name: "mutex_100",
        about: "100 routines lock one mutex, which is held for an addition",
        unit: "ns/lock",
        size: 10_000_000,
        smoke: 100_000,
        ours: Some(ours::sync::mutex_contended),
        targets: CONTENDED,
        ..ROW
    },
    Row {
        name: "rwlock_90",
        about: "8 routines share a read-write lock; one turn in ten writes",
        unit: "ns/turn",
        size: 8_000_000,
        smoke: 80_000,
        ours: Some(ours::sync::rwlock_90),
        targets: &[of_go(1.0, None)],
        ..ROW
    },
    Row {
        name: "rwlock_90_across",
        about: "the same, half of the routines at one home, half at the other",
        unit: "ns/turn",
        size: 8_000_000,
        smoke: 80_000,
        ours: Some(ours::sync::rwlock_90_across),
        ..ROW
    },
    Row {
        name: "wait_group_1000",
        about: "1000 routines are spawned and say that they are done; one waits",
        unit: "us/group",
        size: 2_000,
        smoke: 20,
        ours: Some(ours::sync::wait_group_1000),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "semaphore_alone",
        about: "take and give back a permit that nobody else wants",
        unit: "ns/pair",
        size: 50_000_000,
        smoke: 100_000,
        ours: Some(ours::sync::semaphore_alone),
        tokio: Some(tokio::sync::semaphore_alone),
        go: &[],
        targets: &[at_most(Side::Tokio)],
        ..ROW
    },
    Row {
        name: "once_done",
        about: "call a once that has been done; on threads: std's",
        unit: "ns/call",
        size: 500_000_000,
        smoke: 100_000,
        ours: Some(ours::sync::once_done),
        threads: Some(threads::once_done),
        targets: &[at_most(Side::Threads)],
        ..ROW
    },
    Row {
        name: "cond_ping_pong",
        about: "two routines at one home wake each other through a condition",
        unit: "ns/round trip",
        size: 3_000_000,
        smoke: 30_000,
        ours: Some(ours::sync::cond_ping_pong),
        targets: &[of_go(0.5, None)],
        ..ROW
    },
    Row {
        name: "cond_ping_pong_across",
        about: "the same, the routines at different homes",
        unit: "ns/round trip",
        size: 1_000_000,
        smoke: 10_000,
        ours: Some(ours::sync::cond_ping_pong_across),
        ..ROW
    },
];
