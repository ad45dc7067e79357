#!/usr/bin/env bash
# Measures the release build with one worker: binary size, startup time, and memory when idle, under load, after the load, and
# with a body of 100 MB. Also measures the latency of other requests while a body of 100 MB is processed. Prints a table.
# Requires jq. All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
port=19290
url=http://127.0.0.1:$port
trap 'kill "$server" 2>/dev/null || true' EXIT

cargo build --quiet --release --bins --examples
[ -s "$bodies/message100000000.json" ] || target/release/examples/bodies "$bodies"

begin() {
    HOST=127.0.0.1 PORT=$port METRICS_PORT=$((port + 1)) WORKERS=1 LOG_LEVEL=warn MAX_WAIT_MILLISECONDS=3600000 \
        taskset -c 0 target/release/rudder-kafka-transformer &
    server=$!
    until curl -sf "$url/health" >/dev/null; do kill -0 "$server"; done
}
end() {
    kill "$server"
    wait "$server" || true
}
megabytes() { # VmRSS or VmHWM
    awk -v name="$1:" '$1 == name { printf "%.1f", $2 / 1024 }' "/proc/$server/status"
}
post_large() {
    curl -sf -o /dev/null -H 'X-Content-Format: json+compactedv1' -H 'Expect:' --data-binary "@$bodies/message100000000.json" "$url/v0/destinations/kafka"
}

echo '| what | figure |'
echo '| --- | --- |'
echo "| binary, stripped | $(stat -c %s target/release/rudder-kafka-transformer | awk '{ printf "%.1f MB", $1 / 1e6 }') |"

starts=()
for _ in 1 2 3 4 5; do
    before=$(date +%s%N)
    begin
    starts+=($((($(date +%s%N) - before) / 1000000)))
    end
done
echo "| start to the first response from /health, median of 5 | $(printf '%s\n' "${starts[@]}" | sort -n | sed -n 3p) ms |"

begin
echo "| resident, idle | $(megabytes VmRSS) MB |"
taskset -c 1 target/release/rudder-kafka-transformer bench "$url" --keep-alive --connections 64 --seconds 5 --threads 1 >/dev/null
echo "| peak resident, 64 connections of $(stat -c %s $bodies/compacted100.json | awk '{ printf "%.0f KB", $1 / 1e3 }') | $(megabytes VmHWM) MB |"
sleep 10
echo "| resident, 10 s after this load | $(megabytes VmRSS) MB |"
post_large
echo "| peak resident, with a body of $(stat -c %s $bodies/message100000000.json | awk '{ printf "%.0f MB", $1 / 1e6 }') | $(megabytes VmHWM) MB |"
end

begin
(for _ in 1 2 3; do post_large; done) &
others=$(taskset -c 1 target/release/rudder-kafka-transformer bench "$url" --keep-alive --connections 1 --batch 1 --seconds 3 --threads 1 --format json |
    jq -r '.targets[0] | .milliseconds as $ms | "\(.requests) requests, p50 \($ms.p50) ms, p99 \($ms.p99) ms, longest \($ms.max) ms"')
wait $!
echo "| other requests to the same worker while such bodies are processed | $others |"
end
