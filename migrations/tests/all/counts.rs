//! The clients of one or two methods.

use std::time::Duration;

use migrations::{backoff, backon, blocking, by_hand, reqwest_retry, tokio_retry2, tower};
use reqwest::Client;
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};

use crate::seen::{
    ASKED, always, asks_to_wait, client, compare, only_after_obeys, recovers, seen, sends_as_many, waits,
};

#[tokio::test(start_paused = true)]
async fn backon() {
    let before = async |http, url| backon::before::Shop { http, url }.stock(7).await;
    let after = async |http, url| backon::after::Shop { http, url }.stock(7).await;
    compare("7", (before, waits(1.0..=2.0)), (after, waits(1.0..=2.0))).await;

    let before = async |http, url| backon::before::Shop { http, url }.order(7).await;
    let after = async |http, url| backon::after::Shop { http, url }.order(7).await;
    compare("7", (before, waits(1.0..=2.0)), (after, waits(1.0..=2.0))).await;
}

#[tokio::test(start_paused = true)]
async fn a_predicate_of_backon() {
    let call = async |http, url: String| backon::when::stock(&http, &url).await;
    for (status, requests) in [(501, 4), (503, 4), (408, 1), (404, 1)] {
        assert_eq!(seen(always(status), call).await.requests, requests, "{status}");
    }
}

/// The services before end with the headers of the response.
#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off() {
    let breaks = || vec![Reply::status(200).body("7").truncated()];
    let before = async |http, url| reqwest_retry::before::Shop::new(http, url).stock(7).await;
    let after = async |http, url| reqwest_retry::after::Shop::new(http, url).stock(7).await;
    assert_eq!(seen(breaks(), before).await.requests, 1);
    assert_eq!(seen(breaks(), after).await.requests, 4);
    let before = async |http, url| tower::before::Shop::new(http, url).stock(7).await;
    let after = async |http, url| tower::after::Shop::new(http, url).stock(7).await;
    assert_eq!(seen(breaks(), before).await.requests, 1);
    assert_eq!(seen(breaks(), after).await.requests, 4);
}

#[tokio::test(start_paused = true)]
async fn reqwest_retry() {
    let before = async |http, url| reqwest_retry::before::Shop::new(http, url).stock(7).await;
    let after = async |http, url| reqwest_retry::after::Shop::new(http, url).stock(7).await;
    // From 250 ms each, and at most what it would be without jitter.
    compare("7", (before, 0.65..=3.6), (after, waits(1.0..=1.5))).await;

    let breaks = [Reply::reset(), Reply::hang_up(), Reply::status(200).body("7")];
    sends_as_many(breaks.to_vec(), 3, before, after).await;

    let before = async |http, url| reqwest_retry::before::Shop::new(http, url).order(7).await;
    let after = async |http, url| reqwest_retry::after::Shop::new(http, url).order(7).await;
    compare("7", (before, 0.65..=3.6), (after, waits(1.0..=1.5))).await;
}

#[tokio::test(start_paused = true)]
async fn tokio_retry2() {
    let before = async |http, url: String| tokio_retry2::before::stock(&http, &url).await;
    let after = async |http, url: String| tokio_retry2::after::stock(&http, &url).await;
    compare("7", (before, waits(0.5..=1.5)), (after, waits(1.0..=1.5))).await;
}

#[tokio::test(start_paused = true)]
async fn tower() {
    let before = async |http, url| tower::before::Shop::new(http, url).stock(7).await;
    let after = async |http, url| tower::after::Shop::new(http, url).stock(7).await;
    compare("7", (before, waits(1.0..=1.5)), (after, waits(1.0..=1.5))).await;
}

#[tokio::test(start_paused = true)]
async fn by_hand() {
    let before = async |http, url: String| by_hand::before::stock(&http, &url).await;
    let after = async |http, url: String| by_hand::after::stock(&http, &url).await;
    compare("7", (before, waits(1.0..=1.0)), (after, waits(1.0..=1.5))).await;
}

