use std::time::Duration;

use reqwest::Client;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Result};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use retry_http::retry_http;

pub struct Shop {
    // For methods that have not been moved.
    retrying: ClientWithMiddleware,
    // For annotated methods. Add your other middleware to both clients.
    http: ClientWithMiddleware,
    url: String,
}

impl Shop {
    pub fn new(http: Client, url: String) -> Self {
        let (base, cap) =
            (Duration::from_millis(500), Duration::from_secs(10));
        let waits = ExponentialBackoff::builder()
            .retry_bounds(base, cap)
            .build_with_max_retries(3);
        let retries = RetryTransientMiddleware::new_with_policy(waits);
        Self {
            // Clones of a `reqwest::Client` share its connections.
            retrying: ClientBuilder::new(http.clone())
                .with(retries)
                .build(),
            http: ClientBuilder::new(http).build(),
            url,
        }
    }

    #[retry_http(max = 3, base = 500ms, cap = 10s)]
    pub async fn stock(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let response = self.http.get(url).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    pub async fn order(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/order", self.url);
        let response = self.retrying.post(url).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }
}
