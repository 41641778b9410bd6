//! Refusals whose bodies are read as what they are not: HTML in place of JSON, an error in place of
//! a user. The refusal decides, not the error of the reader.

mod support;

use std::error::Error as StdError;

use anyhow::Context as _;
use reqwest::{Client, Method};
use retry_http::retry_http;
use retry_http::testing;
use retry_http::testing::server::{Reply, Server};
use serde::Deserialize;

const REFUSALS: [u16; 6] = [408, 429, 500, 502, 503, 504];

#[derive(Debug, Deserialize)]
struct User {
    name: String,
}

fn page(status: u16) -> Reply {
    Reply::status(status).header("content-type", "text/html").body("<h1>Sorry</h1>")
}

fn user() -> Reply {
    Reply::status(200).body("{\"name\": \"a\"}")
}

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("the call failed")]
    Http(#[from] reqwest::Error),
}

mod get {
    use super::*;

    #[retry_http(jitter = none)]
    pub async fn plain(http: &Client, url: &str) -> reqwest::Result<User> {
        http.get(url).send().await?.json().await
    }

    #[retry_http(jitter = none)]
    pub async fn bound(http: &Client, url: &str) -> Result<User, ApiError> {
        let response = http.get(url).send().await?;
        Ok(response.json().await?)
    }

    #[retry_http(jitter = none)]
    pub async fn context(http: &Client, url: &str) -> anyhow::Result<User> {
        let response = http.get(url).send().await.context("to send")?;
        response.json().await.context("to read")
    }

    #[retry_http(jitter = none)]
    pub async fn boxed(http: &Client, url: &str) -> Result<User, Box<dyn StdError + Send + Sync>> {
        Ok(http.get(url).send().await?.json::<User>().await?)
    }

    #[retry_http(jitter = none)]
    pub async fn text(http: &Client, url: &str) -> Result<User, String> {
        let text = http.get(url).send().await.map_err(|error| error.to_string())?.text().await;
        serde_json::from_str(&text.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }

    async fn read(response: reqwest::Response) -> reqwest::Result<User> {
        response.json().await
    }

    /// The read of the body is not seen.
    #[retry_http(jitter = none)]
    pub async fn elsewhere(http: &Client, url: &str) -> reqwest::Result<User> {
        read(http.get(url).send().await?).await
    }

    #[retry_http(jitter = none)]
    pub fn blocking(http: &reqwest::blocking::Client, url: &str) -> reqwest::Result<User> {
        http.get(url).send()?.json()
    }
}

/// Asserts that a refusal is waited for and repeated, for as long as it asks.
macro_rules! assert_repeated {
    ($call:path) => {
        for status in REFUSALS {
            let server = Server::script([page(status).header("retry-after", "7"), user()]);
            let kit = testing::instant();
            let answer = $call(&Client::new(), &server.url("/")).await.unwrap();
            assert_eq!((answer.name.as_str(), server.requests().len()), ("a", 2), "{status}");
            assert_eq!(kit.waits(), [std::time::Duration::from_secs(7)], "{status}");
            // Also an answer that is JSON, but not that of a user, and one in a wrong encoding.
            for body in [
                Reply::status(status).body("{\"error\": 1}"),
                page(status).header("content-encoding", "gzip"),
            ] {
                let server = Server::script([body, user()]);
                $call(&Client::new(), &server.url("/")).await.unwrap();
                assert_eq!(server.requests().len(), 2, "{status}");
            }
        }
        // What is not refused, or not to be retried, is not repeated.
        for status in [200, 400, 404, 422] {
            let server = Server::script([page(status), user()]);
            assert!($call(&Client::new(), &server.url("/")).await.is_err());
            assert_eq!(server.requests().len(), 1, "{status}");
        }
    };
}

#[tokio::test]
async fn a_refusal_is_repeated_in_whatever_form_it_leaves_the_function() {
    assert_repeated!(get::plain);
    assert_repeated!(get::bound);
    assert_repeated!(get::context);
    assert_repeated!(get::boxed);
    assert_repeated!(get::text);
    assert_repeated!(get::elsewhere);
}

#[test]
fn a_refusal_to_a_sync_function_is_repeated() {
    for status in REFUSALS {
        let server = Server::script([page(status).header("retry-after", "7"), user()]);
        let kit = testing::instant();
        let answer = get::blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
        assert_eq!((answer.name.as_str(), server.requests().len()), ("a", 2), "{status}");
        assert_eq!(kit.waits(), [std::time::Duration::from_secs(7)], "{status}");
    }
}

#[retry_http(base = 1ms)]
async fn post(http: &Client, url: &str) -> reqwest::Result<User> {
    http.post(url).send().await?.json().await
}

#[retry_http(base = 1ms, idempotency_key)]
async fn post_with_key(http: &Client, url: &str) -> reqwest::Result<User> {
    http.post(url).send().await?.json().await
}

#[tokio::test]
async fn a_refused_post_is_repeated_by_the_rules_of_a_post() {
    let http = Client::new();
    for status in REFUSALS {
        let server = Server::script([page(status), user()]);
        post_with_key(&http, &server.url("/")).await.unwrap();
        assert_eq!(server.requests().len(), 2, "{status}");

        let server = Server::script([page(status), user()]);
        let is_repeated = post(&http, &server.url("/")).await.is_ok();
        assert_eq!(
            (is_repeated, server.requests().len()),
            (status == 429, 1 + usize::from(status == 429)),
            "{status}"
        );
    }
}

/// Sends a request whose answer it ignores, then a GET.
#[retry_http(base = 1ms)]
async fn after(http: &Client, first: &Method, url: &str) -> reqwest::Result<User> {
    let ignored = http.request(first.clone(), url).send().await?;
    let user = http.get(url).send().await?.json().await;
    drop(ignored);
    user
}

#[tokio::test]
async fn the_answer_that_was_not_understood_decides() {
    let http = Client::new();
    for first in [Method::GET, Method::POST] {
        for status in REFUSALS {
            // The ignored refusal is not what failed.
            let server = Server::script([page(status), page(200), user()]);
            assert!(after(&http, &first, &server.url("/")).await.unwrap_err().is_decode());
            assert_eq!(server.requests().len(), 2, "{first} {status}");
        }
    }
    // A POST before the refused GET has been done.
    for (first, requests) in [(Method::GET, 4), (Method::POST, 2)] {
        let server = Server::script([user(), page(503), user(), user()]);
        assert_eq!(after(&http, &first, &server.url("/")).await.is_ok(), requests == 4);
        assert_eq!(server.requests().len(), requests, "{first}");
    }
}
