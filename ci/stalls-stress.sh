#!/usr/bin/env bash
# Is nothing lost in ten seconds of random stalls, while workers come and go?
set -euo pipefail
. "$(dirname "$0")/lib.sh"

stress() {
    STRESS_SECONDS=10 cargo test --locked -p rust-routines-tests --test stalls storm
}
export -f stress
run_tests bash -euc stress
