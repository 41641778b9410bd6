use std::time::Duration;

use retry_http::{Policy, policy, retry_http};

const NOW: Duration = Duration::ZERO;
const SHORT: Duration = Duration::from_millis(500);
const UNAUTHORIZED: u16 = 401;

#[retry_http(deadline = 0s, timeout = 0ms)]
async fn no_time(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 30, timeout = "5s")]
async fn units(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 5s, timeout = 5s, base = 6s, max_retry_after = 10s)]
async fn across(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 800ms)]
async fn within_default_base(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(idempotent = maybe, idempotency_key = order)]
async fn flags(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(idempotency_key, idempotent = false)]
async fn key_of_what_is_not_repeatable(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(timeout = 5s, idempotency_key)]
async fn no_send(error: reqwest::Error) -> reqwest::Result<reqwest::Response> {
    Err(error)
}

#[retry_http(timeout = 5s)]
async fn a_request_that_is_not_ours() -> reqwest::Result<reqwest::Response> {
    reqwest::get("http://localhost").await
}

#[retry_http(max_elapsed_time = 5s, request_timeout = 5s, on_unauthorized = login())]
async fn names_of_others(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = NOW, timeout = NOW)]
async fn constants(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = SHORT)]
async fn constant_within_default_base(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 5s, timeout = Duration::from_secs(5), max_retry_after = Duration::from_secs(10))]
async fn constants_across(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const BOUNDED: Policy = policy!(deadline = 10s, timeout = 2s, never = [401], idempotent = false);

#[retry_http(policy = BOUNDED, timeout = 20s, idempotency_key, reauth = login())]
async fn against_the_policy(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(reauth = login(), never = [401])]
async fn never_renewed(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = login(), never = [400..=403])]
async fn never_renewed_by_a_range(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = login(), never = [UNAUTHORIZED])]
async fn never_renewed_by_a_constant(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = || login())]
async fn a_closure(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = login_or_not().await?)]
async fn tried(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = "login")]
async fn a_name(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline: 10s, timeout(3s))]
async fn other_languages(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 10 s)]
async fn a_space(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = none, timeout = [connect])]
async fn words(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(deadline = 10s + 5s, timeout = Some(5s))]
async fn units_in_expressions(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth)]
async fn nothing(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = String::from("token"))]
async fn no_answer(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(reauth = login())]
fn a_future_in_a_sync_function(
    http: &reqwest::blocking::Client,
) -> reqwest::Result<reqwest::blocking::Response> {
    http.get("http://localhost").send()
}

const LOGIN: Policy = policy!(reauth = login());

async fn login_or_not() -> Result<(), String> {
    Ok(())
}

async fn login() -> bool {
    true
}

fn main() {}
