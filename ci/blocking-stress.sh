#!/usr/bin/env bash
# Is nothing lost when workers stall at random - computing, asleep in system calls - for ten seconds, and
# when a thousand calls that block come at once? Built as a newcomer's `cargo test` is, with its checks on.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

stress() {
    STRESS_SECONDS=10 cargo test --locked -p rust-routines-tests --test blocking
}
export -f stress
run_tests bash -euc stress
