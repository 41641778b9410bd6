use retry_http::retry_http;

#[retry_http(max = 0, factor = 0.5, jitter = 1.5)]
async fn out_of_range(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = -1, factor = -2, jitter = -0.5)]
async fn negative(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = "5", factor = "2", jitter = "full")]
async fn quoted(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = 5.0, factor = fast, jitter = ful)]
async fn wrong_kind(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = 4294967296, factor = 1e300)]
async fn huge(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
