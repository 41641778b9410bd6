//! Functions in which no send is visible: what helpers send is seen where they are annotated, or transparent.

use retry_http::retry_http;

struct ApiError;

async fn hidden() -> Result<String, ApiError> {
    Err(ApiError)
}

#[retry_http]
async fn own_error() -> Result<String, ApiError> {
    hidden().await
}

#[retry_http(timeout = 5s, deadline = 10s, idempotency_key)]
async fn text() -> Result<u32, String> {
    hidden().await.map(|_| 1).map_err(|_| String::new())
}

struct Api;

impl Api {
    #[retry_http(transparent)]
    async fn send(&self) -> Result<String, ApiError> {
        hidden().await
    }

    #[retry_http]
    async fn own_send(&self) -> Result<String, ApiError> {
        self.send().await
    }
}

fn main() {
    let _ = (own_error(), text(), Api.own_send());
}
