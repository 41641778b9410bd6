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
cargo test --workspace --all-features
# The fault matrix, TLS and compression, with features of reqwest that no other test is to see.
cargo test --manifest-path tests/faults/Cargo.toml --target-dir "$target"
# The crates that users come from, which nothing else needs.
cargo test --manifest-path migrations/Cargo.toml --target-dir "$target"
# Without the feature `blocking`, of which the macro says that sync functions need it.
cargo test --package retry-macros --lib without
cargo run --quiet --package quickstart
# The examples as the first command has built them, with its features.
for example in by_hand client endpoints; do
    "$target/debug/examples/$example"
done
"$target/debug/examples/observed" --seconds 3
# Both assert what they count: one in virtual time, the other over real sockets.
cargo build --quiet --release --package herd --package soak
"$target/release/herd" --seed 7
"$target/release/soak" --seed 1 --seconds 10 --callers 400
# Each file of the fuzzer's corpora, and mutations of them.
cargo test --manifest-path fuzz/Cargo.toml --target-dir "$target"
