#!/usr/bin/env bash
# Does every example print what stands in the file beside it?
# With `--go`, the Go originals too: both have to print the same (needs ci/go.sh).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = --go ]; then
    go=$(ci/go.sh | tail -n 1)
    passed=0
    for original in examples/*/main.go; do
        echo "$original"
        printed=$("$go" run "$original")
        diff -u "$(dirname "$original")/expected.txt" - <<<"$printed"
        passed=$((passed + 1))
    done
    report "$passed" 0 0
    exit
fi
run_tests cargo test --locked --release -p rust-routines-examples
