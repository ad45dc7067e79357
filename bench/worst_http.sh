#!/usr/bin/env bash
# Prints the service's CPU time per byte of body over HTTP, for typical requests and for the most expensive known bodies. One
# worker runs on one core, and the client on another. Requires curl and two cores. All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
port=19590
url=http://127.0.0.1:$port/v0/destinations/kafka
# The profile of images and packages. PROFILE=release builds faster, but measures a slower service.
profile=${PROFILE:-dist}
trap 'kill "$server" 2>/dev/null || true' EXIT

cargo build --quiet --locked --profile "$profile" --bins
cargo build --quiet --locked --profile dist --package rudder-kafka-transform --examples --target-dir target/instructions
[ -s "$bodies/batch100.json" ] || target/instructions/dist/examples/bodies "$bodies"
target/instructions/dist/examples/worst "$bodies/worst"

LOG_LEVEL=error MAX_WAIT_MILLISECONDS=3600000 taskset -c 0 "target/$profile/rudder-kafka-transformer" \
    --host 127.0.0.1 --port $port --metrics-port $((port + 1)) --workers 1 &
server=$!
until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do kill -0 "$server"; done

ticks() { # CPU time of the service, in hundredths of a second
    awk '{ print $14 + $15 }' "/proc/$server/stat"
}
# FILE FORMAT → nanoseconds per byte of body, over at least one second of CPU time
cost() {
    local headers=(-H 'Content-Type: application/json' -H 'Expect:')
    [ "$2" = plain ] || headers+=(-H 'X-Content-Format: json+compactedv1')
    local before now requests=0
    before=$(ticks)
    now=$before
    while [ $((now - before)) -lt 100 ]; do
        taskset -c 1 curl -s -o /dev/null "${headers[@]}" --data-binary "@$1" "$url?[1-50]"
        requests=$((requests + 50))
        now=$(ticks)
    done
    awk -v ticks=$((now - before)) -v bytes="$(stat -c %s "$1")" -v requests=$requests \
        'BEGIN { printf "%.2f", ticks * 1e7 / requests / bytes }'
}

echo '| body | bytes | ns per byte of body |'
echo '| --- | --- | --- |'
for body in compacted1 plain1 compacted100 plain100; do
    echo "| typical: $body | $(stat -c %s "$bodies/$body.json") | $(cost "$bodies/$body.json" "${body%%[0-9]*}") |"
done
for file in "$bodies"/worst/*; do
    echo "| $(basename "$file" | tr _ ' ') | $(stat -c %s "$file") | $(cost "$file" compacted) |"
done
