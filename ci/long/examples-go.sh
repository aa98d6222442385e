#!/usr/bin/env bash
# Do the Go originals of the examples print what the examples print?
set -euo pipefail

exec "$(dirname "$0")/../examples.sh" --go
