//! Long-lived connections, accepted by the plainest of loops, are spread over the workers.
//!
//! A thousand of them take two thousand descriptors, more than many systems give a process by default;
//! so they live in a child with a limit of its own (`scenario/connections.rs`).

use rust_routines_tests::process::{run, with_files};

const CONNECTIONS: usize = 1000;

/// The accept loop and the busy one live somewhere too.
const OTHERS: usize = 2;

/// How many live at each worker when `CONNECTIONS` are there, come in bursts of `burst`, one burst
/// every `burst` milliseconds.
fn live(workers: usize, burst: usize, busy: bool) -> Vec<usize> {
    let mut command = with_files(4200, env!("CARGO_BIN_EXE_scenario"));
    let (workers_of, burst) = (workers.to_string(), burst.to_string());
    let busy = if busy { "busy" } else { "quiet" };
    let ended = run(command.args(["connections", &workers_of, &burst, busy])).success();
    assert_eq!(ended.stderr, "");
    let live: Vec<usize> = ended
        .value("live")
        .split(',')
        .map(|live| live.parse().unwrap())
        .collect();
    assert_eq!(live.len(), workers);
    live
}

#[track_caller]
fn assert_spread(live: &[usize]) {
    let all: usize = live.iter().sum();
    assert!(
        (CONNECTIONS..=CONNECTIONS + OTHERS).contains(&all),
        "{live:?}"
    );
    let most = CONNECTIONS * 3 / 2 / live.len() + OTHERS;
    assert!(
        live.iter().all(|&live| live <= most),
        "more than 1.5 times its share: {live:?}"
    );
}

#[test]
fn one_per_millisecond() {
    for workers in [2, 4] {
        assert_spread(&live(workers, 1, false));
    }
}

#[test]
fn bursts_of_fifty() {
    for workers in [2, 4] {
        assert_spread(&live(workers, 50, false));
    }
}

#[test]
fn one_per_millisecond_beside_a_busy_worker() {
    for workers in [2, 4] {
        assert_spread(&live(workers, 1, true));
    }
}

#[test]
fn bursts_of_fifty_beside_a_busy_worker() {
    for workers in [2, 4] {
        assert_spread(&live(workers, 50, true));
    }
}
