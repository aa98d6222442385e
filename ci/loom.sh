#!/usr/bin/env bash
# Do the protocols hold in every interleaving? Runs the loom models, with a bound
# on preemptions that keeps this job short; ci/long.sh raises it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Everything is built with the flag, so nothing of it is of use to other jobs.
export CARGO_TARGET_DIR=$target/loom
export RUSTFLAGS="${RUSTFLAGS:-} --cfg loom"
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3}
run_tests cargo test --locked --release -p rust-routines --lib
