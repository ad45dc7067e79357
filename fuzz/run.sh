#!/usr/bin/env bash
# Fuzzes each target for SECONDS, two at a time. Starts with seeds from the fixtures and with inputs from earlier runs:
#   fuzz/run.sh SECONDS [TARGET…]
# Inputs that make a target fail are written to fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?"usage: fuzz/run.sh SECONDS [TARGET…]"}
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)
fi

.ci/cargo-tool cargo-fuzz 0.13.2
# Without a sanitizer, targets run several times as fast. The few unsafe calls of this project do not process input.
# Overflows and failed assertions are found even without a sanitizer.
export RUSTC_BOOTSTRAP=1
cargo fuzz build --sanitizer none --codegen-units 16 --target-dir target/fuzz

triple=$(rustc -vV | sed -n 's/^host: //p')
python3 fuzz/seeds.py target/fuzz/seeds
log=target/fuzz/log
mkdir -p "$log"
fuzz() { # target
    local target=$1
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    # A target fails if it takes more than ten seconds for an input, which has at most 4096 bytes.
    if "target/fuzz/$triple/release/$target" "-max_total_time=$seconds" -dict=fuzz/json.dict -timeout=10 -max_len=4096 \
        -print_final_stats=1 "-artifact_prefix=fuzz/artifacts/$target/" \
        "fuzz/corpus/$target" "target/fuzz/seeds/$target" >"$log/$target" 2>&1; then
        printf '\n-- %s, %s s\n%s\n' "$target" "$seconds" "$(grep -E 'INITED|^#.*DONE|^Done|peak_rss_mb' "$log/$target")"
    else
        printf '\n-- %s failed\n%s\n' "$target" "$(tail -n 40 "$log/$target")"
        return 1
    fi
}

failed=()
for ((at = 0; at < ${#targets[@]}; at += 2)); do
    pair=("${targets[@]:at:2}") running=()
    for target in "${pair[@]}"; do
        fuzz "$target" &
        running+=($!)
    done
    for index in "${!pair[@]}"; do
        wait "${running[index]}" || failed+=("${pair[index]}")
    done
done
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nfailed: %s\n' "${failed[*]}"
    exit 1
fi
