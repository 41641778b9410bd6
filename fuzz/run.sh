#!/usr/bin/env bash
# Runs each target of the fuzzer for some seconds (10 by default), from the corpora of the repository.
# What it finds is in fuzz/artifacts, and what else it learns in the target folder.
#
#   fuzz/run.sh [SECONDS] [TARGET..]
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-10}
targets=("${@:2}")
((${#targets[@]})) || targets=(hints dates policy_text attribute redis)

command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz

# cargo-fuzz needs flags of a nightly compiler. The code has no `unsafe`, so no sanitizer is needed.
export RUSTC_BOOTSTRAP=1
folder=${CARGO_TARGET_DIR:-target}/fuzz
for target in "${targets[@]}"; do
    mkdir -p "$folder/corpus/$target"
    cargo fuzz run --fuzz-dir . --sanitizer none --features libfuzzer --target-dir "$folder" "$target" \
        "$folder/corpus/$target" "corpus/$target" -- \
        -dict="$target.dict" -max_total_time="$seconds" -timeout=30 -max_len=4096 -print_final_stats=1 -verbosity=0
done
