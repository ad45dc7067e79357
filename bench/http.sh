#!/usr/bin/env bash
# Compares the transformation over HTTP with an echo, which is a route of the same server that returns the request body. The two
# are measured in turns. The server has one worker on one core, and the load generator runs on another core. With
# PEER_URL=http://…, another transformer (with one worker) is also compared with the echo.
#
#   bench/http.sh [SECONDS]      default: 5 rounds of one second each
#
# Prints a table and writes it to target/bench/http.md. Ratios are medians over the rounds. Requires jq and two cores. All
# traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-5}
port=19190
# The Cargo profile of images and packages. PROFILE=release builds faster, but measures a slower service.
profile=${PROFILE:-dist}
binary=target/$profile/rudder-kafka-transformer
trap 'kill "$server" 2>/dev/null || true' EXIT

cargo build --quiet --profile "$profile" --bins --examples
mkdir -p target/bench
# Load shedding is off, because this script measures throughput.
LOG_LEVEL=warn MAX_WAIT_MILLISECONDS=3600000 taskset -c 0 "target/$profile/examples/echo" --host 127.0.0.1 --port $port --metrics-port $((port + 1)) --workers 1 &
server=$!
until "$binary" health --url "http://127.0.0.1:$port/health" 2>/dev/null; do kill -0 "$server"; done

# Prints a row. Arguments: name, URL, form, events, connections, keep-alive
row() {
    local keep=()
    [ "$6" = no ] || keep=(--keep-alive)
    taskset -c 1 "$binary" bench "$2" --against "http://127.0.0.1:$port/echo" --form "$3" --batch "$4" --connections "$5" "${keep[@]}" \
        --seconds "$seconds" --threads 1 --format json | jq -r --arg name "$1" --arg body "$3$4" --arg connections "$5" --arg keep "$6" '
        def fixed(digits): if . == null then "-" else . * pow(10; digits) | round / pow(10; digits) | tostring end;
        .targets as [$it, $echo]
        | "| \($body) | \($connections) | \(if $keep == "no" then "yes" else "no" end) | \($name) | \($echo.requestsPerSecond | fixed(0)) | \($it.requestsPerSecond | fixed(0)) | **\(.ratio.requestsPerSecond | fixed(2))** | \($echo.cpuMicrosecondsPerRequest | fixed(0)) | \($it.cpuMicrosecondsPerRequest | fixed(0)) | **\(.ratio.cpuPerRequest | fixed(2))** | \($it.milliseconds.p50 | fixed(2)) | \($it.milliseconds.p99 | fixed(2)) | \($it.residentBytes | if . then . / 1e6 else . end | fixed(0)) |",
          ($it.errors[] | "errors: \(.count) x \(.kind)" | stderr | empty)'
}

{
    echo '| body | connections | new connection per request | target | echo requests/s | target requests/s | ratio | echo CPU µs | target CPU µs | ratio | p50 ms | p99 ms | resident MB |'
    echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
    for body in "compacted 100" "plain 100" "compacted 1" "plain 1"; do
        for load in "16 yes" "1 yes" "64 yes" "16 no"; do
            read -r form events connections keep <<<"$body $load"
            row service "http://127.0.0.1:$port" "$form" "$events" "$connections" "$keep"
            [ -z "${PEER_URL:-}" ] || row peer "$PEER_URL" "$form" "$events" "$connections" "$keep"
        done
    done
} | tee target/bench/http.md
