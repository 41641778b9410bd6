use retry_http::{Policy, policy, retry_http};

const GENTLE: Policy = policy!(max = 2);

struct Api {
    retry: Option<Policy>,
}

#[retry_http(policy = Some(GENTLE))]
async fn an_option(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

impl Api {
    #[retry_http(policy = self.retry, max = 5)]
    async fn of_a_field(&self, http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
        http.get("http://localhost").send().await
    }
}

fn main() {}
