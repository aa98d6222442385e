#!/usr/bin/env bash
# Does the runtime work when panics abort? A program, because cargo builds test
# harnesses with unwinding whatever the profile says.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cargo build --locked --profile abort -p rust-routines-examples --bin abort_profile
# Into a variable first, so that a crash after the last line counts.
printed=$("$target/abort/abort_profile" abort)
diff -u examples/abort_profile/expected.txt - <<<"$printed"
# What needs unwinding refuses to start, and says why.
for what in timeout race restart; do
    status=0
    refused=$("$target/abort/abort_profile" "$what" 2>&1) || status=$?
    [ "$status" -ne 0 ] || die "$what did not refuse: $refused"
    grep -q 'built with `panic = "abort"`' <<<"$refused" || die "$what refused otherwise: $refused"
done
report 4 0 0
