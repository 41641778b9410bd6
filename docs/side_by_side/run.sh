#!/bin/bash
# Compiles ten mistakes in five attribute macros and writes what rustc prints to ../side-by-side.md.
set -euo pipefail
cd "$(dirname "$0")"
page=../side-by-side.md
root=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp Cargo.toml empty.rs "$work"
sed -i "s#path = \"../..\"#path = \"$root\"#" "$work/Cargo.toml"
mkdir "$work/examples"

cat > "$page" <<'TOP'
# Ten mistakes, five attribute macros

What the compiler prints for the same kind of mistake in `#[retry_http]`, in the two other retry attributes on crates.io and in
two attributes that everybody knows. Where a macro has nothing of the kind, the nearest it has is taken, or nothing.
This is the standard that our messages are held to; written by `docs/side_by_side/run.sh`, not by hand.

TOP
sed -n 's/^\(backon\|backon-macros\|retry-if\) = "=\(.*\)"/- \1 \2/p' Cargo.toml >> "$page"
echo "- $(rustc --version)" >> "$page"

# mistake TITLE: what follows is about it.
mistake() { number=$((${number:-0} + 1)); printf '\n## %s. %s\n' "$number" "$1" >> "$page"; }

# try MACRO: the code on stdin, compiled; the errors on the page.
try() {
    local name="m${number}_$1" code
    code=$(cat)
    printf '%s\n\nfn main() {}\n' "$code" > "$work/examples/$name.rs"
    printf '\n### %s\n\n```rust\n%s\n```\n\n```text\n' "$1" "$code" >> "$page"
    (cd "$work" && RUSTFLAGS="-A dead_code" CARGO_TERM_COLOR=never cargo check --quiet --example "$name" 2>&1 || true) \
        | grep -vE 'long-type|consider using `--verbose`|^(error: could not compile|warning: build failed|For more information|Some errors have|$)' \
        | sed "s#$work/##g; s#$root/##g; s#$HOME/[^ ]*/registry/src/[^/]*/##g; s#/[^ ]*/rustlib/src/##g" > "$work/out" || true
    if [ -s "$work/out" ]; then cat "$work/out" >> "$page"; else echo "(compiles)" >> "$page"; fi
    echo '```' >> "$page"
}

mistake "An option that is misspelled"
try retry_http <<'R'
#[retry_http::retry_http(maks = 5)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try backon_macros <<'R'
#[backon_macros::backon(wehn = is_retryable)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
fn is_retryable(_: &reqwest::Error) -> bool { true }
R
try tracing_instrument <<'R'
#[tracing::instrument(levle = "info")]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tokio_main <<'R'
#[tokio::main(flavour = "multi_thread")]
async fn start() {}
R

mistake "An option without a value"
try retry_http <<'R'
#[retry_http::retry_http(max)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try backon_macros <<'R'
#[backon_macros::backon(when)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try retry_if <<'R'
#[retry_if::retry()]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tracing_instrument <<'R'
#[tracing::instrument(level)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tokio_main <<'R'
#[tokio::main(flavor)]
async fn start() {}
R

mistake "A value of the wrong kind"
try retry_http <<'R'
#[retry_http::retry_http(max = "five", base = "500ms")]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try backon_macros <<'R'
#[backon_macros::backon(backoff = "exponential")]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try retry_if <<'R'
#[retry_if::retry("exponential", is_retryable)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
fn is_retryable(_: &reqwest::Result<reqwest::Response>) -> bool { true }
R
try tracing_instrument <<'R'
#[tracing::instrument(level = true)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tokio_main <<'R'
#[tokio::main(worker_threads = "five")]
async fn start() {}
R

mistake "A value that makes no sense"
try retry_http <<'R'
#[retry_http::retry_http(max = 0, factor = 0.5)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try retry_if <<'R'
use std::time::Duration;
const BACKOFF: retry_if::ExponentialBackoffConfig = retry_if::ExponentialBackoffConfig {
    max_retries: 0,
    t_wait: Duration::ZERO,
    backoff: 0.5,
    t_wait_max: None,
    backoff_max: None,
};
#[retry_if::retry(BACKOFF, is_retryable)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
fn is_retryable(_: &reqwest::Result<reqwest::Response>) -> bool { true }
R
try tokio_main <<'R'
#[tokio::main(worker_threads = 0)]
async fn start() {}
R

