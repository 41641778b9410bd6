use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::Client;

pub struct Shop {
    pub http: Client,
    pub url: String,
}

fn waits() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(10))
        .with_max_times(3)
        .with_jitter()
}

fn is_transient(error: &reqwest::Error) -> bool {
    let status = error.status();
    error.is_timeout()
        || error.is_connect()
        || status.is_some_and(|s| s == 429 || s.is_server_error())
}

impl Shop {
    pub async fn stock(&self, id: u64) -> reqwest::Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let fetch = || async {
            let response = self.http.get(&url).send().await?;
            response.error_for_status()?.json().await
        };
        fetch.retry(waits()).when(is_transient).await
    }

    pub async fn order(&self, id: u64) -> reqwest::Result<u32> {
        let url = format!("{}/items/{id}/order", self.url);
        let send = || async {
            let response = self.http.post(&url).send().await?;
            response.error_for_status()?.json().await
        };
        send.retry(waits())
            .when(is_transient)
            .notify(|error, wait| eprintln!("{error}, again in {wait:?}"))
            .await
    }
}
