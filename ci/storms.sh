#!/usr/bin/env bash
# Does anything get lost when ten thousand routines on random primitives are cancelled at random, for
# ten seconds? Built as a newcomer's `cargo test` is, with its checks on.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

storms() {
    STRESS_SECONDS=10 cargo test --locked -p rust-routines-tests --test cancel storm
}
export -f storms
run_tests bash -euc storms
