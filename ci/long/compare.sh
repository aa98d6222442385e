#!/usr/bin/env bash
# Do all rows of the comparison run, with Go and Redis beside ours? What they measure
# is in target/compare; a missed target is a figure and not a failure, a row that is
# left out is one.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

ci/redis.sh
result=$target/compare/compare.json
rm -f "$result"
cargo run --locked --release -p rust-routines-compare
[ -f "$result" ] || die "the harness wrote no $result"

done=0
missing=0
while read -r row; do
    if grep -Eq "\"name\"[[:space:]]*:[[:space:]]*\"$row\"" "$result"; then
        done=$((done + 1))
    else
        echo "row $row is missing" >&2
        missing=$((missing + 1))
    fi
done < <(cargo run --locked --release --quiet -p rust-routines-compare -- --list | awk '/^[^ ]/ { print $1 }')
report "$done" "$missing" 0
