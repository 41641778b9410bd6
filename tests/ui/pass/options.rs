//! Everything the grammar allows.
use std::time::Duration;

use retry_http::{Jitter, retry_http};

const MAX: u32 = 7;
const BASE: Duration = Duration::from_millis(10);
const FACTOR: f64 = 1.5;
const JITTER: Jitter = Jitter::Equal;
const TEAPOT: u16 = 418;
const HEADER: &str = "X-Key";

type Answer = reqwest::Result<reqwest::Response>;

#[retry_http]
async fn nothing(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http()]
async fn empty(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(
    max = 5,
    on = [429, 5xx, connect, timeout],
    never = [401, 501, 505..=511],
    base = 250ms,
    factor = 2.5,
    cap = 1.5m,
    jitter = decorrelated,
    max_retry_after = 1h,
    idempotency_key = "PayPal-Request-Id",
    crate = ::retry_http,
)]
async fn everything(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(
    max = MAX,
    on = [TEAPOT, reqwest::StatusCode::TOO_MANY_REQUESTS.as_u16(), 202],
    base = BASE,
    factor = FACTOR,
    cap = Duration::from_secs(5),
    jitter = JITTER,
    max_retry_after = BASE,
    idempotency_key = HEADER,
)]
async fn constants(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

const RESET: &str = "x-my-reset";

#[retry_http(hint = ["X-RateLimit-Next", "x-other-reset-ms", RESET])]
async fn headers(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(idempotency_key = true)]
async fn wanted(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(on = [4xx], never = [400, 401, 403..=407], jitter = none, factor = 1)]
async fn carved(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(never = [connect, timeout, reset, body], jitter = 0)]
async fn no_failures(http: &reqwest::Client) -> Answer {
    http.get("http://localhost").send().await
}

#[retry_http(
    retry_if = |answer: &Answer| answer.is_err() && !url.is_empty(),
    never_if = |answer: &Answer| answer.is_ok() && note.is_none(),
)]
async fn predicates_over_arguments(http: &reqwest::Client, url: String, note: Option<String>) -> Answer {
    http.get(url).body(note.unwrap_or_default()).send().await
}

macro_rules! endpoint {
    ($name:ident, $max:expr, $base:expr, [$($on:expr),*]) => {
        #[retry_http(max = $max, base = $base, on = [$($on),*])]
        async fn $name(http: &reqwest::Client) -> Answer {
            http.get("http://localhost").send().await
        }
    };
}

endpoint!(by_macro, 3, 100ms, [429, 5xx, timeout]);

fn main() {}
