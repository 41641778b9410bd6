use retry_http::retry_http;

const BASE: u64 = 5;
const MAX: &str = "5";

#[retry_http(base = BASE, max = MAX)]
async fn constants_of_other_types(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    http.get("http://localhost").send().await
}

fn main() {}
