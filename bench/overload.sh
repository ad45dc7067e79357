#!/usr/bin/env bash
# Overload: three times as many requests as one worker can serve. Do accepted requests stay fast, does memory stay within
# bounds, does each request get a response? One worker on one core, the load on another; every
# request on a new connection, as rudder-server sends them, at a fixed rate that does not wait for responses.
#
#   bench/overload.sh
#
# The body is 100 events and a destination with 40 templates, 56 KB: work for the service rather than for the network. With
# cheaper bodies, one core of clients cannot send three times what another core serves. First
# MAX_WAIT_MILLISECONDS=1, which bounds the p99 of what is accepted at five times that of an unloaded service; then the
# default, and no bound at all. Prints a table, and fails if a bound is exceeded. Needs jq and two
# cores, takes under a minute. All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
port=19390
# As in a container of 512 MiB, of which a quarter is for requests.
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
    # Exit code 1 says that some requests were rejected, which is the point.
    taskset -c 1 target/release/rudder-kafka-transformer bench http://127.0.0.1:$port "$bodies/laborious100.json" --connections 400 --threads 1 --pid "$server" \
        --format json "$@" || [ $? = 1 ]
}
begin() { # how long a request may wait
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

echo '| load | requests a second | accepted a second | p50 ms | p99 ms | longest ms | refused a second | p99 ms | without an answer | resident, at the most |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
row() { # what, rate, JSON
    local m=$3
    echo "| $1 | $2 | $(field "$m" '.requestsPerSecond | round') | $(field "$m" .milliseconds.p50) | $(field "$m" .milliseconds.p99) | $(field "$m" .milliseconds.max) | $(field "$m" '.rejected / .seconds | round') | $(field "$m" .rejectedMilliseconds.p99) | $(lost "$m") | $(peak "$m") MB |"
}

begin 1
most=$(load --connections 2 --seconds 4)
carried=$(field "$most" '.requestsPerSecond | round')
row "as much as it can carry: 2 connections, each waiting for its response" "" "$most"
tenth=$((carried / 10))
unloaded=$(load --rate $tenth --seconds 8)
row "a tenth of that" $tenth "$unloaded"
three=$((carried * 3))
overloaded=$(load --rate $three --seconds 12)
row "three times that, MAX_WAIT_MILLISECONDS=1" $three "$overloaded"
peak=$(peak "$overloaded")
end
begin ''
row "three times that, MAX_WAIT_MILLISECONDS at its default" $three "$(load --rate $three --seconds 8)"
end
begin 3600000
row "three times that, any wait allowed" $three "$(load --rate $three --seconds 6)"
end

ratio=$(awk -v a="$(field "$overloaded" .milliseconds.p99)" -v b="$(field "$unloaded" .milliseconds.p99)" 'BEGIN { printf "%.1f", a / b }')
echo "p99 of accepted requests under three times the load is $ratio times that of an unloaded service" >&2
if awk -v ratio="$ratio" 'BEGIN { exit !(ratio >= 5) }' || [ "$(lost "$overloaded")" != 0 ] || [ "$peak" -ge $memory_mib ]; then
    echo 'a promise is broken' >&2
    exit 1
fi
