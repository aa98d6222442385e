#!/usr/bin/env bash
# Does the comparison harness reckon right? Its own tests: medians, ratios, tables,
# the options. Whether it measures is bench-smoke's question.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

run_tests cargo test --locked -p rust-routines-compare
