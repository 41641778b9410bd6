use reqwest::Client;
use retry_http::{policy, retry_http};

#[retry_http(transparent, max = 5, on = [429], timeout = 1s)]
async fn with_a_policy(http: &Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(transparent = true)]
async fn with_a_value(http: &Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(transparent)]
async fn that_calls_nothing(n: u32) -> Result<u32, String> {
    Ok(n + 1)
}

#[retry_http(transparent)]
struct OnAStruct;

struct Api;

#[retry_http(transparent)]
impl Api {
    async fn get(&self, http: &Client) -> reqwest::Result<reqwest::Response> {
        http.get("http://localhost").send().await
    }
}

#[retry_http(max = 2)]
impl Api {
    #[retry_http(transparent, skip)]
    async fn both(&self, http: &Client) -> reqwest::Result<reqwest::Response> {
        http.get("http://localhost").send().await
    }

    async fn endpoint(&self, http: &Client) -> reqwest::Result<reqwest::Response> {
        self.both(http).await
    }
}

#[retry_http(transparent)]
#[retry_http(max = 2)]
async fn twice(http: &Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

#[retry_http(passthrough)]
async fn by_another_name(http: &Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

const POLICY: retry_http::Policy = policy!(max = 2, transparent);

fn main() {}
