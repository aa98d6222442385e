#!/usr/bin/env bash
# Makes redis-server and redis-benchmark available, which the comparison's rows kv_p1
# and kv_p16 need. Says their version as the last line. Installs Debian's packages if
# they are missing and this user may.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

has_tools() {
    command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null
}

if ! has_tools; then
    command -v apt-get >/dev/null || die "no redis-server and redis-benchmark on PATH, and no apt-get to install them with"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        # Asked for no password: nobody may be there to give one.
        sudo -n true 2>/dev/null || die "redis-server and redis-tools are missing, and only root may install them"
        as_root=(sudo -n)
    fi
    # Only the programs are wanted, not a service that starts with the machine.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install --yes --no-install-recommends redis-server redis-tools >&2 ||
        die "apt-get cannot install redis-server and redis-tools (is its list of packages up to date?)"
fi
has_tools || die "redis-server and redis-benchmark are installed and not on PATH"
redis-benchmark --version
