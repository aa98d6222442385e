#!/usr/bin/env bash
# Are all Rust files formatted as rustfmt would?
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cargo fmt --all --check
files=$(find . -path "$target" -prune -o -path ./target -prune -o -name '*.rs' -print | wc -l)
[ "$files" -gt 0 ] || die "no Rust file found"
echo "$files Rust files in the workspace"
report 1 0 0
