use retry_http::retry_http;

#[retry_http(jitter = 50%)]
async fn percent(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [429 503], base = 1 s, cap = 5s)]
async fn punctuation(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on = [500-504, Timeout], jitter = Full)]
async fn other_spellings(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(idempotency-key, max-attempts = 3)]
async fn hyphens(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(max(3))]
async fn parentheses(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

#[retry_http(max: 3)]
async fn colon(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.post("http://localhost").send().await
}

fn main() {}
