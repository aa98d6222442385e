#!/usr/bin/env bash
# What the jobs share; sourced by them, does nothing by itself.
#
# A job ends with one line `ci: N passed, N failed, N skipped`, which `.ci/run`
# adds up. A job that ran nothing fails: a check that silently became empty is
# worse than a missing one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# One target folder for all jobs that build alike; those that do not have a folder in it.
target=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TARGET_DIR=$target
# Nothing is built twice with small changes here, so incremental files would only cost time and space.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

# Says on standard error why the job ends, and ends it.
die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# report PASSED FAILED SKIPPED: the job's last line; its status is whether all is well.
report() {
    echo "ci: $1 passed, $2 failed, $3 skipped"
    [ "$2" -eq 0 ] && [ "$1" -gt 0 ]
}

# run_tests COMMAND..: runs a `cargo test` and reports the sum of its results.
run_tests() {
    local log status=0 passed failed skipped
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" || status=$?
    read -r passed failed skipped < <(
        awk '/^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) p += $(i - 1)
                if ($i ~ /^failed/) f += $(i - 1)
                if ($i ~ /^ignored/) s += $(i - 1)
            }
        } END { print p + 0, f + 0, s + 0 }' "$log"
    )
    rm -f "$log"
    # A build error, a crash of a test's process: no test failed, and yet.
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        echo "$(basename "$0"): ended with status $status" >&2
        failed=1
    fi
    if [ "$((passed + failed))" -eq 0 ]; then
        echo "$(basename "$0"): no test ran" >&2
        failed=1
    fi
    report "$passed" "$failed" "$skipped"
}

# The names of the packages that go to the registry.
published() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$root/ci/published.txt"
}

# The same as arguments of cargo, in the array `packages`.
published_arguments() {
    packages=()
    local name
    while read -r name; do
        packages+=(-p "$name")
    done < <(published)
    [ "${#packages[@]}" -gt 0 ] || die "ci/published.txt names no package"
}
