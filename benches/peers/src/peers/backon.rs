//! backon, which retries errors only.

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Response};

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_transient};

peer!(Backon: Client = bare_client(), reqwest::Error);

pub(crate) fn waits() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(BASE)
        .with_factor(2.0)
        .with_max_delay(CAP)
        .with_max_times(RETRIES as usize)
        .with_jitter()
}

pub(crate) async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let send = || async { target.request(http).send().await?.error_for_status() };
    send.retry(waits()).when(is_transient).await
}

pub(crate) async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async { target.request(http).send().await?.error_for_status()?.text().await };
    send.retry(waits()).when(is_transient).await
}
