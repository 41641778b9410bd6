use retry_http::retry_http;

#[retry_http(base = 500, cap = "60s", max_retry_after = 2min)]
async fn units(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = 0s, cap = 25h, max_retry_after = 99999999999999999999h)]
async fn bounds(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = -1s, cap = 0x10s, max_retry_after = true)]
async fn kinds(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = 2s, cap = 1s)]
async fn base_above_cap(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = 2m)]
async fn base_above_default_cap(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(cap = 500ms)]
async fn cap_below_default_base(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(base = 100 msec, cap = 10 seconds, deadline = 1m30s, timeout = 2 fortnights)]
async fn words(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
