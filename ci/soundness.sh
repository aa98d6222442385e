#!/usr/bin/env bash
# Does a started routine keep its thread when the optimiser may do what it can? The
# soundness tests with fat LTO and one codegen unit.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

run_tests cargo test --locked --profile fat -p rust-routines-tests --test soundness
