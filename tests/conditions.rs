//! Lists that add to the default, statuses that count only with a hint, and policies that are off.

mod support;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Policy, policy, retry_http, testing};
use serde::{Deserialize, Deserializer};

type Answer = reqwest::Result<Response>;

#[retry_http(on = [default, 529], base = 1ms)]
async fn get(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

#[retry_http(on = [default, 529], base = 1ms)]
async fn post(http: &Client, url: String) -> Answer {
    http.post(url).send().await
}

const FORBIDDEN: u16 = 403;

#[retry_http(on = [default, FORBIDDEN if hinted], base = 1ms)]
async fn limited(http: &Client, url: String) -> Answer {
    http.get(url).send().await
}

/// Returns the number of requests that a call sends to a server that answers `reply`.
async fn requests(call: impl AsyncFnOnce(Client, String) -> Answer, reply: Reply) -> usize {
    let server = Server::script([reply]);
    _ = call(Client::new(), server.url("/")).await;
    server.requests().len()
}

#[tokio::test]
async fn the_default_is_that_of_the_request_and_added_to() {
    let kit = testing::instant();
    let hinted = |status| Reply::status(status).header("retry-after", "1");
    for (reply, gets, posts) in [
        (Reply::status(529), 4, 4),
        (Reply::status(429), 4, 4),
        (Reply::status(502), 4, 1),
        (Reply::status(503), 4, 1),
        (hinted(503), 4, 4),
        (Reply::status(403), 1, 1),
    ] {
        assert_eq!(requests(async |http, url| get(&http, url).await, reply.clone()).await, gets, "{reply:?}");
        assert_eq!(
            requests(async |http, url| post(&http, url).await, reply.clone()).await,
            posts,
            "{reply:?}"
        );
    }
    // The failures are those of the default as well.
    let before = kit.waits().len();
    post(&Client::new(), testing::server::nobody()).await.unwrap_err();
    assert_eq!(kit.waits().len(), before + 3);
}

#[tokio::test]
async fn a_status_may_count_only_with_a_hint() {
    let kit = testing::instant();
    assert_eq!(requests(async |http, url| limited(&http, url).await, Reply::status(403)).await, 1);
    let hinted = Reply::status(403).header("retry-after", "7");
    assert_eq!(requests(async |http, url| limited(&http, url).await, hinted).await, 4);
    assert!(kit.waits().iter().all(|wait| *wait >= support::secs(7)), "{:?}", kit.waits());
    let quota = Reply::status(403).header("x-ratelimit-remaining", "0").header("ratelimit-reset", "5");
    assert_eq!(requests(async |http, url| limited(&http, url).await, quota).await, 4);
}

struct Api {
    retry: Policy,
}

impl Api {
    #[retry_http(policy = self.retry)]
    async fn get(&self, http: &Client, url: String) -> Answer {
        http.get(url).send().await
    }

    /// An outer call retries as if the inner one were not there.
    #[retry_http(base = 1ms)]
    async fn outer(&self, http: &Client, url: &str) -> Answer {
        self.get(http, url.to_owned()).await?.error_for_status()
    }
}

#[tokio::test]
async fn a_maximum_of_zero_turns_retries_off() {
    let off = Api { retry: Policy::builder().max(0).build().unwrap() };
    assert_eq!(requests(async |http, url| off.get(&http, url).await, Reply::status(503)).await, 1);
    assert_eq!(requests(async |http, url| off.outer(&http, &url).await, Reply::status(503)).await, 4);
    let read: Policy = serde_json::from_str(r#"{"max": 0}"#).unwrap();
    assert_eq!(read, off.retry);
}

const GENTLE: Policy = policy!(max = 2, on = [429], base = 2s);

#[derive(Deserialize)]
struct Config {
    #[serde(deserialize_with = "gentle")]
    retry: Policy,
}

fn gentle<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    GENTLE.overlay(deserializer)
}

#[test]
fn a_configuration_lies_over_a_constant() {
    let read = |json: &str| serde_json::from_str::<Config>(json).map(|config| config.retry);
    assert_eq!(read(r#"{"retry": {}}"#).unwrap(), GENTLE);
    assert_eq!(read(r#"{"retry": {"max": 7}}"#).unwrap(), policy!(policy = GENTLE, max = 7));
    let message = read(r#"{"retry": {"base": "2m"}}"#).unwrap_err().to_string();
    assert!(message.starts_with("`base` is 2m, above the `cap` of 60s"), "{message}");
    // An item of `on` that only the constant's `never` covers.
    let careful = policy!(never = [429]);
    let mut json = serde_json::Deserializer::from_str(r#"{"on": [429]}"#);
    let message = careful.overlay(&mut json).unwrap_err().to_string();
    assert!(message.starts_with("`never` covers `429` of `on`"), "{message}");
}
