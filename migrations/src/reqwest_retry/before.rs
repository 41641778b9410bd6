use std::time::Duration;

use reqwest::Client;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Result};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryTransientMiddleware};

pub struct Shop {
    http: ClientWithMiddleware,
    url: String,
}

impl Shop {
    pub fn new(http: Client, url: String) -> Self {
        let (base, cap) =
            (Duration::from_millis(500), Duration::from_secs(10));
        let waits = ExponentialBackoff::builder()
            .retry_bounds(base, cap)
            .jitter(Jitter::Bounded)
            .build_with_max_retries(3);
        let retries = RetryTransientMiddleware::new_with_policy(waits);
        Self { http: ClientBuilder::new(http).with(retries).build(), url }
    }

    pub async fn stock(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let response = self.http.get(url).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    pub async fn order(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/order", self.url);
        let response = self.http.post(url).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }
}
