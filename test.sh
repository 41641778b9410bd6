#!/usr/bin/env bash
# Sets up what the tests need and is missing, then runs all of them. On Debian, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")"

# Commands that the tests and benchmarks need beyond cargo, each with its Debian package.
needs=("cc gcc" "valgrind valgrind" "redis-server redis-server" "nginx nginx-light")

missing=()
for need in "${needs[@]}"; do
    read -r command package <<<"$need"
    command -v "$command" >/dev/null || missing+=("$package")
done
if ((${#missing[@]})); then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -q
    $sudo apt-get install -qy --no-install-recommends "${missing[@]}"
fi

target=${CARGO_TARGET_DIR:-target}
# Tests need no debugger, and are compiled in less time without what one needs.
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}" CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"

# The fault matrix, TLS and compression, with features of reqwest that no other test is to see; the
# crates that users come from, which nothing else needs; the fuzzer's corpora, and mutations of them.
others=(tests/faults migrations fuzz)
test_other() { cargo test --manifest-path "$1/Cargo.toml" --target-dir "$target" "${@:2}"; }
# Without the feature `blocking`, of which the macro says that sync functions need it.
test_without_blocking() { cargo test --package retry-macros --lib "$@"; }
# Asserts what it counts, in virtual time.
build_herd() { cargo build --quiet --release --package herd; }

# The messages of the compiler; with the features of the whole workspace, or its dependencies would
# be compiled twice.
test_messages() { cargo test --workspace --all-features --test ui; }

# Most tests wait more than they work. What only works is done meanwhile, as far as they leave time:
# it begins to compile when their own compilation ends.
beside=$(mktemp)
work_beside() {
    sleep 5
    local failed=0
    test_messages || failed=$?
    for other in "${others[@]}"; do
        test_other "$other" --no-run || failed=$?
    done
    build_herd || failed=$?
    cargo build --quiet --package quickstart || failed=$?
    test_without_blocking --no-run || failed=$?
    return "$failed"
}
set -m # so that it is a process group
work_beside >"$beside" 2>&1 &
worker=$!
set +m
renice -n 19 -p "$worker" >/dev/null
trap 'kill -- "-$worker" 2>/dev/null || true; rm -f "$beside"' EXIT

cargo test --workspace --exclude ui --all-features
wait "$worker" || { cat "$beside"; exit 1; }
cat "$beside"
for other in "${others[@]}"; do
    test_other "$other"
done
test_without_blocking without
cargo run --quiet --package quickstart
# The examples as the first command has built them, with its features.
for example in by_hand client endpoints; do
    "$target/debug/examples/$example"
done
"$target/debug/examples/observed" --seconds 3
"$target/release/herd" --seed 7
