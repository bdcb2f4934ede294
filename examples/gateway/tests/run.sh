#!/usr/bin/env bash
# What clients and a browser make of the gateway: OpenAI's own Python SDK, Prometheus' parsers, and
# Chromium. Needs cargo, python3 with venv, and chromium. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../../.."

export PYTHONDONTWRITEBYTECODE=1
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet -p gateway --bins
python3 -m venv "$target/gateway-venv"
"$target/gateway-venv/bin/pip" install --quiet --disable-pip-version-check -r examples/gateway/tests/requirements.txt
GATEWAY_BINARIES="$target/debug" "$target/gateway-venv/bin/pytest" -p no:cacheprovider examples/gateway/tests "$@"
