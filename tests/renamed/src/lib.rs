//! The facade under another name: nothing that the attribute generates may look for `retry_http`.
#![deny(warnings)]

use again::retry_http;

/// Async.
///
/// # Errors
///
/// reqwest's.
#[retry_http(max = 1, base = 1ms, on = [429, connect], jitter = full, crate = again)]
pub async fn asynchronous(http: &reqwest::Client, url: &str) -> reqwest::Result<reqwest::Response> {
    http.execute(http.get(url).build()?).await
}

/// Sync.
///
/// # Errors
///
/// reqwest's.
#[retry_http(crate = ::again)]
pub fn blocking(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<String> {
    http.get(url).send()?.text()
}
