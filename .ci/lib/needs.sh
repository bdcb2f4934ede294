# shellcheck shell=bash
# What the steps need beside a Rust toolchain. Each `need_` installs what is missing, and nothing else.

missing=()

# $1: a command. $2: the Debian package it comes in.
need() {
    command -v "$1" >/dev/null || missing+=("$2")
}

install_missing() {
    ((${#missing[@]})) || return 0
    local as_root=()
    ((EUID)) && as_root=(sudo)
    echo "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
    missing=()
}

want_compiler() { need cc gcc; }

# libFuzzer is C++.
want_fuzzer() { need c++ g++; }

want_python() {
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
}

# The limiters of tests/interop.
want_limiters() {
    want_python
    need nginx nginx
    need haproxy haproxy
    need varnishd varnish
    local modules=(/usr/lib/*/varnish/vmods/libvmod_vsthrottle.so)
    [[ -e ${modules[0]} ]] || missing+=(varnish-modules)
    want_redis
    need node nodejs
    need npm npm
}

# The store of a fleet.
want_redis() { need redis-server redis-server; }

# What reads the page and the metrics of examples/gateway.
want_browser() {
    want_python
    need chromium chromium
}

# npm writes this file last.
node_packages() {
    local installed=tests/interop/node_modules/.package-lock.json
    [[ $installed -nt tests/interop/package-lock.json ]] || npm ci --loglevel=error --prefix tests/interop
}
