//! backoff, which retries the errors that are called transient.

use backoff::future::retry;
use backoff::{Error, ExponentialBackoff, ExponentialBackoffBuilder};
use reqwest::{Client, Response};

use super::bare_client;
use crate::call::{BASE, CAP, Target, is_transient};

peer!(Backoff: Client = bare_client(), reqwest::Error);

fn waits() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(BASE)
        .with_multiplier(2.0)
        .with_max_interval(CAP)
        .build()
}

fn sort(error: reqwest::Error) -> Error<reqwest::Error> {
    if is_transient(&error) { Error::transient(error) } else { Error::permanent(error) }
}

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let send =
        || async { target.request(http).send().await.and_then(Response::error_for_status).map_err(sort) };
    retry(waits(), send).await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async {
        let response =
            target.request(http).send().await.and_then(Response::error_for_status).map_err(sort)?;
        response.text().await.map_err(sort)
    };
    retry(waits(), send).await
}
