use retry_http::{Policy, policy, retry_http};

#[retry_http(observer = "log")]
async fn a_name(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(observer = String::new())]
async fn another_type(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(observer = |event, more| _ = (event, more))]
async fn more_arguments(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(on_retry = |event| _ = event)]
async fn called_otherwise(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const WATCHED: Policy = policy!(observer = |event| _ = event);

fn main() {}
