use retry_http::{Upstream, retry_http};

const GITHUB: Upstream = Upstream::new("github");

#[retry_http(upstream = GITHUB)]
async fn a_const(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(upstream = &GITHUB)]
async fn a_reference_to_a_const(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(upstream = GITHUB.scope("search"))]
async fn a_scope_of_a_const(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
