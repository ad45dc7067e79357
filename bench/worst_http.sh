#!/usr/bin/env bash
# Prints the service's CPU time over HTTP per byte of body and response, for typical requests and for the most expensive known
# bodies. One worker runs on one core, and the client on another. Requires curl and two cores. All traffic stays on the loopback
# interface.
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
# NAME FILE FORMAT → a row, measured over at least one second of CPU time. Sets `typical` for the first row.
typical=
row() {
    local headers=(-H 'Content-Type: application/json' -H 'Expect:')
    [ "$3" = plain ] || headers+=(-H 'X-Content-Format: json+compactedv1')
    local before now bytes requests=0
    bytes=$(($(stat -c %s "$2") + $(curl -s -o /dev/null -w '%{size_download}' "${headers[@]}" --data-binary "@$2" "$url")))
    before=$(ticks)
    now=$before
    while [ $((now - before)) -lt 100 ]; do
        taskset -c 1 curl -s -o /dev/null "${headers[@]}" --data-binary "@$2" "$url?[1-50]"
        requests=$((requests + 50))
        now=$(ticks)
    done
    local cost
    cost=$(awk -v ticks=$((now - before)) -v bytes="$bytes" -v requests=$requests 'BEGIN { printf "%.2f", ticks * 1e7 / requests / bytes }')
    typical=${typical:-$cost}
    echo "| $1 | $bytes | $cost | $(awk -v cost="$cost" -v typical="$typical" 'BEGIN { printf "%.2f", cost / typical }') |"
}

echo '| body | bytes of body and response | ns per byte | compared with one event (factor) |'
echo '| --- | --- | --- | --- |'
for body in compacted1 plain1 compacted100 plain100; do
    row "typical: $body" "$bodies/$body.json" "${body%%[0-9]*}"
done
for file in "$bodies"/worst/*; do
    row "$(basename "$file" | tr _ ' ')" "$file" compacted
done
