#!/usr/bin/env bash
# Does clippy like every target of every package? Its warnings are errors here.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cargo clippy --locked --workspace --all-targets -- -D warnings
report 1 0 0
