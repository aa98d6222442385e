#!/usr/bin/env bash
# Do channels and select hold under everything at once for ten seconds, and under more random
# programs than a newcomer's `cargo test` runs? Built as that is, with its checks on.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

stress() {
    STRESS_SECONDS=10 cargo test --locked -p rust-routines-tests --test select stress
    CHANNEL_CASES=3 cargo test --locked -p rust-routines-tests --test channels model
}
export -f stress
run_tests bash -euc stress
