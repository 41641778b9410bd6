//! tokio-retry, which retries errors only.

use std::time::Duration;

use reqwest::{Client, Response};
use tokio_retry::RetryIf;
use tokio_retry::strategy::{ExponentialBackoff, jitter};

use super::bare_client;
use crate::call::{BASE_MILLIS, CAP, RETRIES, Target, is_transient};

peer!(TokioRetry: Client = bare_client(), reqwest::Error);

/// Its waits are powers of 2 times a factor.
fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBackoff::from_millis(2)
        .factor(BASE_MILLIS / 2)
        .max_delay(CAP)
        .map(jitter)
        .take(RETRIES as usize)
}

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let send = || async { target.request(http).send().await?.error_for_status() };
    RetryIf::start(waits(), send, is_transient as fn(&reqwest::Error) -> bool).await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async { target.request(http).send().await?.error_for_status()?.text().await };
    RetryIf::start(waits(), send, is_transient as fn(&reqwest::Error) -> bool).await
}
