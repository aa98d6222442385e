#!/usr/bin/env bash
# Does the runtime work when panics abort? A program, because cargo builds test
# harnesses with unwinding whatever the profile says.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cargo build --locked --profile abort -p rust-routines-examples --bin abort_profile
diff -u examples/abort_profile/expected.txt <("$target/abort/abort_profile" abort)
report 1 0 0