mistake "The same option twice"
try retry_http <<'R'
#[retry_http::retry_http(max = 5, max = 6)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try backon_macros <<'R'
#[backon_macros::backon(when = is_retryable, when = is_retryable)]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
fn is_retryable(_: &reqwest::Error) -> bool { true }
R
try tracing_instrument <<'R'
#[tracing::instrument(level = "info", level = "debug")]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tokio_main <<'R'
#[tokio::main(worker_threads = 1, worker_threads = 2)]
async fn start() {}
R

mistake "Two options that contradict each other"
try retry_http <<'R'
#[retry_http::retry_http(on = [429, 503], never = [5xx])]
async fn get(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}
R
try tokio_main <<'R'
#[tokio::main(flavor = "current_thread", worker_threads = 2)]
async fn start() {}
R

mistake "On something that is no function"
try retry_http <<'R'
#[retry_http::retry_http]
struct Client;
R
try backon_macros <<'R'
#[backon_macros::backon]
struct Client;
R
try retry_if <<'R'
#[retry_if::retry(BACKOFF, is_retryable)]
struct Client;
R
try tracing_instrument <<'R'
#[tracing::instrument]
struct Client;
R
try tokio_main <<'R'
#[tokio::main]
struct Client;
R

mistake "On a function that returns the wrong thing"
try retry_http <<'R'
#[retry_http::retry_http]
async fn get(http: &reqwest::Client) -> Option<reqwest::Response> {
    http.get("http://localhost").send().await.ok()
}
R
try backon_macros <<'R'
#[backon_macros::backon]
async fn get(http: &reqwest::Client) -> Option<reqwest::Response> {
    http.get("http://localhost").send().await.ok()
}
R
try tracing_instrument <<'R'
#[tracing::instrument(err)]
async fn get(http: &reqwest::Client) -> Option<reqwest::Response> {
    http.get("http://localhost").send().await.ok()
}
R

mistake "An argument that the body consumes"
try retry_http <<'R'
#[retry_http::retry_http]
async fn send(http: &reqwest::Client, request: Once) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").body(request.into_body()).send().await
}
struct Once(reqwest::Body);
impl Once { fn into_body(self) -> reqwest::Body { self.0 } }
R
try backon_macros <<'R'
#[backon_macros::backon]
async fn send(http: &reqwest::Client, request: Once) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").body(request.into_body()).send().await
}
struct Once(reqwest::Body);
impl Once { fn into_body(self) -> reqwest::Body { self.0 } }
R
try retry_if <<'R'
use std::time::Duration;
const BACKOFF: retry_if::ExponentialBackoffConfig = retry_if::ExponentialBackoffConfig {
    max_retries: 5,
    t_wait: Duration::from_secs(1),
    backoff: 2.0,
    t_wait_max: None,
    backoff_max: None,
};
#[retry_if::retry(BACKOFF, is_retryable)]
async fn send(http: &reqwest::Client, request: Once) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").body(request.into_body()).send().await
}
fn is_retryable(_: &reqwest::Result<reqwest::Response>) -> bool { true }
struct Once(reqwest::Body);
impl Once { fn into_body(self) -> reqwest::Body { self.0 } }
R

mistake "A mistake in the body"
try retry_http <<'R'
#[retry_http::retry_http]
async fn get(http: &reqwest::Client) -> reqwest::Result<u32> {
    let body = http.get("http://localhost").send().await?.text().await?;
    Ok(body)
}
R
try backon_macros <<'R'
#[backon_macros::backon]
async fn get(http: &reqwest::Client) -> reqwest::Result<u32> {
    let body = http.get("http://localhost").send().await?.text().await?;
    Ok(body)
}
R
try tracing_instrument <<'R'
#[tracing::instrument]
async fn get(http: &reqwest::Client) -> reqwest::Result<u32> {
    let body = http.get("http://localhost").send().await?.text().await?;
    Ok(body)
}
R
try tokio_main <<'R'
#[tokio::main]
async fn get() -> reqwest::Result<u32> {
    let body = reqwest::get("http://localhost").await?.text().await?;
    Ok(body)
}
R
