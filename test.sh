#!/usr/bin/env bash
# Sets up what the tests need and is missing, then runs all of them. On Debian, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")"

# What the tests and benchmarks need beyond cargo: command, Debian package.
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

cargo test --workspace --all-features
# The macro without a feature: what it says of sync functions.
cargo test --package retry-macros
cargo run --quiet --example quickstart
cargo run --quiet --example by_hand
cargo run --quiet --example client
cargo run --quiet --example endpoints
# The herd in virtual time, and what it must keep to.
mkdir -p target
cargo run --quiet --release --example herd -- --seed 7 --out target/herd | tee target/herd.txt
awk '
    { value[$1] = $2 }
    function check(name, ok) { if (!ok) { print name " " value[name] " is not what was promised"; wrong = 1 } }
    END {
        check("metastable_recovery_ratio:", value["metastable_recovery_ratio:"] <= 1.1 && value["metastable_recovery_ratio:"] > 0)
        check("outage_load_ratio:", value["outage_load_ratio:"] <= 1.1 && value["outage_load_ratio:"] >= 1)
        check("outage_load_ratio_with_hints:", value["outage_load_ratio_with_hints:"] <= 1.1 && value["outage_load_ratio_with_hints:"] > 0)
        check("limited_useful_share:", value["limited_useful_share:"] >= 0.95)
        exit wrong
    }' target/herd.txt
cargo run --quiet --example observed --all-features -- --seconds 3
