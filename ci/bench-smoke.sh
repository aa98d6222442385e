#!/usr/bin/env bash
# Does the comparison harness still measure? Runs a few of its rows, small, and
# fails if one is missing from what it writes. Says nothing about speed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

rows=(spawn_join yield ping_pong_near echo_100 echo_100_apart)
result=$target/compare/smoke.json

rm -f "$result"
cargo run --locked --release -p rust-routines-compare -- --smoke
[ -f "$result" ] || die "the harness wrote no $result"

missing=0
for row in "${rows[@]}"; do
    if ! grep -Eq "\"name\"[[:space:]]*:[[:space:]]*\"$row\"" "$result"; then
        echo "row $row is missing" >&2
        missing=$((missing + 1))
    fi
done
report "$((${#rows[@]} - missing))" "$missing" 0
