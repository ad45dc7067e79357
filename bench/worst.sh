#!/usr/bin/env bash
# Nanoseconds per byte of the most expensive known bodies, next to the usual one. Fails if one costs more than 10 times the usual
# body and more than 200 ns a byte.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo run --quiet --locked --profile dist --package rudder-kafka-transform --example worst --target-dir target/instructions
