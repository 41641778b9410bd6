//! A failed response is drained before the wait, so that its connection is used again.

mod support;

use reqwest::{Client, Response};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};
use support::fake::{Canned, Fake};
use support::{ms, secs};

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

/// A body that stalls is read for as long as the wait is, but for at least 250 ms and at most a second.
mod stalled {
    use super::*;

    #[retry_http(max = 1, base = 5s, jitter = none)]
    async fn after_a_long_wait(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none)]
    async fn after_a_short_wait(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    #[retry_http(max = 1, base = 600ms, jitter = none)]
    async fn after_a_wait_between(fake: &Fake) -> Result<Response, reqwest::Error> {
        fake.answer().await
    }

    fn fake() -> Fake {
        Fake::new([Canned::status(429).stalls(), Canned::status(200)])
    }

    #[tokio::test(start_paused = true)]
    async fn draining_is_part_of_the_wait() {
        let fake = fake();
        assert_eq!(after_a_long_wait(&fake).await.unwrap().status(), 200);
        assert_eq!(fake.waits(), [secs(5)]);
    }

    /// The waits pass in no time, so the time between the requests is that of draining.
    #[tokio::test(start_paused = true)]
    async fn draining_is_given_up() {
        let kit = retry_http::testing::instant();
        let [long, short, between] = [fake(), fake(), fake()];
        after_a_long_wait(&long).await.unwrap();
        after_a_short_wait(&short).await.unwrap();
        after_a_wait_between(&between).await.unwrap();
        assert_eq!(kit.waits(), [secs(5), ms(1), ms(600)]);
        assert_eq!([long, short, between].map(|fake| fake.waits()), [[secs(1)], [ms(250)], [ms(600)]]);
    }

    #[tokio::test]
    async fn asynchronous() {
        let server = server();
        assert_eq!(super::asynchronous(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
        assert_eq!(server.requests().len(), 2);
        assert!(server.pauses()[0] >= ms(250), "{:?}", server.pauses());
    }

    #[test]
    fn blocking() {
        #[retry_http(max = 1, base = 5s, jitter = none)]
        fn after_a_long_wait(
            http: &reqwest::blocking::Client,
            url: &str,
        ) -> Result<reqwest::blocking::Response, reqwest::Error> {
            http.get(url).send()
        }

        let (http, kit) = (reqwest::blocking::Client::new(), retry_http::testing::instant());
        for (call, wait, drain) in
            [(super::blocking as fn(&_, &_) -> _, ms(1), ms(250)), (after_a_long_wait, secs(5), secs(1))]
        {
            let server = server();
            assert_eq!(call(&http, &server.url("/")).unwrap().status(), 200);
            assert_eq!(server.requests().len(), 2);
            assert!(server.pauses()[0] >= drain, "{:?}", server.pauses());
            assert!(kit.waits().last().unwrap() >= &wait, "{:?}", kit.waits());
        }
    }

    fn server() -> Server {
        Server::script([Reply::status(503).stalled(), Reply::status(200)])
    }
}
