//! `retry!`: blocks and closures are retried as functions are.

mod support;

use std::error::Error;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::testing::{self};
use retry_http::{Event, Observer, Policy, Step, Stop, policy, retry, retry_http};
use support::{assert_waits, is_send, key};

fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "7"),
        Reply::status(503),
        Reply::status(200).body("hello"),
    ])
}

#[tokio::test]
async fn a_block_is_a_future() {
    let (server, kit) = (recovering(), testing::instant());
    let (http, url) = (Client::new(), server.url("/"));
    let call = retry!(max = 5, on = [429, 503]; async {
        http.get(&url).send().await?.error_for_status()?.text().await
    });
    assert_eq!(server.requests().len(), 0, "nothing runs before the first poll");
    assert_eq!(call.await.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &[7.0..=7.5, 2.0..=3.0]);
}

#[test]
fn a_closure_blocks() {
    let (server, kit) = (recovering(), testing::instant());
    let http = reqwest::blocking::Client::new();
    let text = retry!(max = 5, on = [429, 503]; || {
        http.get(server.url("/")).send()?.error_for_status()?.text()
    });
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert_waits(&kit.waits(), &[7.0..=7.5, 2.0..=3.0]);
}

#[tokio::test]
async fn every_form() {
    let http = Client::new();
    let answers = async |server: Server| {
        assert_eq!(server.requests().len(), 3);
    };
    let server = recovering();
    let response = retry!(async { http.get(server.url("/")).send().await }).await.unwrap();
    assert_eq!(response.status(), 200);
    answers(server).await;
    let server = recovering();
    let response: Response = retry!(; async { http.get(server.url("/")).send().await }).await.unwrap();
    assert_eq!(response.status(), 200);
    answers(server).await;
}
