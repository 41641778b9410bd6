//! tokio-retry2, which retries the errors that are called transient.

use std::time::Duration;

use reqwest::{Client, Response};
use tokio_retry2::strategy::{ExponentialFactorBackoff, jitter};
use tokio_retry2::{Retry, RetryError};

use super::bare_client;
use crate::call::{BASE_MILLIS, CAP, RETRIES, Target, is_transient};

peer!(TokioRetry2: Client = bare_client(), reqwest::Error);

fn waits() -> impl Iterator<Item = Duration> {
    ExponentialFactorBackoff::from_millis(BASE_MILLIS, 2.0).max_delay(CAP).map(jitter).take(RETRIES as usize)
}

fn sort(error: reqwest::Error) -> RetryError<reqwest::Error> {
    if is_transient(&error) { RetryError::transient(error) } else { RetryError::permanent(error) }
}

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let send =
        || async { target.request(http).send().await.and_then(Response::error_for_status).map_err(sort) };
    Retry::spawn(waits(), send).await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async {
        let response =
            target.request(http).send().await.and_then(Response::error_for_status).map_err(sort)?;
        response.text().await.map_err(sort)
    };
    Retry::spawn(waits(), send).await
}
