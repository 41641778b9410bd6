//! reqwest-retry, a middleware.

use reqwest::Response;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Result};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{
    Jitter, RetryTransientMiddleware, Retryable, RetryableStrategy, default_on_request_failure,
};

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_busy};

peer!(ReqwestRetry: ClientWithMiddleware = client(), Error);

struct Statuses;

impl RetryableStrategy for Statuses {
    fn handle(&self, outcome: &Result<Response>) -> Option<Retryable> {
        match outcome {
            Ok(response) => is_busy(response.status()).then_some(Retryable::Transient),
            Err(error) => default_on_request_failure(error),
        }
    }
}

fn client() -> ClientWithMiddleware {
    let waits = ExponentialBackoff::builder()
        .retry_bounds(BASE, CAP)
        .base(2)
        .jitter(Jitter::Bounded)
        .build_with_max_retries(RETRIES);
    let retries = RetryTransientMiddleware::new_with_policy_and_strategy(waits, Statuses);
    ClientBuilder::new(bare_client()).with(retries).build()
}

async fn response(http: &ClientWithMiddleware, target: &Target) -> Result<Response> {
    target.request_through(http).send().await
}

async fn string(http: &ClientWithMiddleware, target: &Target) -> Result<String> {
    let response = target.request_through(http).send().await?;
    Ok(response.error_for_status()?.text().await?)
}
