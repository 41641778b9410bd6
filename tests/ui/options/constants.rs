use std::time::Duration;

use reqwest::StatusCode;
use retry_http::{Jitter, Policy, policy, retry_http};

const NONE: u32 = 0;
const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(90);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
const SHRINKING: f64 = 0.5;
const MUCH: Jitter = Jitter::Fraction(2.0);
const OK: u16 = 200;
const BUSY: u16 = 503;
const CONFLICT: u16 = 409;

// All of them at once, each at its value.
#[retry_http(max = NONE, base = NOW, factor = SHRINKING, cap = YEAR, jitter = MUCH, on = [429, OK])]
async fn each(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = LONG)]
async fn base_above_default_cap(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = 2m, cap = LONG)]
async fn base_above_cap(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [5xx, BUSY, StatusCode::CONFLICT, CONFLICT])]
async fn repeated(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [429, BUSY], never = [5xx, StatusCode::TOO_MANY_REQUESTS])]
async fn contradiction(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const GENTLE: Policy = policy!(cap = 10s, never = [503]);

#[retry_http(policy = GENTLE, base = 20s, on = [429, 503])]
async fn against_the_policy(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const EAGER: Policy = policy!(base = NOW);

fn variable() -> Policy {
    policy!(on = [BUSY], never = [5xx])
}

fn limits(http: &reqwest::blocking::Client) -> reqwest::Result<reqwest::blocking::Response> {
    #[retry_http(policy = &retry_http::Policy::default(), max = NONE)]
    fn at_run_time(http: &reqwest::blocking::Client) -> reqwest::Result<reqwest::blocking::Response> {
        http.get("http://localhost").send()
    }

    at_run_time(http)
}

fn main() {
    _ = limits;
    _ = variable();
}
