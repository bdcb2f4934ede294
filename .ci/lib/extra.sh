# shellcheck shell=bash
# Steps that run by name only: each needs a toolchain, a tool or an address that a plain machine lacks.

extras=()
extra() {
    extras+=("$1")
    titles[$1]=$2
}

# clippy's `incompatible_msrv` knows the standard library's functions; only this build knows the
# dependencies' own minimum.
extra msrv "The library on the minimum Rust version (rustup installs that toolchain)"
step_msrv() {
    local version
    version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    rustup toolchain install "$version" --profile minimal
    cargo "+$version" check --lib --locked
    # All but `redis`, whose own minimum is higher.
    cargo "+$version" check --lib --locked --features util,http2,reqwest-middleware
    version=1.88
    rustup toolchain install "$version" --profile minimal
    cargo "+$version" check --lib --locked --all-features
}

# The package without its dev-dependencies, whose own lower bounds are nobody's affair.
# RUSTC_BOOTSTRAP=1 lets a stable cargo read the flag.
extra minimal-versions "The library with the oldest dependencies that Cargo.toml allows (crates.io)"
step_minimal_versions() {
    want_python
    install_missing
    .ci/minimal_versions.py
}

# Every set of features that differs: some features contain others.
extra powerset "Every set of features (several minutes)"
step_powerset() {
    local client other batch features
    RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=target/powerset \
        cargo check --quiet --lib --no-default-features --features redis
    for client in "" hyper-util http2 reqwest reqwest,http2 reqwest-middleware reqwest-middleware,http2; do
        for other in "" json util json,util serde json,util,serde; do
            for batch in "" batch journal; do
                features="$client,$other,$batch"
                echo "-- ${features//,/ }"
                RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=target/powerset \
                    cargo check --quiet --lib --no-default-features --features "$features"
            done
        done
    done
}

extra docsrs "Docs as docs.rs builds them (unstable flags of a stable compiler)"
step_docsrs() {
    RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS="--cfg docsrs -D warnings" CARGO_TARGET_DIR=target/docsrs \
        cargo doc --all-features --no-deps
}

# $1: a cargo subcommand of crates.io.
cargo_tool() {
    cargo "${1#cargo-}" --version >/dev/null 2>&1 || cargo install --locked "$1"
}

extra deny "Licences, advisories and sources of the dependencies (cargo-deny, and its database on GitHub)"
step_deny() {
    cargo_tool cargo-deny
    cargo deny --all-features check
}

# There is nothing to compare with before the first release.
extra semver "No breaking change without a new version (cargo-semver-checks, from the first release on)"
step_semver() {
    cargo_tool cargo-semver-checks
    cargo semver-checks --all-features
}

extra shell "ShellCheck: the scripts of .ci (Debian's shellcheck)"
step_shell() {
    need shellcheck shellcheck
    install_missing
    shellcheck -x .ci/run .ci/lib/*.sh examples/gateway/tests/run.sh
}
