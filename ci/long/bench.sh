#!/usr/bin/env bash
# Do the benchmarks of the core run, at full length? Their figures are in
# target/criterion; comparisons with others are the business of tests/compare.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo bench --locked -p rust-routines --benches 2>&1 | tee "$log"
# Criterion prints one line with `time:` for each benchmark.
report "$(grep -c 'time: *\[' "$log")" 0 0
