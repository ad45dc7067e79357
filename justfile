# The commands of this repository. `just` runs the service, and `just --list` lists the other recipes. `.ci/run` and the
# workflows use the same recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]

binary := "target/debug/rudder-kafka-transformer"

# Run the service on ports 9090 and 9091
run *arguments:
    cargo run --locked --release -- {{ arguments }}

# Check that the code is formatted
format:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check

# Lint all code, with every set of features
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings
    cargo clippy --locked --workspace --all-targets --features otlp -- -D warnings
    cargo clippy --locked --no-default-features --package rudder-kafka-transformer -- -D warnings

# Check for import cycles between files, and for files with more than 420 lines
layers:
    .ci/acyclic
    ! find src crates -name '*.rs' -path '*/src/*' -exec wc -l {} + | awk '$2 != "total" && $1 > 420' | grep .

# Check that no dependency needs a newer compiler than the workspace's rust-version
msrv:
    .ci/msrv

# Run all tests
test *arguments:
    cargo test {{ arguments }}

# Test the export of traces over OTLP
test-otlp:
    # Builds without optimization, because the few tests do little work, and the feature rebuilds most crates.
    CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo test --locked --features otlp --test integration -- otlp::

# Build and test the transformation on its own, as other projects would use it
test-transform:
    cargo test --locked --package rudder-kafka-transform --package rudder-kafka-json --lib

# Build the documentation of all crates
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

# Check spelling, words and sentences, and build the book
prose:
    .ci/prose {{ binary }}

# Count instructions per byte and compare them with bench/instructions.txt
instructions:
    bench/instructions.sh --check

# Benchmark the transformation in process
bench:
    cargo bench --locked

# Fuzz each target for the given number of seconds
fuzz seconds="30":
    # Fuzzing has a separate lock file, which the fuzzer would update silently.
    cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
    fuzz/run.sh {{ seconds }}

# Run mutation tests on the transformation and report surviving mutants
mutants *arguments:
    cargo mutants {{ arguments }}

# Check the alerts and the dashboard, and test them with a real Prometheus
alerts:
    .ci/promtool
    .ci/prometheus.py {{ binary }}

# Check licenses, bans and sources of dependencies
deny:
    .ci/cargo-tool cargo-deny 0.20.2
    cargo deny --locked check licenses bans sources

# Check the running service against its OpenAPI document, and its pages in a browser
api:
    .ci/api/run {{ binary }}

# Lint scripts and workflows
scripts:
    .ci/scripts

# Lint, render and validate the Helm chart and the kustomization
chart:
    .ci/chart/run {{ binary }}

# Test every supported kind of connection with a real Apache Kafka broker
kafka:
    PYTHONDONTWRITEBYTECODE=1 python3 .ci/kafka/check.py {{ binary }} "$(.ci/kafka/jars)"

# Send events through the services of the compose file
pipeline:
    .ci/pipeline/run {{ binary }} "$(.ci/kafka/jars)"

# Build all release artifacts for this machine's architecture in target/dist
dist:
    .ci/dist

# Check, install and run the artifacts of `just dist`
dist-check:
    .ci/release/check

# Run every check, as CI does
ci:
    .ci/run
