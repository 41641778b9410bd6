//! The retries of reqwest's own, of which the client knows.

use reqwest::{Client, Response};

use crate::call::{RETRIES, Target, is_busy};

peer!(ReqwestItself: Client = client(), reqwest::Error);

fn client() -> Client {
    let retry = reqwest::retry::for_host("127.0.0.1")
        .no_budget()
        .max_retries_per_request(RETRIES)
        .classify_fn(|seen| match seen.status() {
            Some(status) if !is_busy(status) => seen.success(),
            _ => seen.retryable(),
        });
    Client::builder().retry(retry).build().expect("a client")
}

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    target.request(http).send().await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}
