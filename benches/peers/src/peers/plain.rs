//! One request, whatever comes of it.

use reqwest::{Client, Response};

use super::bare_client;
use crate::call::Target;

peer!(Plain: Client = bare_client(), reqwest::Error);

async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    target.request(http).send().await
}

async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}
