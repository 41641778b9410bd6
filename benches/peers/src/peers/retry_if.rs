//! retry-if, an attribute with a predicate over what the function returns.

#![allow(unexpected_cfgs, reason = "the attribute asks whether this package has a feature `tracing`")]

use reqwest::{Client, Response};
use retry_if::{ExponentialBackoffConfig, retry};

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_refusal, is_transient};

peer!(RetryIf: Client = bare_client(), reqwest::Error);

const BACKOFF: ExponentialBackoffConfig = ExponentialBackoffConfig {
    max_retries: RETRIES,
    t_wait: BASE,
    backoff: 2.0,
    t_wait_max: None,
    backoff_max: Some(CAP),
};

fn is_transient_text(outcome: &reqwest::Result<String>) -> bool {
    outcome.as_ref().is_err_and(is_transient)
}

#[retry(BACKOFF, is_refusal)]
async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    target.request(http).send().await
}

#[retry(BACKOFF, is_transient_text)]
async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}
