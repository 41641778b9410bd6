use retry_http::{Policy, Upstream, policy, retry_http};

static GITHUB: Upstream = Upstream::new("github");
static NAME: &str = "github";

#[retry_http(upstream = "github")]
async fn a_name(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(upstream = NAME)]
async fn another_type(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(upstream)]
async fn nothing(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(rate_limiter = GITHUB)]
async fn called_otherwise(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(upstream = Upstream::new("github"))]
async fn always_new(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const SHARED: Policy = policy!(upstream = GITHUB);

#[retry_http(upstream = retry_http::Upstream::new("x").without_budget())]
async fn a_new_one_by_its_path(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
