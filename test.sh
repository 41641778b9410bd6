#!/usr/bin/env bash
# Sets up what the tests need and is missing, then runs all of them. On Debian, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")"

# What the tests and benchmarks need beyond cargo: command, Debian package.
needs=("cc gcc" "valgrind valgrind")

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

cargo test --workspace --all-features
# The macro without a feature: what it says of sync functions.
cargo test --package retry-macros
cargo run --quiet --example quickstart
cargo run --quiet --example by_hand
cargo run --quiet --example client
cargo run --quiet --example observed --all-features -- --seconds 3
