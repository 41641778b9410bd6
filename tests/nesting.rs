//! The innermost annotated function decides: outer ones do not retry a failure that it gave up on.

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use reqwest::{Client, Response};
use retry_http::retry_http;
use retry_http::testing::server::{Reply, Server};
use support::fake::{Canned, Fake};
use support::ms;

type Answer = Result<String, reqwest::Error>;

#[retry_http(max = 5, base = 1ms)]
async fn inner(http: &Client, url: &str) -> Answer {
    http.get(url).send().await?.error_for_status()?.text().await
}

#[retry_http(max = 5, base = 1ms)]
async fn middle(http: &Client, url: &str) -> Answer {
    inner(http, url).await
}

#[retry_http(max = 5, base = 1ms)]
async fn outer(http: &Client, url: &str) -> Answer {
    middle(http, url).await
}

#[tokio::test]
async fn three_levels_make_six_requests() {
    let server = Server::script([Reply::status(503)]);
    outer(&Client::new(), &server.url("/")).await.unwrap_err();
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn three_levels_make_six_requests_blocking() {
    use reqwest::blocking::Client;

    #[retry_http(max = 5, base = 1ms)]
    fn inner(http: &Client, url: &str) -> Answer {
        http.get(url).send()?.error_for_status()?.text()
    }

    #[retry_http(max = 5, base = 1ms)]
    fn middle(http: &Client, url: &str) -> Answer {
        inner(http, url)
    }

    #[retry_http(max = 5, base = 1ms)]
    fn outer(http: &Client, url: &str) -> Answer {
        middle(http, url)
    }

    let server = Server::script([Reply::status(503)]);
    outer(&Client::new(), &server.url("/")).unwrap_err();
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn an_outer_function_retries_what_the_inner_one_does_not_list() {
    #[retry_http(base = 1ms, on = [429])]
    async fn inner(http: &Client, url: &str) -> Answer {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 2, base = 1ms)]
    async fn outer(http: &Client, url: &str) -> Answer {
        inner(http, url).await
    }

    let server = Server::script([Reply::status(503)]);
    outer(&Client::new(), &server.url("/")).await.unwrap_err();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_outer_function_retries_a_send_of_its_own() {
    #[retry_http(max = 1, base = 1ms)]
    async fn fallback(http: &Client, broken: &str, other: &str) -> Answer {
        if let Ok(text) = inner(http, broken).await {
            return Ok(text);
        }
        http.get(other).send().await?.error_for_status()?.text().await
    }

    let broken = Server::script([Reply::status(503)]);
    let other = Server::script([Reply::status(503), Reply::status(200).body("x")]);
    assert_eq!(fallback(&Client::new(), &broken.url("/"), &other.url("/")).await.unwrap(), "x");
    assert_eq!((broken.requests().len(), other.requests().len()), (12, 2));
}

#[tokio::test]
async fn a_failure_of_one_of_two_joined_calls_is_not_retried() {
    #[retry_http(max = 5, base = 1ms)]
    async fn both(http: &Client, one: &str, two: &str) -> Result<(String, String), reqwest::Error> {
        tokio::try_join!(inner(http, one), inner(http, two))
    }

    let (one, two) = (Server::script([Reply::status(503)]), Server::script([Reply::status(200)]));
    both(&Client::new(), &one.url("/"), &two.url("/")).await.unwrap_err();
    assert_eq!(one.requests().len(), 6, "what failed in one of them is not retried");
}

#[tokio::test]
async fn a_call_in_a_spawned_task_decides_nothing_outside() {
    #[retry_http(max = 2, base = 1ms)]
    async fn spawning(http: &Client, own: &str, other: String) -> Answer {
        let task = tokio::spawn({
            let http = http.clone();
            async move { inner(&http, &other).await }
        });
        // The task gives up while this attempt is waiting for it, but on its own account.
        task.await.expect("no panic").unwrap_err();
        helper(http, own).await
    }

    #[retry_http(transparent)]
    async fn helper(http: &Client, url: &str) -> Answer {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    let other = Server::script([Reply::status(503)]);
    let own = Server::script([Reply::status(503), Reply::status(200).body("x")]);
    assert_eq!(spawning(&Client::new(), &own.url("/"), other.url("/")).await.unwrap(), "x");
    assert_eq!((own.requests().len(), other.requests().len()), (2, 12));
}

#[retry_http(max = 2, on = [503])]
async fn below(fake: &Fake) -> Result<Response, reqwest::Error> {
    fake.answer().await
}

#[retry_http(max = 2, on = [503])]
async fn above(fake: &Fake) -> Result<Response, reqwest::Error> {
    below(fake).await
}

/// Returns the number of attempts that a call makes on its own.
fn alone(statuses: &[u16]) -> usize {
    statuses.iter().take(3).position(|status| *status == 200).map_or(3, |at| at + 1)
}

proptest! {
    /// Two concurrent nested calls on one thread, polled in any order, make the attempts that they
    /// make alone.
    #[test]
    fn concurrent_calls_do_not_affect_each_other(
        one in proptest::collection::vec(prop_oneof![Just(200u16), Just(503)], 3),
        two in proptest::collection::vec(prop_oneof![Just(200u16), Just(503)], 3),
        yields in (0..4usize, 0..4usize),
        order in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fakes = [(&one, yields.0), (&two, yields.1)].map(|(script, yields)| {
                Fake::new(script.iter().map(|status| Canned::status(*status).yields(yields)))
            });
            let (mut first, mut second) = (pin!(above(&fakes[0])), pin!(above(&fakes[1])));
            let mut done = [false; 2];
            for pick in order.iter().copied().chain((0..2000).map(|n| n % 2 == 0)) {
                let mut context = Context::from_waker(Waker::noop());
                let at = usize::from(pick);
                if !done[at] {
                    let polled = if pick { second.as_mut().poll(&mut context) } else { first.as_mut().poll(&mut context) };
                    done[at] = matches!(polled, Poll::Ready(_));
                }
                tokio::time::advance(ms(50)).await;
            }
            assert_eq!(done, [true; 2]);
            for (script, fake) in [&one, &two].iter().zip(&fakes) {
                assert_eq!(fake.requests(), alone(script));
            }
        });
    }
}
