#!/usr/bin/env bash
# What takes longer than the everyday run allows, or builds a cargo tool: the jobs in
# ci/long/. Called by people, before a release and after a change of a protocol.
# `ci/long.sh JOB..` runs only those.
#
# Not here: ThreadSanitizer over whole tests. It keeps a shadow of each stack by
# counting calls and returns, and a switch of stacks that it is not told about
# corrupts that; long/tsan.sh runs it where nothing switches.
set -euo pipefail

jobs=(examples-go book loom-wide asan tsan stress bench)
[ $# -eq 0 ] || jobs=("$@")

# One job may take an hour, all of them six.
export CI_LIMIT=21600 CI_JOB_LIMIT=3600
exec "$(dirname "$0")/../.ci/run" "${jobs[@]/#/long/}"
