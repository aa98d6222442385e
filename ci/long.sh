#!/usr/bin/env bash
# What takes longer than the everyday run allows, or builds a cargo tool: the jobs in
# ci/long/. Called by people, before a release and after a change of a protocol.
# `ci/long.sh JOB..` runs only those.
#
# Not here: ThreadSanitizer. It wants a std built for it, which takes a nightly
# toolchain's sources; with the std of a release it reports races inside std's own
# test harness, and among those nobody finds ours. The queues and protocols have
# loom models instead.
set -euo pipefail

jobs=(examples-go book loom-wide asan stress bench compare)
[ $# -eq 0 ] || jobs=("$@")

# One job may take an hour, all of them six.
export CI_LIMIT=21600 CI_JOB_LIMIT=3600
exec "$(dirname "$0")/../.ci/run" "${jobs[@]/#/long/}"
