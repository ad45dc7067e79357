#!/usr/bin/env bash
# Measures the cost of forwarding. In alternating rounds, sends requests to an upstream, and to the service, which forwards
# them to the same upstream. Each side has one connection. Also measures the service's memory while bodies of 100 MB pass
# through it in both directions.
#
#   bench/forward.sh [SECONDS]      default: 7 rounds of one second
#
# The first upstream is the echo of examples/echo.rs, which responds immediately and thus shows the highest relative overhead.
# The second upstream is the transformation in the same process. If Node.js is installed, the third is bench/json.js. Prints a
# table.
# Requires jq. All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-7}
bodies=target/bench
upstream=http://127.0.0.1:19390
service=http://127.0.0.1:19392
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

cargo build --quiet --release --bins --examples
[ -s "$bodies/message100000000.json" ] || target/release/examples/bodies "$bodies"

LOG_LEVEL=warn target/release/examples/echo --host 127.0.0.1 --port 19390 --metrics-port 19391 --workers 1 &
pids+=($!)
LOG_LEVEL=warn UPSTREAM_TRANSFORMER_URL=$upstream NATIVE_DESTINATIONS=none target/release/rudder-kafka-transformer \
    --host 127.0.0.1 --port 19392 --metrics-port 19393 --workers 1 &
server=$!
pids+=($!)
up() { until curl -sf "$1" >/dev/null; do kill -0 "${pids[@]}"; done; }
up "$upstream/health"
up "$service/health"
node=
if command -v node >/dev/null 2>&1; then
    node=http://127.0.0.1:19394
    node bench/json.js 19394 &
    pids+=($!)
    LOG_LEVEL=warn UPSTREAM_TRANSFORMER_URL=$node NATIVE_DESTINATIONS=none target/release/rudder-kafka-transformer \
        --host 127.0.0.1 --port 19396 --metrics-port 19397 --workers 1 &
    pids+=($!)
    up "$node"
    up http://127.0.0.1:19396/health
fi

megabytes() { # VmRSS or VmHWM
    awk -v name="$1:" '$1 == name { printf "%.1f", $2 / 1024 }' "/proc/$server/status"
}

# Prints a row. Arguments: name, URL of the upstream, URL of the service that forwards to it
row() {
    target/release/rudder-kafka-transformer bench "$3" --against "$2" --keep-alive --connections 1 --threads 1 --seconds "$seconds" --format json |
        jq -r --arg name "$1" '
        def us: . * 1000 | round;
        .targets as [$forwarded, $direct]
        | "| \($name) | \($direct.milliseconds.p50 | us) | \($forwarded.milliseconds.p50 | us) | **\($forwarded.milliseconds.p50 / $direct.milliseconds.p50 * 100 | round / 100)** | \($direct.milliseconds.p99 | us) | \($forwarded.milliseconds.p99 | us) |"'
}

idle=$(megabytes VmRSS)
echo '| upstream | direct p50 µs | forwarded p50 µs | ratio | direct p99 µs | forwarded p99 µs |'
echo '| --- | --- | --- | --- | --- | --- |'
row echo $upstream/echo $service/echo
row transform $upstream $service
[ -z "$node" ] || row node $node/json http://127.0.0.1:19396/json

before=$(megabytes VmHWM)
for _ in 1 2 3; do
    curl -sf -H 'Expect:' --data-binary "@$bodies/message100000000.json" "$service/echo" | cmp - "$bodies/message100000000.json"
done
echo
echo "Resident: $idle MB idle, peak $before MB under this load, and peak $(megabytes VmHWM) MB after 100 MB were forwarded three times in both directions."
