#!/usr/bin/env bash
# Do the tests run under AddressSanitizer? RUSTC_BOOTSTRAP opens the flag on a stable
# compiler; std itself stays as it was built, so what is watched is our code and
# that of our dependencies.
#
# Two of its features assume one stack per thread and are off: locals moved to a heap
# of their own, which it frees by comparing stack pointers, and the search for leaks,
# which does not look for pointers on the stacks of routines. Red zones on the stack are
# off too: an unwind over a routine's stack leaves them poisoned, and the next routine
# there is reported. Left out are tests that are about memory itself: an overflow, a
# limit of address space, what comes back after a burst.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$target/asan
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=address -Cllvm-args=-asan-stack=0"
export ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=0
# Tests and not documentation: rustdoc would need the flags too and adds nothing here.
run_tests cargo test --locked --no-fail-fast --target "$host" --tests \
    -p rust-routines -p rust-routines-examples -p rust-routines-tests -- \
    --skip overflow --skip memory --skip leaves_nothing --skip without_address_space
