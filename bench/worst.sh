#!/usr/bin/env bash
# Prints the cost of the most expensive known bodies and of a typical body, in nanoseconds per byte. Fails if a body costs more
# than 10 times as much per byte as the typical body, and also more than 40 ns per byte.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo run --quiet --locked --profile dist --package rudder-kafka-transform --example worst --target-dir target/instructions
