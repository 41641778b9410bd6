//! The name of the header of a key.
use retry_http::{Policy, policy, retry_http};

const SPACED: &str = "X Key";
const LENGTH: &str = "content-length";
const WANTED: bool = true;

#[retry_http(idempotency_key = "")]
async fn empty(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(max = 2, idempotency_key = "X-Key: 1", idempotent = false)]
async fn no_name(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = "authorization")]
async fn taken(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = "true")]
async fn quoted(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = "order-7")]
async fn key(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = 1)]
async fn number(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = ["X-Key"])]
async fn list(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = SPACED)]
async fn constant(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = WANTED)]
async fn flag(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = self.header)]
async fn at_run_time(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key = "PayPal-Request-Id", idempotent = false)]
async fn contradiction(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

const NAMED: Policy = policy!(idempotency_key = "X-Key");
const UNNAMED: Policy = policy!(idempotency_key = LENGTH);

#[retry_http(policy = NAMED, idempotent = false)]
async fn against_the_policy(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

fn main() {}
