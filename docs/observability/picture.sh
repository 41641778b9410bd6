#!/usr/bin/env bash
# Makes dashboard.png: the example under a real Prometheus, its answers to the queries of dashboard.json, a browser.
# Needs the Debian packages prometheus, chromium and python3. Takes 80 s.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
started=()

free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
example=$(free) prometheus=$(free)

cargo build --quiet --example observed --features metrics,tracing
# Built where cargo says, which need not be `target`.
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
"$binary/debug/examples/observed" --listen "127.0.0.1:$example" --seconds 300 >"$work/observed.log" 2>&1 &
started+=($!)
sed "s/9898/$example/" prometheus.yml >"$work/prometheus.yml"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
    --web.listen-address="127.0.0.1:$prometheus" >"$work/prometheus.log" 2>&1 &
started+=($!)

sleep 75
python3 render.py "http://127.0.0.1:$prometheus" 60 >"$work/dashboard.html"
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$work/browser" --hide-scrollbars \
    --window-size=1210,1150 --screenshot="$PWD/dashboard.png" "file://$work/dashboard.html" >"$work/chromium.log" 2>&1
ls -l dashboard.png
