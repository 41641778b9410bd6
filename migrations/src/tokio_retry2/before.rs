use std::time::Duration;

use reqwest::Client;
use tokio_retry2::strategy::{ExponentialFactorBackoff, jitter};
use tokio_retry2::{Retry, RetryError};

pub async fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let waits = ExponentialFactorBackoff::from_millis(500, 2.0)
        .max_delay(Duration::from_secs(10))
        .map(jitter)
        .take(3);
    let attempt = || async { fetch(http, url).await.map_err(sort) };
    Retry::spawn(waits, attempt).await
}

async fn fetch(http: &Client, url: &str) -> reqwest::Result<u32> {
    let response = http.get(url).send().await?;
    response.error_for_status()?.json().await
}

fn sort(error: reqwest::Error) -> RetryError<reqwest::Error> {
    match error.status() {
        Some(status) if status.is_client_error() && status != 429 => {
            RetryError::permanent(error)
        }
        _ => RetryError::transient(error),
    }
}
