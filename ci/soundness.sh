#!/usr/bin/env bash
# Does a started routine keep its thread when the optimiser may do what it can? The
# soundness tests with fat LTO and one codegen unit; with them those of overflow and of
# parking while unwinding, which a release build could break too.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

run_tests cargo test --locked --profile fat -p rust-routines-tests --test soundness --test overflow --test unwinding
