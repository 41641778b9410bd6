//! The attribute.

use reqwest::{Client, Response};
use retry_http::retry_http;

use super::bare_client;
use crate::call::Target;

peer!(Ours: Client = bare_client(), reqwest::Error);

#[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms)]
async fn response(http: &Client, target: &Target) -> reqwest::Result<Response> {
    target.request(http).send().await
}

#[retry_http(max = 5, on = [429, 503], never = [401], base = 50ms)]
async fn string(http: &Client, target: &Target) -> reqwest::Result<String> {
    target.request(http).send().await?.error_for_status()?.text().await
}
