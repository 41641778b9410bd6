use retry_http::retry_http;

struct Cursor(u32);

struct Api(reqwest::Client, retry_http::Policy);

#[retry_http]
async fn changed(http: &reqwest::Client, mut cursor: Cursor) -> reqwest::Result<reqwest::Response> {
    cursor.0 += 1;
    http.get("http://localhost").send().await
}

#[retry_http]
async fn callback(http: &reqwest::Client, mut next: impl FnMut() -> String) -> reqwest::Result<reqwest::Response> {
    http.get(next()).send().await
}

#[retry_http(policy = self.1)]
impl Api {
    async fn login(http: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
        http.get("http://localhost").send().await
    }

    async fn get(&self) -> reqwest::Result<reqwest::Response> {
        self.0.get("http://localhost").send().await
    }
}

fn main() {}
