//! Which failures are safe to repeat, over real sockets: by method, and by how an answer broke.

mod support;

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::{Client, Method};
use retry_http::retry_http;
use serde_json::Value;
use support::ms;
use support::server::{Reply, Server};

#[retry_http(base = 1ms)]
async fn send(
    http: &Client,
    method: &Method,
    url: &str,
    key: Option<&str>,
) -> Result<reqwest::Response, reqwest::Error> {
    let mut request = http.request(method.clone(), url);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    request.send().await
}

async fn requests(method: &Method, key: Option<&str>, reply: Reply) -> usize {
    let http = Client::builder().timeout(ms(100)).build().unwrap();
    let server = Server::script([reply]);
    // How it ends is not the question here, but how often it was tried.
    let _: Result<_, reqwest::Error> = send(&http, method, &server.url("/"), key).await;
    server.requests().len()
}

#[tokio::test]
async fn a_read_timeout_is_repeated_only_where_that_is_safe() {
    let late = || Reply::status(200).late(Duration::from_secs(5));
    assert_eq!(requests(&Method::GET, None, late()).await, 4);
    assert_eq!(requests(&Method::PUT, None, late()).await, 4);
    assert_eq!(requests(&Method::POST, None, late()).await, 1);
    assert_eq!(requests(&Method::PATCH, None, late()).await, 1);
    assert_eq!(requests(&Method::POST, Some("\"k\""), late()).await, 4);
}

#[tokio::test]
async fn a_dropped_connection_is_repeated_only_where_that_is_safe() {
    assert_eq!(requests(&Method::GET, None, Reply::Drop).await, 4);
    assert_eq!(requests(&Method::POST, None, Reply::Drop).await, 1);
    assert_eq!(requests(&Method::POST, Some("k"), Reply::Drop).await, 4);
}

#[tokio::test]
async fn a_status_is_repeated_only_where_that_is_safe() {
    for (status, get, post) in [(500, 4, 1), (502, 4, 1), (504, 4, 1), (408, 4, 1), (429, 4, 4), (503, 4, 4)]
    {
        assert_eq!(requests(&Method::GET, None, Reply::status(status)).await, get, "GET {status}");
        assert_eq!(requests(&Method::POST, None, Reply::status(status)).await, post, "POST {status}");
    }
    for status in [200, 204, 301, 400, 401, 403, 404, 409, 422, 501] {
        assert_eq!(requests(&Method::GET, None, Reply::status(status)).await, 1, "GET {status}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_not_repeated() {
    let outcome = send(&Client::new(), &Method::GET, "not a url", None).await;
    assert!(outcome.unwrap_err().is_builder(), "the builder's own error");
}

#[retry_http(base = 1ms)]
async fn json(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
    http.get(url).send().await?.json().await
}

/// The error says nothing, the read of the body is seen.
#[retry_http(base = 1ms)]
async fn text(http: &Client, url: &str) -> Result<String, String> {
    let response = http.get(url).send().await.map_err(|error| error.to_string())?;
    response.text().await.map_err(|error| error.to_string())
}

#[retry_http(base = 1ms)]
async fn chunks(http: &Client, url: &str) -> Result<usize, String> {
    let mut response = http.get(url).send().await.map_err(|error| error.to_string())?;
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        length += chunk.len();
    }
    Ok(length)
}

#[retry_http(base = 1ms)]
async fn posted(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
    http.post(url).send().await?.json().await
}

fn truncated() -> Reply {
    Reply::Truncate { status: 200, body: b"{\"a\": ".to_vec() }
}

#[tokio::test]
async fn a_truncated_body_is_repeated() {
    let http = Client::new();
    let server = Server::script([truncated(), Reply::status(200).body("{\"a\": 1}")]);
    assert_eq!(json(&http, &server.url("/")).await.unwrap()["a"], 1);
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated(), Reply::status(200).body("x")]);
    assert_eq!(text(&http, &server.url("/")).await.unwrap(), "x");
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated(), Reply::status(200).body("xyz")]);
    assert_eq!(chunks(&http, &server.url("/")).await.unwrap(), 3);
    assert_eq!(server.requests().len(), 2);

    let server = Server::script([truncated()]);
    posted(&http, &server.url("/")).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "a POST that was answered has been done");
}

#[tokio::test]
async fn malformed_json_is_not_repeated() {
    let server = Server::script([Reply::status(200).body("{\"a\": ")]);
    let error = json(&Client::new(), &server.url("/")).await.unwrap_err();
    assert!(error.is_decode());
    assert_eq!(server.requests().len(), 1);
}

mod blocking {
    use super::*;
    use reqwest::blocking::Client;

    #[retry_http(base = 1ms)]
    fn json(http: &Client, url: &str) -> Result<Value, reqwest::Error> {
        http.get(url).send()?.json()
    }

    #[retry_http(base = 1ms)]
    fn read(http: &Client, url: &str) -> Result<String, Box<dyn StdError>> {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut http.get(url).send()?, &mut text)?;
        Ok(text)
    }

    #[retry_http(base = 1ms)]
    fn send(http: &Client, method: Method, url: &str) -> Result<String, reqwest::Error> {
        http.request(method.clone(), url).send()?.text()
    }

    #[test]
    fn a_truncated_body_is_repeated_and_malformed_json_is_not() {
        let http = Client::new();
        let server = Server::script([truncated(), Reply::status(200).body("{\"a\": 1}")]);
        assert_eq!(json(&http, &server.url("/")).unwrap()["a"], 1);
        assert_eq!(server.requests().len(), 2);

        let server = Server::script([truncated(), Reply::status(200).body("x")]);
        assert_eq!(read(&http, &server.url("/")).unwrap(), "x");
        assert_eq!(server.requests().len(), 2);

        let server = Server::script([Reply::status(200).body("{\"a\": ")]);
        assert!(json(&http, &server.url("/")).unwrap_err().is_decode());
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_read_timeout_is_repeated_only_where_that_is_safe() {
        let http = Client::builder().timeout(ms(100)).build().unwrap();
        for (method, requests) in [(Method::GET, 4), (Method::POST, 1)] {
            let server = Server::script([Reply::status(200).late(Duration::from_secs(5))]);
            let error = send(&http, method, &server.url("/")).unwrap_err();
            assert!(error.is_timeout());
            assert_eq!(server.requests().len(), requests);
        }
    }
}
