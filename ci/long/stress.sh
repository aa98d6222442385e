#!/usr/bin/env bash
# Do the black-box tests pass every time? Optimised, twenty times over: a wake that is
# lost once in many runs shows here as a hang.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

rounds=${ROUNDS:-20}
cargo test --locked --release -p rust-routines-tests --no-run
all_rounds() {
    local round
    for round in $(seq "$rounds"); do
        echo "--- round $round of $rounds"
        cargo test --locked --release -p rust-routines-tests || return 1
    done
}
# With deadlocks looked for, which nothing else does in release.
with_detection() {
    cargo test --locked --release -p rust-routines-tests --features deadlock-detection --test sync --test locks
}
both() {
    all_rounds && with_detection
}
run_tests both
