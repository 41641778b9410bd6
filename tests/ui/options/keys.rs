use retry_http::retry_http;

#[retry_http(mx = 5, delay = 1s, max_retries = 3)]
async fn unknown(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = 5, base = 1s, max = 6)]
async fn twice(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max, base =, on = , cap = 5s)]
async fn no_value(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(max = 5 base = 1s, = 3, "max" = 5)]
async fn no_key(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(crate = 5)]
async fn number_as_crate(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("x").send().await
}

#[retry_http(crate = "retry_http")]
async fn quoted_crate(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

// Every function is still there to be called.
async fn callers(http: &reqwest::Client) {
    let _ = (unknown(http).await, twice(http).await, no_value(http).await, no_key(http).await);
    let _ = quoted_crate(http).await;
}

#[retry_http(docs = no)]
async fn docs(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(skip = true)]
async fn skip(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(attempts = 3, when = is_transient, timeout_ms = 500, on = [server_error, rate_limit])]
async fn as_others_have_it(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
