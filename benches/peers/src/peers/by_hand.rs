//! A loop as one would write it: by status and kind of failure, with backoff, jitter, and
//! `Retry-After` in seconds.

use std::time::Duration;

use reqwest::{Client, Response};

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_busy, is_refusal, is_transient};

peer!(ByHand: Client = bare_client(), reqwest::Error);

pub(crate) async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    let mut retries = 0;
    loop {
        let outcome = target.request(http).send().await;
        if !is_refusal(&outcome) || retries == RETRIES {
            return outcome;
        }
        let asked = outcome.as_ref().ok().and_then(retry_after);
        drop(outcome);
        tokio::time::sleep(asked.unwrap_or_else(|| backoff(retries))).await;
        retries += 1;
    }
}

pub(crate) async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    let mut retries = 0;
    loop {
        let mut asked = None;
        let outcome = async {
            let response = target.request(http).send().await?;
            if is_busy(response.status()) {
                asked = retry_after(&response);
            }
            response.error_for_status()?.text().await
        }
        .await;
        if !outcome.as_ref().is_err_and(is_transient) || retries == RETRIES {
            return outcome;
        }
        drop(outcome);
        tokio::time::sleep(asked.unwrap_or_else(|| backoff(retries))).await;
        retries += 1;
    }
}

pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get("retry-after")?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

pub(crate) fn backoff(retries: u32) -> Duration {
    let delay = BASE * 2_u32.pow(retries);
    (delay + delay.mul_f64(rand::random::<f64>() / 2.0)).min(CAP)
}
