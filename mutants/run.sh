#!/usr/bin/env bash
# Changes the transformation, one small change at a time, and tells which changes no test notices:
#   mutants/run.sh [OPTION OF CARGO MUTANTS…]     all of them, or some: --file 'src/transform/topic.rs', --shard 0/8, --jobs 2
#   mutants/run.sh --baseline                     only runs the tests, with nothing changed
# Changes that alter nothing that can be seen are listed, with the reason, in mutants/equivalent.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

crate=target/mutants/crate
rm -rf "$crate"
mkdir -p "$crate/src" "$crate/tests"
cp mutants/Cargo.toml mutants/Cargo.lock "$crate/"
cp mutants/lib.rs "$crate/src/"
cp -r src/transform "$crate/src/"
cp mutants/tests/*.rs "$crate/tests/"
mkdir -p "$crate/tests/integration"
cp tests/integration/{limits,neighbours,properties,told,twin}.rs "$crate/tests/integration/"
cp -r test-fixtures "$crate/"

# Ten thousand repeats of the same would find nothing here that the first of them does not.
tests=(-- --skip the_same_bytes)
if [ "${1-}" = --baseline ]; then
    CARGO_TARGET_DIR="$PWD/target/mutants/build" cargo test --locked --manifest-path "$crate/Cargo.toml" "${tests[@]}"
    exit
fi

if ! cargo mutants --version >/dev/null 2>&1; then
    # Without optimisation: it only calls Cargo.
    cargo install --locked --debug cargo-mutants --version 27.1.0
fi
# Some changes never end: the tests take a quarter of this time.
cargo mutants --dir "$crate" --gitignore false --output target/mutants --config mutants/equivalent.toml \
    --timeout 60 --no-shuffle "$@" -- "${tests[@]}"
