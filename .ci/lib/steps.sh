# shellcheck shell=bash
# The steps of the default list, in their order. Each works alone.

steps=()
declare -A titles
# $1: the name of a step, which the function `step_NAME` runs. $2: what it checks.
step() {
    steps+=("$1")
    titles[$1]=$2
}

step needs "What the other steps need: installs it at once"
step_needs() {
    want_compiler
    want_fuzzer
    want_limiters
    want_browser
    install_missing
    rustc --version
    cargo --version
    node --version
    node_packages
}

step format "Format"
step_format() {
    cargo fmt --all --check
}

step words "One word for one thing: the glossary's other words stand nowhere"
step_words() {
    want_python
    install_missing
    .ci/words.py
}

step sizes "Functions of up to 60 lines, files of up to 400"
step_sizes() {
    want_python
    install_missing
    .ci/sizes.py
}

step cycles "No circle of files that use each other"
step_cycles() {
    want_python
    install_missing
    .ci/cycles.py
}

step lints "Lints: all features, the whole workspace"
step_lints() {
    cargo clippy --workspace --all-targets --all-features -- -D warnings
}

# What the library makes of each feature alone. The default is `json`.
step lints-features "Lints: no feature, and each feature alone"
step_lints_features() {
    cargo clippy --lib --no-default-features -- -D warnings
    local feature
    for feature in json serde batch journal util hyper-util http2 tracing metrics reqwest reqwest-middleware redis; do
        echo "-- $feature"
        cargo clippy --lib --no-default-features --features "$feature" -- -D warnings
    done
}

step tests "Tests: all features (the README's command), with doc tests and the example's own"
step_tests() {
    cargo test --all-features
}

step tests-bare "Tests: no feature"
step_tests_bare() {
    cargo test --no-default-features
}

# In real time, beside whatever else the machine does.
step interop "Tests: real rate limiters, which the step tests ignores"
step_interop() {
    want_limiters
    install_missing
    node_packages
    cargo build --quiet -p interop-tower-governor
    INTEROP_SLACK=3 cargo test --all-features --test interop -- --include-ignored
}

# In real time as well.
step fleet "Tests: members of a fleet through a real Redis, which the step tests ignores; and the example"
step_fleet() {
    want_redis
    install_missing
    cargo test --all-features --test fleet -- --include-ignored
    cargo test -p gateway fleet -- --include-ignored
    cargo run --quiet --features redis --example fleet
}

step faults "Tests: faults over real sockets, with an outage of ten seconds"
step_faults() {
    cargo test -p faults -- --include-ignored
}

step clients "Tests: the clients over sockets, under a cache, and the API that they call"
step_clients() {
    cargo test -p clients -p http_cache -p embedded-api
}

step recipes "Tests: the code of the README, and the examples that need more dependencies"
step_recipes() {
    cargo test -p recipes
}

step batch "Tests: the program batch as a whole, with TLS"
step_batch() {
    cargo test -p batch
}

step async-openai "Tests: async-openai"
step_async_openai() {
    cargo test -p async-openai-example
}

step gateway "Tests: the gateway"
step_gateway() {
    cargo test -p gateway
}

step gateway-clients "Tests: the gateway under OpenAI's SDK, Prometheus' parsers and Chromium"
step_gateway_clients() {
    want_browser
    install_missing
    examples/gateway/tests/run.sh -q
}

step loom "Tests: the gate under loom"
step_loom() {
    RUSTFLAGS="--cfg throttle_loom" CARGO_TARGET_DIR=target/loom cargo test --release --lib loom
}

step docs "Docs"
step_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --all-features --no-deps
}

step external-types "Public types: only those of tower, http and bytes, and of the crates that features name"
step_external_types() {
    want_python
    install_missing
    .ci/external_types.py
}

step public-api "The public API is the list of docs/public-api.txt"
step_public_api() {
    want_python
    install_missing
    .ci/public_api.py --check
}

step messages "What the compiler says of common mistakes"
step_messages() {
    cargo test -p messages
}

# Those for single clients exit with 1 if they lose anything.
step examples "Examples"
step_examples() {
    want_python
    install_missing
    cargo build --all-features --examples
    local name
    for name in hyper_client reqwest_client reqwest_middleware token_refresh priorities keyed deployments five_ways tokens watch resume; do
        echo "-- $name"
        cargo run --quiet --all-features --example "$name"
    done
    for name in axum_deadline reqwest_012; do
        echo "-- $name"
        cargo run --quiet -p recipes --bin "$name"
    done
    for name in http_cache async-openai-example; do
        echo "-- $name"
        cargo run --quiet -p "$name"
    done
    echo "-- million"
    cargo run --quiet --release --example million --features batch
    .ci/batch.py
}

step fuzz "Fuzzing: five minutes of responses, after which it says what they had"
step_fuzz() {
    want_fuzzer
    install_missing
    cargo run --quiet --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz -- \
        -max_total_time=300 -max_len=512 -len_control=0 -verbosity=0
}

step package "The package: what would be published, built from nothing else"
step_package() {
    cargo package --allow-dirty --quiet --list
    cargo package --allow-dirty --quiet
}

# Times, which other work on the machine disturbs: printed, not judged. `-- --check` judges them.
step overhead "Overhead"
step_overhead() {
    cargo bench --quiet --bench overhead
    cargo run --quiet --release -p peers
}

# Simulated time: the figures do not depend on the machine. Each scenario holds its bounds, or says itself why it
# does not.
step ground "The proving ground, and the simulated APIs"
step_ground() {
    cargo test --quiet --release -p ground -p sim
    cargo run --quiet --release -p ground -- --client throttle --check
    cargo run --quiet --release -p ground -- --classes --check
    cargo run --quiet --release -p ground -- --resume --check
    cargo run --quiet --release -p ground -- --fleet --seeds 12 --check
    cargo run --quiet --release -p ground -- --tokens --check
}
