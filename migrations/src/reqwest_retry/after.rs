use reqwest::{Client, Result};
use retry_http::retry_http;

pub struct Shop {
    http: Client,
    url: String,
}

#[retry_http(max = 3, base = 500ms, cap = 10s)]
impl Shop {
    pub fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    pub async fn stock(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let response = self.http.get(url).send().await?;
        response.error_for_status()?.json().await
    }

    // The server does an order once, by its key.
    #[retry_http(idempotency_key)]
    pub async fn order(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/order", self.url);
        let response = self.http.post(url).send().await?;
        response.error_for_status()?.json().await
    }
}
