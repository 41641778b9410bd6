use reqwest::Client;
use retry_http::retry_http;

#[retry_http(max = 3, base = 500ms, cap = 10s)]
pub async fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let response = http.get(url).send().await?;
    response.error_for_status()?.json().await
}
