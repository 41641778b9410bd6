use reqwest::blocking::Client;
use retry_http::retry_http;

#[retry_http(max = 2, base = 100ms, factor = 1, jitter = none)]
pub fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    http.get(url).send()?.error_for_status()?.json()
}
