use retry_http::retry_http;

struct ApiError;

async fn hidden() -> Result<String, ApiError> {
    Err(ApiError)
}

#[retry_http]
async fn own_error() -> Result<String, ApiError> {
    hidden().await
}

#[retry_http]
async fn text() -> Result<u32, String> {
    hidden().await.map(|_| 1).map_err(|_| String::new())
}

struct Api;

impl Api {
    async fn send(&self) -> Result<String, ApiError> {
        hidden().await
    }

    /// What is called on `self` is not reqwest's, whatever its name.
    #[retry_http]
    async fn own_send(&self) -> Result<String, ApiError> {
        self.send().await
    }
}

fn main() {}
