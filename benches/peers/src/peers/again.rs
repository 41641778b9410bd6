//! again, which retries errors only.

use again::RetryPolicy;
use reqwest::{Client, Response};

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_transient};

peer!(Again: Client = bare_client(), reqwest::Error);

fn policy() -> RetryPolicy {
    RetryPolicy::exponential(BASE).with_jitter(true).with_max_delay(CAP).with_max_retries(RETRIES as usize)
}

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let send = || async { target.request(http).send().await?.error_for_status() };
    policy().retry_if(send, is_transient).await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let send = || async { target.request(http).send().await?.error_for_status()?.text().await };
    policy().retry_if(send, is_transient).await
}
