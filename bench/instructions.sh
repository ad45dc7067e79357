#!/usr/bin/env bash
# Counts the transformation's instructions per input byte with callgrind. The counts do not depend on the load of the machine.
# `--check` fails if a count is more than 20 % above the recorded count in bench/instructions.txt. Requires valgrind.
# To update the recorded counts: bench/instructions.sh > bench/instructions.txt
set -euo pipefail
cd "$(dirname "$0")/.."

bodies=target/bench
# Uses the Cargo profile of the image. A separate target folder avoids building more than the few crates of the transformation.
built=target/instructions/dist/examples
cargo build --quiet --locked --profile dist --package rudder-kafka-transform --examples --target-dir target/instructions
[ -s "$bodies/batch100.json" ] || "$built/bodies" "$bodies"

count() { # file rounds
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$built/engine" "$1" "$2" 2>&1 |
        awk '/Collected/ { print $NF }'
}

status=0
for body in compacted100 plain100 compacted1 plain1 templates100 retl100 batch100; do
    file=$bodies/$body.json
    # The difference of two runs excludes the startup of the process.
    once=$(count "$file" 2)
    more=$(count "$file" 12)
    per_byte=$(awk -v a="$once" -v b="$more" -v n="$(stat -c %s "$file")" 'BEGIN { printf "%.2f", (b - a) / 10 / n }')
    echo "$body $per_byte"
    if [ "${1:-}" = --check ]; then
        recorded=$(awk -v body="$body" '$1 == body { print $2 }' bench/instructions.txt)
        if awk -v now="$per_byte" -v then="$recorded" 'BEGIN { exit !(then == "" || now > then * 1.2) }'; then
            echo "$body takes $per_byte instructions per byte, but the recorded count is $recorded" >&2
            status=1
        fi
    fi
done
exit $status
