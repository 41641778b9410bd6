use std::time::Duration;

use retry_http::{Jitter, retry_http};

const NONE: u32 = 0;
const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(90);
const SHRINKING: f64 = 0.5;
const MUCH: Jitter = Jitter::Fraction(2.0);
const OK: u16 = 200;

#[retry_http(max = NONE)]
async fn max(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = NOW)]
async fn base(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = LONG)]
async fn base_above_cap(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(factor = SHRINKING)]
async fn factor(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(jitter = MUCH)]
async fn jitter(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [OK])]
async fn status(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
