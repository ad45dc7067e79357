#!/usr/bin/env bash
# What forwarding costs: requests of one client straight to an upstream and through the service, in turns, and the memory
# of the service with a body of 100 MB passing through in both directions.
#
#   bench/forward.sh [ROUNDS] [SECONDS]      default: 7 rounds of 1 second
#
# The upstream is examples/echo.rs, once as an echo, which answers at once and so shows the overhead at its worst, and once
# transforming the events; where there is Node.js, also a server on it that reads the JSON and prints it again. Prints a
# table. Needs wrk; all traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-7}
seconds=${2:-1}
bodies=target/bench
upstream=http://127.0.0.1:19390
service=http://127.0.0.1:19392
results=$(mktemp)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -f "$results"' EXIT

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

# way, upstream, URL → a line in $results
measure() {
    local fields
    fields=$(BODY=$bodies/compacted100.json COMPACTED=1 wrk -t1 -c1 -d"${seconds}s" --timeout 30s -s bench/post.lua "$3" |
        awk '/^RESULT/ { print $4, $5, $6 }')
    echo "$1 $2 $fields" >>"$results"
}

idle=$(megabytes VmRSS)
for ((round = 0; round < rounds; round++)); do
    measure direct echo $upstream/echo
    measure forwarded echo $service/echo
    measure direct transform $upstream/v0/destinations/kafka
    measure forwarded transform $service/v0/destinations/kafka
    if [ -n "$node" ]; then
        measure direct node $node/json
        measure forwarded node http://127.0.0.1:19396/json
    fi
done

awk '
function median(values,    n, i, j, t, list) {
    n = split(values, list, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
{
    if (!($2 in seen)) { seen[$2] = 1; paths[++count] = $2 }
    p50[$2, $1] = p50[$2, $1] " " $3
    p99[$2, $1] = p99[$2, $1] " " $4
    errors += $5
    if ($1 == "direct") direct = $3
    else ratios[$2] = ratios[$2] " " $3 / direct
}
END {
    print "| upstream | direct p50 µs | forwarded p50 µs | ratio | direct p99 µs | forwarded p99 µs |"
    print "| --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        p = paths[i]
        printf "| %s | %d | %d | **%.2f** | %d | %d |\n", p, median(p50[p, "direct"]), median(p50[p, "forwarded"]), median(ratios[p]), median(p99[p, "direct"]), median(p99[p, "forwarded"])
    }
    if (errors) print "errors: " errors
}' "$results"

before=$(megabytes VmHWM)
for _ in 1 2 3; do
    curl -sf -H 'Expect:' --data-binary "@$bodies/message100000000.json" "$service/echo" | cmp - "$bodies/message100000000.json"
done
echo
echo "Resident: $idle MB idle, at the most $before MB under that load, and $(megabytes VmHWM) MB once 100 MB had passed three times in both directions."