/// On the real clock, since backoff reads it. Both end by the time, and chance decides how often
/// they have sent by then.
#[tokio::test]
async fn backoff() {
    let before = async |http, url: String| backoff::before::stock(&http, &url).await;
    let after = async |http, url: String| backoff::after::stock(&http, &url).await;
    sends_as_many(recovers("7"), 3, before, after).await;
    sends_as_many(always(404), 1, before, after).await;
    only_after_obeys(Duration::from_secs(1), "7", before, after).await;

    let (old, new) = tokio::join!(seen(always(503), before), seen(always(503), after));
    assert!(!old.succeeded && (4..=7).contains(&old.requests), "before: {old:?}");
    assert!(!new.succeeded && (4..=5).contains(&new.requests), "after: {new:?}");

    // The wait that the server asks for would not end before the deadline.
    let new = seen(asks_to_wait(ASKED, "7"), after).await;
    assert!(!new.succeeded && new.requests == 1 && new.waited < ASKED, "after: {new:?}");
}

#[test]
fn blocking() {
    let http = reqwest::blocking::Client::builder().no_proxy().build().expect("a client");
    for (script, requests) in [(recovers("7"), 3), (always(503), 3), (always(404), 1)] {
        let (old, new) = (Server::script(script.clone()), Server::script(script));
        let before = blocking::before::stock(&http, &old.url("/"));
        let after = blocking::after::stock(&http, &new.url("/"));
        assert_eq!(before.is_ok(), after.is_ok());
        for server in [old, new] {
            assert_eq!(server.requests().len(), requests);
            assert!(server.pauses().iter().all(|pause| *pause >= Duration::from_millis(100)));
        }
    }

    let asked = Duration::from_secs(2);
    let script = asks_to_wait(asked, "7");
    let (old, new) = (Server::script(script.clone()), Server::script(script));
    blocking::before::stock(&http, &old.url("/")).expect("a stock");
    blocking::after::stock(&http, &new.url("/")).expect("a stock");
    assert_eq!((old.requests().len(), new.requests().len()), (2, 2));
    assert!(old.pauses()[0] < asked, "a tenth of a second, and a busy machine");
    assert!(new.pauses()[0] >= asked);
}

/// Without `idempotency_key` and without `on`, a POST is sent once where it may have been done.
#[tokio::test(start_paused = true)]
async fn a_post_is_retried_by_key_or_list() {
    #[retry_http(max = 3)]
    async fn careful(http: &Client, url: &str) -> reqwest::Result<u32> {
        http.post(url).send().await?.error_for_status()?.json().await
    }
    #[retry_http(max = 3, on = [429, 5xx])]
    async fn listed(http: &Client, url: &str) -> reqwest::Result<u32> {
        http.post(url).send().await?.error_for_status()?.json().await
    }
    let careful = async |http, url: String| careful(&http, &url).await;
    let listed = async |http, url: String| listed(&http, &url).await;
    assert_eq!(seen(always(503), careful).await.requests, 1);
    assert_eq!(seen(always(429), careful).await.requests, 4);
    assert_eq!(seen(always(503), listed).await.requests, 4);

    let server = Server::script(always(503));
    backon::before::Shop { http: client(), url: server.url("/old") }.order(7).await.expect_err("503");
    backon::after::Shop { http: client(), url: server.url("/new") }.order(7).await.expect_err("503");
    let keys = |path: &str| {
        let requests = server.requests().into_iter().filter(|request| request.path.starts_with(path));
        requests.map(|request| request.headers.get("idempotency-key").cloned()).collect::<Vec<_>>()
    };
    assert_eq!(keys("/old"), [None, None, None, None]);
    let [key, rest @ ..] = &keys("/new")[..] else { panic!("no request") };
    assert!(key.is_some() && rest.len() == 3 && rest.iter().all(|other| other == key));
}
