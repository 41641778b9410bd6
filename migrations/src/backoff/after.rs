use reqwest::Client;
use retry_http::retry_http;

// `deadline` ends the call long before ten retries are used up.
#[retry_http(max = 10, base = 250ms, factor = 1.5, cap = 10s, deadline = 3s)]
pub async fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let response = http.get(url).send().await?;
    response.error_for_status()?.json().await
}
