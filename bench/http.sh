#!/usr/bin/env bash
# The service over HTTP beside an echo of the same body on the same server, in turns, one worker on one core and the load
# on another. With PEER_URL=http://… (a transformer of another make, with one worker) that takes its turn too.
#
#   bench/http.sh [ROUNDS] [SECONDS]      default: 5 rounds of 1 second
#
# Prints a table, medians over the rounds, and keeps it in target/bench/http.md. Needs wrk and two cores; all traffic
# stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
seconds=${2:-1}
bodies=target/bench
port=19190
results=$(mktemp)
trap 'kill "$server" 2>/dev/null || true; rm -f "$results"' EXIT

cargo build --quiet --release --examples
[ -s "$bodies/batch100.json" ] || target/release/examples/bodies "$bodies"
# What the service carries is measured, not what it refuses: waits are no reason to.
LOG_LEVEL=warn MAX_WAIT_MILLISECONDS=3600000 taskset -c 0 target/release/examples/echo --host 127.0.0.1 --port $port --metrics-port $((port + 1)) --workers 1 &
server=$!
until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do kill -0 "$server"; done

ticks() { # clock ticks that the server has used
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# body, connections, close, target, URL → a line in $results
measure() {
    local before after fields compacted=0
    case $1 in compacted*) compacted=1 ;; esac
    before=$(ticks "$server")
    fields=$(BODY=$bodies/$1.json COMPACTED=$compacted CLOSE=$3 taskset -c 1 \
        wrk -t1 -c"$2" -d"${seconds}s" --timeout 30s -s bench/post.lua "$5" | awk '/^RESULT/ { print $2, $3, $4, $5, $6 }')
    after=$(ticks "$server")
    echo "$1 $2 $3 $4 $fields $((after - before)) $(awk '/VmRSS/ { print $2 }' "/proc/$server/status")" >>"$results"
}

service=http://127.0.0.1:$port/v0/destinations/kafka
for ((round = 0; round < rounds; round++)); do
    for body in compacted100 plain100 compacted1 plain1; do
        for way in "16 0" "1 0" "64 0" "16 1"; do
            read -r connections close <<<"$way"
            measure $body "$connections" "$close" echo "http://127.0.0.1:$port/echo"
            measure $body "$connections" "$close" service "$service"
            if [ -n "${PEER_URL:-}" ]; then
                measure $body "$connections" "$close" peer "$PEER_URL"
            fi
        done
    done
done

awk -v hertz="$(getconf CLK_TCK)" '
function median(key, field,    n, i, j, t, list) {
    n = split(values[key, field], list, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
{
    way = $1 " " $2 " " $3
    if (!(way in seen)) { seen[way] = 1; ways[++count] = way }
    key = way " " $4
    rps = $5 / ($6 / 1e6)
    cpu = $5 > 0 ? $10 / hertz * 1e6 / $5 : 0
    values[key, "rps"] = values[key, "rps"] " " rps
    values[key, "cpu"] = values[key, "cpu"] " " cpu
    values[key, "p50"] = values[key, "p50"] " " $7 / 1000
    values[key, "p99"] = values[key, "p99"] " " $8 / 1000
    values[key, "rss"] = values[key, "rss"] " " $11 / 1024
    errors[key] += $9
    if ($4 == "echo") { echo_rps = rps; echo_cpu = cpu }
    else {
        values[key, "ratio"] = values[key, "ratio"] " " rps / echo_rps
        if ($4 == "service") values[key, "cpuratio"] = values[key, "cpuratio"] " " echo_cpu / cpu
        targets[$4] = 1
    }
}
END {
    print "| body | connections | new each | requests/s: echo | service | ratio | CPU µs: echo | service | ratio | p50 ms | p99 ms | resident MB |" (targets["peer"] ? " peer requests/s | ratio to echo | p50 ms | p99 ms |" : "")
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |" (targets["peer"] ? " --- | --- | --- | --- |" : "")
    for (i = 1; i <= count; i++) {
        split(ways[i], part, " ")
        e = ways[i] " echo"; s = ways[i] " service"; p = ways[i] " peer"
        printf "| %s | %s | %s | %.0f | %.0f | **%.2f** | %.0f | %.0f | **%.2f** | %.2f | %.2f | %.0f |",
            part[1], part[2], part[3] == "1" ? "yes" : "no", median(e, "rps"), median(s, "rps"), median(s, "ratio"),
            median(e, "cpu"), median(s, "cpu"), median(s, "cpuratio"), median(s, "p50"), median(s, "p99"), median(s, "rss")
        if (targets["peer"])
            printf " %.0f | %.2f | %.2f | %.2f |", median(p, "rps"), median(p, "ratio"), median(p, "p50"), median(p, "p99")
        print ""
        if (errors[s] + errors[p] > 0) print "errors in " ways[i] ": " errors[s] + errors[p] > "/dev/stderr"
    }
}' "$results" | tee "$bodies/http.md"
