#!/usr/bin/env bash
# Do programs with large dependencies work? Kept out of a newcomer's `cargo test`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

run_tests cargo test --locked -p rust-routines-real
