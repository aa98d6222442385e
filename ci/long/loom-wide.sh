#!/usr/bin/env bash
# The loom models with more preemptions than the everyday job allows.
set -euo pipefail

LOOM_MAX_PREEMPTIONS=5 exec "$(dirname "$0")/../loom.sh"
