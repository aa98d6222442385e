#!/usr/bin/env bash
# Does the workspace keep its own rules: layers, unsafe, dependencies, files?
set -euo pipefail
. "$(dirname "$0")/lib.sh"

run_tests cargo test --locked -p rust-routines-tests --test policy
