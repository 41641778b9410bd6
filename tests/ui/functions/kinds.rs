use retry_http::retry_http;

#[retry_http]
struct Client;

#[retry_http]
enum Kind {}

#[retry_http]
mod api {}

#[retry_http]
const MAX: u32 = 5;

#[retry_http]
impl Client {}

trait Api {
    #[retry_http]
    async fn user(&self) -> reqwest::Result<reqwest::Response>;
}

#[retry_http]
const fn constant() -> reqwest::Result<u32> {
    Ok(1)
}

fn main() {}
