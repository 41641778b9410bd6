use reqwest::{Client, Result};
use retry_http::retry_http;

fn is_transient(error: &reqwest::Error) -> bool {
    error.status().is_some_and(|s| s == 429 || s.is_server_error())
}

fn is_worth_it<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(is_transient)
}

fn is_final<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| !is_transient(error))
}

#[retry_http(max = 3, retry_if = is_worth_it, never_if = is_final)]
pub async fn stock(http: &Client, url: &str) -> Result<u32> {
    http.get(url).send().await?.error_for_status()?.json().await
}
