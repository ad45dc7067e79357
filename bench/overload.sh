#!/usr/bin/env bash
# Sends three times as many requests as one worker can serve. Checks that accepted requests stay fast, that memory stays within
# its limit, and that each request gets a response. The worker runs on one core, and the load generator on another. Requests
# are sent at a fixed rate, without waiting for responses. Each request uses a new connection, as with rudder-server.
#
#   bench/overload.sh
#
# The body has 100 events and a destination with 40 templates, in 56 KB. Processing it takes longer than transferring it. With
# cheaper bodies, a load generator on one core cannot send three times as many requests as another core can serve.
#
# The first run has MAX_WAIT_MILLISECONDS=1. In this run, the p99 of accepted requests must stay below five times the p99
# of an unloaded service. The second run has the default of MAX_WAIT_MILLISECONDS, and the third run has no limit on the waiting
# time. Prints a table, and fails if a limit is exceeded. Requires jq and two cores, and takes less than a minute. All traffic
# stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
port=19390
# The memory limit in MiB. A quarter of it is for requests, as in a container with this limit.
memory_mib=512
export MAX_IN_FLIGHT_BYTES=${MAX_IN_FLIGHT_BYTES:-$((memory_mib * 1024 * 1024 / 4))}
trap 'kill "$server" 2>/dev/null || true' EXIT

cargo build --quiet --release --bins
mkdir -p "$bodies"
awk 'BEGIN {
    printf "{\"input\":["
    for (n = 0; n < 100; n++) {
        printf "%s{\"message\":{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u-%d\",\"properties\":{", n ? "," : "", n
        for (p = 0; p < 40; p++) printf "%s\"p%d\":%d", p ? "," : "", p, n * p
        printf "}},\"metadata\":{\"jobId\":%d,\"rudderId\":\"r-%d\",\"destinationId\":\"d\"}}", n, n
    }
    printf "],\"destinations\":{\"d\":{\"ID\":\"d\",\"Config\":{\"topic\":\"events\""
    for (p = 0; p < 40; p++) printf ",\"x%d\":\"{{ event.properties.p%d || none }}\"", p, p
    printf "}}}}"
}' >"$bodies/laborious100.json"

load() { # more arguments → the measurement as JSON
    # Exit code 1 means that some requests were rejected, which is expected.
    taskset -c 1 target/release/rudder-kafka-transformer bench http://127.0.0.1:$port "$bodies/laborious100.json" --connections 400 --threads 1 --pid "$server" \
        --format json "$@" || [ $? = 1 ]
}
begin() { # maximum waiting time of a request
    HOST=127.0.0.1 PORT=$port METRICS_PORT=$((port + 1)) WORKERS=1 LOG_LEVEL=warn MAX_WAIT_MILLISECONDS=$1 \
        taskset -c 0 target/release/rudder-kafka-transformer &
    server=$!
    until target/release/rudder-kafka-transformer health --url http://127.0.0.1:$port/ready 2>/dev/null; do kill -0 "$server"; done
}
end() {
    kill "$server"
    wait "$server" || true
}
field() { # JSON, filter of the target → the value, rounded
    jq -r ".targets[0] | $2 | if . == null then \"-\" else . * 100 | round / 100 end" <<<"$1"
}
peak() { field "$1" '.peakResidentBytes / 1e6 | round'; }
lost() { field "$1" '([.errors[].count] | add // 0) + .unsent'; }

echo '| load | requests/s | accepted/s | p50 ms | p99 ms | longest ms | rejected/s | p99 ms of rejections | no response | peak RSS |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
row() { # what, rate, JSON
    local m=$3
    echo "| $1 | $2 | $(field "$m" '.requestsPerSecond | round') | $(field "$m" .milliseconds.p50) | $(field "$m" .milliseconds.p99) | $(field "$m" .milliseconds.max) | $(field "$m" '.rejected / .seconds | round') | $(field "$m" .rejectedMilliseconds.p99) | $(lost "$m") | $(peak "$m") MB |"
}

begin 1
most=$(load --connections 2 --seconds 4)
carried=$(field "$most" '.requestsPerSecond | round')
row "2 clients, as fast as they can" "" "$most"
tenth=$((carried / 10))
unloaded=$(load --rate $tenth --seconds 8)
row "a tenth of the first row" $tenth "$unloaded"
three=$((carried * 3))
overloaded=$(load --rate $three --seconds 12)
row "three times the first row, MAX_WAIT_MILLISECONDS=1" $three "$overloaded"
peak=$(peak "$overloaded")
end
begin ''
row "three times the first row, default MAX_WAIT_MILLISECONDS" $three "$(load --rate $three --seconds 8)"
end
begin 3600000
row "three times the first row, no limit on waiting time" $three "$(load --rate $three --seconds 6)"
end

ratio=$(awk -v a="$(field "$overloaded" .milliseconds.p99)" -v b="$(field "$unloaded" .milliseconds.p99)" 'BEGIN { printf "%.1f", a / b }')
echo "p99 of accepted requests under three times the load is $ratio times the p99 of an unloaded service" >&2
if awk -v ratio="$ratio" 'BEGIN { exit !(ratio >= 5) }' || [ "$(lost "$overloaded")" != 0 ] || [ "$peak" -ge $memory_mib ]; then
    echo 'a limit is exceeded' >&2
    exit 1
fi
