#!/usr/bin/env bash
# Prints the cost of the most expensive known bodies in nanoseconds per byte, next to a typical body. Fails if a body costs more
# than 10 times as much as the typical one, and more than 40 ns per byte.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo run --quiet --locked --profile dist --package rudder-kafka-transform --example worst --target-dir target/instructions
