#!/usr/bin/env bash
# Do redis-cli and redis-benchmark work with the key-value server? A transcript, the
# recorded replies against a real redis-server, a short load, and a clean end.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ci/redis.sh | tail -n 1
cargo build --locked --release -p rust-routines-examples --bin kv

folder=$(mktemp -d)
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do
        # It may have ended by itself.
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap finish EXIT

# until_true WHAT COMMAND..: tries for 10 seconds.
until_true() {
    local what=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || die "not within 10 seconds: $what"
        sleep 0.05
    done
}

"$target/release/kv" --listen 127.0.0.1:0 >"$folder/kv.out" 2>"$folder/kv.err" &
kv=$!
pids+=("$kv")
until_true "kv listens" grep -q '^kv: listening on ' "$folder/kv.out"
port=$(sed -n 's/^kv: listening on 127\.0\.0\.1:\([0-9]*\);.*/\1/p' "$folder/kv.out")

# A server cannot be asked for a free port and tell it, so one is tried after the other.
redis_port=$((port + 1))
for _ in 1 2 3 4 5; do
    # Each has a file of its own: what the one before has said is not said by this one.
    said=$folder/redis.$redis_port.out
    redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no --daemonize no \
        --dir "$folder" --pidfile "$folder/redis.pid" >"$said" 2>&1 &
    redis=$!
    pids+=("$redis")
    until_true "redis-server listens, or cannot" grep -Eq 'Ready to accept|Failed|in use' "$said"
    ! grep -q 'Ready to accept' "$said" || break
    redis_port=$((redis_port + 7))
done
grep -q 'Ready to accept' "$said" || die "redis-server does not start: $(cat "$said")"

passed=0
failed=0
# check NAME COMMAND..: one result.
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok: $name"
        passed=$((passed + 1))
    else
        echo "FAILED: $name" >&2
        failed=$((failed + 1))
    fi
}

# transcript PORT: what redis-cli shows is what is expected.
transcript() {
    diff -u <(grep -v '^# ' examples/kv/transcript-expected.txt) \
        <(grep -v '^# ' examples/kv/transcript.txt | redis-cli --no-raw -p "$1" 2>&1)
}

# load PIPELINE: every test of redis-benchmark ends with a rate, and nothing is complained of.
load() {
    local tests=ping_inline,ping_mbulk,set,get,incr,mset
    redis-benchmark -p "$port" -t "$tests" -c 50 -n 20000 -P "$1" --csv >"$folder/load" 2>&1 || return 1
    ! grep -Ei 'warning|error' "$folder/load" || return 1
    # A head and six rates.
    [ "$(grep -Ec '^"[^"]+","[0-9]+\.[0-9]+"' "$folder/load")" -eq 6 ] || { cat "$folder/load"; return 1; }
}

# The help of redis-cli begins with COMMAND DOCS; any answer but an error will do.
documented() {
    [ "$(redis-cli -p "$port" COMMAND DOCS 2>&1)" = "" ]
}

replies_of_redis() {
    KV_SERVER=127.0.0.1:$redis_port cargo test --locked --release -p rust-routines-examples --test kv \
        every_recorded_reply_is_given >"$folder/replies" 2>&1 || { cat "$folder/replies"; return 1; }
    grep -q '^test result: ok. 1 passed' "$folder/replies"
}

ends_well() {
    kill -TERM "$kv"
    wait "$kv" || return 1
    grep -Eq '^kv: stopped; [0-9]{6,} commands served$' "$folder/kv.out" && [ ! -s "$folder/kv.err" ]
}

check "redis-server gives the transcript" transcript "$redis_port"
check "kv gives the transcript" transcript "$port"
check "redis-server gives the recorded replies" replies_of_redis
check "redis-cli asks for its help" documented
check "redis-benchmark, one request at a time" load 1
check "redis-benchmark, 16 in a pipeline" load 16
check "kv gives the transcript after the load" transcript "$port"
check "kv ends well" ends_well
report "$passed" "$failed" 0
