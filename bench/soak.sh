#!/usr/bin/env bash
# Sends mixed requests at 70 % of one worker's capacity, and compares every response with the expected response. Usage:
# bench/soak.sh [MINUTES]. The service runs on one core, and the clients on another. Nothing else should run at the same time.
# All traffic stays on the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."

port=19690
trap 'kill "$server" 2>/dev/null || true' EXIT

mkdir -p target/bench
cargo build --quiet --release --bins --example soak
HOST=127.0.0.1 PORT=$port METRICS_PORT=$((port + 1)) WORKERS=1 MAX_WAIT_MILLISECONDS=3600000 \
    taskset -c 0 target/release/rudder-kafka-transformer 2>target/bench/soak.log >&2 &
server=$!
until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do kill -0 "$server"; done
taskset -c 1 target/release/examples/soak --address "127.0.0.1:$port" --metrics "127.0.0.1:$((port + 1))" --pid "$server" --minutes "${1-30}"
