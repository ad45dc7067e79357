#!/usr/bin/env bash
# What becomes of requests when three times as many come as one worker can carry: are those that are accepted still answered
# in time, does memory stay within bounds, does each get an answer? One worker on one core, the load on another; every
# request on a new connection, as rudder-server sends them, at a fixed rate that does not wait for answers.
#
#   bench/overload.sh
#
# The body is 100 events and a destination with 40 templates, 56 KB: work for the service rather than for the network. Of
# bodies that are cheaper to transform, one core for the load cannot send three times what another core carries. First
# MAX_WAIT_MILLISECONDS=1, which bounds the p99 of what is accepted at five times that of an unloaded service; then the
# default, and no bound at all. Prints a table, and fails where a promise is broken. Needs two cores, takes under a minute. All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
port=19390
# As in a container of 512 MiB, of which a quarter is for requests.
memory_mib=512
export MAX_IN_FLIGHT_BYTES=${MAX_IN_FLIGHT_BYTES:-$((memory_mib * 1024 * 1024 / 4))}
trap 'kill "$server" 2>/dev/null || true' EXIT

cargo build --quiet --release --bins --examples
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

load() { # more arguments → the line that the load prints
    taskset -c 1 target/release/examples/load --address 127.0.0.1:$port --body "$bodies/laborious100.json" --compacted "$@"
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
field() { # line, name → the word behind it
    awk -v name="$2" '{ for (i = 1; i < NF; i++) if ($i == name) { print $(i + 1); exit } }' <<<"$1"
}
peak() { awk '$1 == "VmHWM:" { printf "%.0f", $2 / 1024 }' "/proc/$server/status"; }

echo '| load | requests a second | accepted a second | p50 ms | p99 ms | longest ms | refused a second | p99 ms | without an answer | resident, at the most |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
row() { # what, rate, seconds, line
    local l=$4 refused=${4#*refused ms:}
    echo "| $1 | $2 | $(field "$l" accepted/s) | $(field "$l" p50) | $(field "$l" p99) | $(field "$l" longest) | $(($(field "$l" refused) / $3)) | $(field "$refused" p99) | $(field "$l" lost) | $(peak) MB |"
}

begin 1
most=$(load --clients 2 --seconds 4)
carried=$(field "$most" accepted/s)
row "as much as it can carry: 2 clients, each waiting for its answer" "" 4 "$most"
tenth=$((carried / 10))
unloaded=$(load --rate $tenth --seconds 8)
row "a tenth of that" $tenth 8 "$unloaded"
three=$((carried * 3))
overloaded=$(load --rate $three --seconds 12)
row "three times that, MAX_WAIT_MILLISECONDS=1" $three 12 "$overloaded"
peak=$(peak)
end
begin ''
row "three times that, MAX_WAIT_MILLISECONDS at its default" $three 8 "$(load --rate $three --seconds 8)"
end
begin 3600000
row "three times that, any wait allowed" $three 6 "$(load --rate $three --seconds 6)"
end

ratio=$(awk -v a="$(field "$overloaded" p99)" -v b="$(field "$unloaded" p99)" 'BEGIN { printf "%.1f", a / b }')
echo "p99 of accepted requests under three times the load is $ratio times that of an unloaded service" >&2
if awk -v ratio="$ratio" 'BEGIN { exit !(ratio >= 5) }' || [ "$(field "$overloaded" lost)" != 0 ] || [ "$peak" -ge $memory_mib ]; then
    echo 'a promise is broken' >&2
    exit 1
fi
