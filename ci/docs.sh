#!/usr/bin/env bash
# Is the documentation whole? Every warning of rustdoc is an error, broken links
# above all: for what users read, and for the comments on private items, which
# explain the runtime to those who change it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

export RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings"
published_arguments
cargo doc --locked --no-deps --document-private-items -p rust-routines
cargo doc --locked --no-deps "${packages[@]}"

documented=0
for package in $(published); do
    # The folder is named after the library; only gostd's differs from its package.
    library=${package//-/_}
    [ "$package" = rust-routines-gostd ] && library=gostd
    [ -f "$target/doc/$library/index.html" ] || die "no documentation of $package was written"
    documented=$((documented + 1))
done
report "$documented" 0 0
