#![deny(unused_mut)]

use reqwest::{Client, Response};
use retry_http::retry_http;

#[retry_http]
async fn consumed(http: &Client, mut url: String) -> reqwest::Result<Response> {
    http.get(url).send().await
}

#[retry_http]
async fn borrowed(http: &Client, mut url: String, (mut left, right): (String, String)) -> reqwest::Result<Response> {
    http.get(&url).header(&left, &right).send().await
}

#[retry_http]
fn blocking(http: &reqwest::blocking::Client, mut url: String) -> reqwest::Result<reqwest::blocking::Response> {
    http.get(url).send()
}

#[retry_http]
fn future(http: Client, mut url: String) -> impl Future<Output = reqwest::Result<Response>> {
    async move { http.get(url).send().await }
}

// Here `mut` is needed.
#[retry_http]
async fn changed(http: &Client, mut url: String, mut id: u64) -> reqwest::Result<Response> {
    id += 1;
    url.push_str(&id.to_string());
    http.get(url).send().await
}

#[retry_http]
fn changed_before(http: Client, mut url: String) -> impl Future<Output = reqwest::Result<Response>> {
    url.push('/');
    async move { http.get(url).send().await }
}

fn main() {}
