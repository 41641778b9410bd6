//! A failed response is drained before the wait, so that its connection is used again.

use reqwest::{Client, Response};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};

const MEGABYTE: usize = 1 << 20;

#[retry_http(max = 5, base = 1ms)]
async fn asynchronous(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(max = 5, base = 1ms)]
fn blocking(
    http: &reqwest::blocking::Client,
    url: &str,
) -> Result<reqwest::blocking::Response, reqwest::Error> {
    http.get(url).send()
}

#[tokio::test]
async fn six_attempts_take_one_connection_async() {
    let server = Server::script([Reply::status(503).body(vec![b'x'; MEGABYTE])]);
    let last = asynchronous(&Client::new(), &server.url("/")).await.unwrap();
    assert_eq!(last.bytes().await.unwrap().len(), MEGABYTE, "the last response is not drained");
    assert_eq!((server.requests().len(), server.connections()), (6, 1));
}

#[test]
fn six_attempts_take_one_connection_blocking() {
    let server = Server::script([Reply::status(503).body(vec![b'x'; MEGABYTE])]);
    let last = blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    assert_eq!(last.bytes().unwrap().len(), MEGABYTE, "the last response is not drained");
    assert_eq!((server.requests().len(), server.connections()), (6, 1));
}

/// These would hang if draining had no bound.
mod endless {
    use super::*;

    fn server() -> Server {
        Server::script([Reply::status(503).endless(), Reply::status(200)])
    }

    #[tokio::test]
    async fn asynchronous() {
        let server = server();
        assert_eq!(super::asynchronous(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
        assert_eq!((server.requests().len(), server.connections()), (2, 2));
    }

    #[test]
    fn blocking() {
        let server = server();
        let http = reqwest::blocking::Client::new();
        assert_eq!(super::blocking(&http, &server.url("/")).unwrap().status(), 200);
        assert_eq!((server.requests().len(), server.connections()), (2, 2));
    }
}

/// A body that stalls is given up after a second.
mod stalled {
    use super::*;

    fn server() -> Server {
        Server::script([Reply::status(503).stalled(), Reply::status(200)])
    }

    #[tokio::test]
    async fn asynchronous() {
        let server = server();
        assert_eq!(super::asynchronous(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn blocking() {
        let server = server();
        let http = reqwest::blocking::Client::new();
        assert_eq!(super::blocking(&http, &server.url("/")).unwrap().status(), 200);
        assert_eq!(server.requests().len(), 2);
    }
}
