#!/usr/bin/env bash
# Does what the README tells a newcomer work? Runs the README's own test command:
# the one line between `<!-- test-command -->` and the next `<!--`, fences aside.
# The README promises how long that takes at most; it is held to it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

limit=480 # seconds, from a clean clone on two cores

command=$(
    awk '/^<!-- test-command -->/ { inside = 1; next }
         /^<!--/ { inside = 0 }
         inside && !/^```/ && NF { print }' README.md
)
[ -n "$command" ] || die "README.md names no test command after <!-- test-command -->"
[ "$(wc -l <<<"$command")" -eq 1 ] || die "README.md names more than one test command: $command"
case $command in
    "cargo test" | "cargo test "*) ;;
    *) die "the README's test command is no cargo test: $command" ;;
esac

echo "\$ $command"
started=$SECONDS
status=0
run_tests bash -c "$command" || status=$?
seconds=$((SECONDS - started))
if [ "$seconds" -gt "$limit" ]; then
    die "took $seconds s; the README promises $limit"
fi
exit "$status"
