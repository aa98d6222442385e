#!/usr/bin/env bash
# Do the locks hold under everything at once for ten seconds: time-outs, cancellations, futures that are
# dropped? Built as a newcomer's `cargo test` is, with its checks on.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

export STRESS_SECONDS=10
run_tests cargo test --locked -p rust-routines-tests --test sync stress
