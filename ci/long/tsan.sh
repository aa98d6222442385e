#!/usr/bin/env bash
# Do the queues race? ThreadSanitizer over the unit tests of the layers that never
# switch stacks. std is not instrumented (that takes a nightly build of it), hence the
# second flag; what the queues do, they do with atomics of their own.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$target/tsan
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
run_tests cargo test --locked --target "$host" -p rust-routines --lib -- queue::
