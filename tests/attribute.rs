//! The attribute over real sockets: what is sent again, how often, and what is returned.

mod support;

use reqwest::{Client, Response, StatusCode};
use retry_http::retry_http;
use support::ms;
use support::server::{Reply, Server, nobody};

/// The line of the card, but for its waits: a second each would make these tests minutes.
mod card {
    use super::*;

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 1ms)]
    pub async fn asynchronous(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    #[retry_http(max = 5, on = [429, 503], never = [401], base = 1ms)]
    pub fn blocking(
        http: &reqwest::blocking::Client,
        url: &str,
    ) -> Result<reqwest::blocking::Response, reqwest::Error> {
        http.get(url).send()
    }
}

fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after", "0.2"),
        Reply::status(503),
        Reply::status(200).body("hello"),
    ])
}

#[tokio::test]
async fn recovers() {
    let server = recovering();
    let response = card::asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert!(server.pauses()[0] >= ms(200), "{:?}", server.pauses());
    assert!(server.pauses()[1] >= ms(2), "{:?}", server.pauses());
}

#[test]
fn recovers_blocking() {
    let server = recovering();
    let response = card::blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(response.text().unwrap(), "hello");
    assert_eq!(server.requests().len(), 3);
    assert!(server.pauses()[0] >= ms(200), "{:?}", server.pauses());
    assert!(server.pauses()[1] >= ms(2), "{:?}", server.pauses());
}

#[tokio::test]
async fn never_is_never() {
    let server = Server::script([Reply::status(401)]);
    let response = card::asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn gives_up_with_the_last_outcome() {
    let server = Server::new(|n, _| Reply::status(503).body(format!("{n}")));
    let response = card::asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().await.unwrap(), "5", "the last response is returned, unread");
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn connection_refused() {
    let error = card::asynchronous(&Client::new(), &nobody()).await.unwrap_err();
    assert!(error.is_connect());
}
