//! Policies by name, from a field, and from a configuration; `retry_if` and `never_if`.

mod support;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Condition, Policy, policy, retry_http, testing};
use support::assert_waits;

const GENTLE: Policy = policy!(max = 2, on = [429, 503], base = 1ms);

#[retry_http(policy = GENTLE)]
async fn named(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(policy = GENTLE, max = 4)]
async fn overridden(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

#[retry_http(policy = &policy!(max = 1), base = 1ms)]
async fn inline(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

struct Api<P> {
    http: Client,
    url: String,
    retry: P,
}

impl Api<Policy> {
    const RETRIES: u32 = 5;

    #[retry_http(policy = self.retry)]
    async fn field(&self) -> Result<Response, reqwest::Error> {
        self.http.get(&self.url).send().await
    }

    #[retry_http(policy = &self.retry, max = 1)]
    async fn field_overridden(&self) -> Result<Response, reqwest::Error> {
        self.http.get(&self.url).send().await
    }

    #[retry_http(policy = self.policy(), base = 5s)]
    async fn method(&self) -> Result<Response, reqwest::Error> {
        self.http.get(&self.url).send().await
    }

    fn policy(&self) -> Policy {
        self.retry
    }

    #[retry_http(max = Self::RETRIES, base = 1ms)]
    async fn associated(&self) -> Result<Response, reqwest::Error> {
        self.http.get(&self.url).send().await
    }

    #[retry_http(policy = self.retry)]
    async fn by_value(self) -> Result<Response, reqwest::Error>
    where
        Policy: Clone,
    {
        let Self { http, url, .. } = self;
        http.get(url).send().await
    }
}

#[async_trait::async_trait]
trait Count {
    async fn count(&mut self) -> Result<Response, reqwest::Error>;
}

#[async_trait::async_trait]
impl Count for Api<Policy> {
    #[retry_http(policy = self.retry)]
    async fn count(&mut self) -> Result<Response, reqwest::Error> {
        self.url.push('x');
        self.http.get(&self.url).send().await
    }
}

impl<P> Clone for Api<P>
where
    P: Clone,
{
    fn clone(&self) -> Self {
        Self { http: self.http.clone(), url: self.url.clone(), retry: self.retry.clone() }
    }
}

impl Api<Arc<Policy>> {
    #[retry_http(policy = self.retry)]
    async fn shared(&self) -> Result<Response, reqwest::Error> {
        self.http.get(&self.url).send().await
    }
}

#[retry_http(max = N, base = 1ms)]
async fn generic<const N: u32>(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
    http.get(url).send().await
}

/// Counts the requests of a call to a server that is down.
async fn requests(call: impl AsyncFnOnce(Client, String) -> Result<Response, reqwest::Error>) -> usize {
    let server = Server::script([Reply::status(503)]);
    call(Client::new(), server.url("/")).await.unwrap();
    server.requests().len()
}

#[tokio::test]
async fn constants_are_policies() {
    assert_eq!(requests(async |http, url| named(&http, &url).await).await, 3);
    assert_eq!(requests(async |http, url| overridden(&http, &url).await).await, 5);
    assert_eq!(requests(async |http, url| inline(&http, &url).await).await, 2);
    assert_eq!(requests(async |http, url| generic::<3>(&http, &url).await).await, 4);
}

#[tokio::test]
async fn fields_and_methods_are_policies() {
    let retry = policy!(max = 3, base = 1ms, cap = 2ms);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.field().await).await, 4);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.field_overridden().await).await, 2);
    // The override would wait longer than the policy's cap allows; the cap holds.
    assert_eq!(requests(async |http, url| Api { http, url, retry }.method().await).await, 4);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.associated().await).await, 6);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.by_value().await).await, 4);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.count().await).await, 4);
    let retry = Arc::new(retry);
    assert_eq!(requests(async |http, url| Api { http, url, retry }.shared().await).await, 4);
}

#[test]
fn the_macro_policy_makes_the_policies_of_the_builder() {
    let built = Policy::builder()
        .max(5)
        .on(&[Condition::Status(429), Condition::Range(500, 599)])
        .cap(Duration::from_millis(1500));
    assert_eq!(policy!(max = 5, on = [429, 5xx], cap = 1.5s), built.build().unwrap());
    assert_eq!(policy!(), Policy::DEFAULT);
    assert_eq!(policy!(policy = GENTLE), GENTLE);
}

mod never_if {
    use std::cell::RefCell;

    use retry_http::Stop;

    use super::*;

    #[derive(Debug)]
    enum ApiError {
        QuotaUsedUp,
        Transport(#[expect(dead_code, reason = "the loop finds it")] reqwest::Error),
    }

    impl From<reqwest::Error> for ApiError {
        fn from(error: reqwest::Error) -> Self {
            Self::Transport(error)
        }
    }

    fn is_quota_used_up(outcome: &Result<String, ApiError>) -> bool {
        matches!(outcome, Err(ApiError::QuotaUsedUp))
    }

    thread_local! {
        static STOPS: RefCell<Vec<Stop>> = const { RefCell::new(Vec::new()) };
    }

    /// `on`, `retry_if` and the server ask for a retry, all in vain.
    #[retry_http(base = 1ms, on = [429], never_if = is_quota_used_up, retry_if = Result::is_err, observer = |event| {
        if let retry_http::Step::End { stop, .. } = event.step { STOPS.with_borrow_mut(|stops| stops.push(stop)); }
    })]
    async fn path(http: &Client, url: &str) -> Result<String, ApiError> {
        let response = http.get(url).send().await?;
        let refused = response.error_for_status_ref().err();
        let text = response.text().await?;
        match refused {
            None => Ok(text),
            Some(_) if text.contains("insufficient_quota") => Err(ApiError::QuotaUsedUp),
            Some(error) => Err(error.into()),
        }
    }

    #[retry_http(base = 1ms, never_if = |outcome| outcome.as_ref().is_ok_and(|answer| {
        answer.headers().contains_key("x-final")
    }))]
    async fn response(http: &Client, url: &str) -> Result<Response, reqwest::Error> {
        http.get(url).send().await
    }

    #[retry_http(base = 1ms, never_if = |outcome| matches!(outcome, Err(error) if error.is_status()))]
    fn blocking(http: &reqwest::blocking::Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send()?.error_for_status()?.text()
    }

    /// A call around one that `never_if` ends does not retry what that one may not.
    #[retry_http(base = 1ms, retry_if = Result::is_err)]
    async fn outer(http: &Client, url: &str) -> Result<String, ApiError> {
        path(http, url).await
    }

    /// `never_if` forbids a renewal too.
    #[retry_http(base = 1ms, reauth = async { Ok::<_, ()>(()) }, never_if = Result::is_err)]
    async fn renewing(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    fn exhausted() -> Server {
        let quota = Reply::status(429).header("x-should-retry", "true").header("retry-after", "0");
        Server::script([quota.body("insufficient_quota")])
    }

    #[tokio::test]
    async fn an_outcome_that_it_accepts_is_not_retried() {
        let server = exhausted();
        assert!(matches!(path(&Client::new(), &server.url("/")).await, Err(ApiError::QuotaUsedUp)));
        assert_eq!(server.requests().len(), 1);
        assert_eq!(STOPS.take(), [Stop::Never]);

        let server = Server::script([Reply::status(503).header("x-final", "1")]);
        assert_eq!(response(&Client::new(), &server.url("/")).await.unwrap().status(), 503);
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn other_outcomes_are_retried_as_ever() {
        let server = Server::script([
            Reply::status(429).header("retry-after", "0"),
            Reply::status(500),
            Reply::status(200).body("done"),
        ]);
        let kit = testing::instant();
        assert!(matches!(path(&Client::new(), &server.url("/")).await.as_deref(), Ok("done")));
        assert_eq!(kit.waits().len(), 2);
        let server = Server::script([
            Reply::status(503),
            Reply::status(503).header("x-final", "1"),
            Reply::status(200),
        ]);
        assert_eq!(response(&Client::new(), &server.url("/")).await.unwrap().status(), 503);
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn an_outcome_that_it_accepts_is_not_retried_blocking() {
        let server = Server::script([Reply::status(503)]);
        blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }

    /// An `Ok` that `never_if` accepts is what the inner function wants, so it decides nothing
    /// about a later failure of the call around.
    #[tokio::test]
    async fn an_ok_that_it_accepts_decides_nothing_for_the_call_around() {
        #[retry_http(max = 2, base = 1ms, never_if = Result::is_ok)]
        async fn lookup(http: &Client, url: &str) -> Result<u16, reqwest::Error> {
            Ok(http.get(url).send().await?.status().as_u16())
        }

        #[retry_http(max = 2, base = 1ms, retry_if = Result::is_err)]
        async fn around(http: &Client, url: &str) -> Result<(), String> {
            assert_eq!(lookup(http, url).await.unwrap(), 503);
            Err("not ready".to_owned())
        }

        let server = Server::script([Reply::status(503)]);
        around(&Client::new(), &server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_call_around_does_not_retry_it() {
        let server = exhausted();
        assert!(matches!(outer(&Client::new(), &server.url("/")).await, Err(ApiError::QuotaUsedUp)));
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn it_forbids_a_renewal() {
        let server = Server::script([Reply::status(401)]);
        renewing(&Client::new(), &server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }
}

mod retry_if {
    use super::*;

    fn is_pending(outcome: &Result<String, reqwest::Error>) -> bool {
        matches!(outcome, Ok(text) if text == "pending")
    }

    #[retry_http(base = 1ms, retry_if = is_pending)]
    async fn path(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send().await?.text().await
    }

    #[retry_http(base = 1ms, never = [503], retry_if = |outcome| match outcome {
        Ok(text) => text.contains("pending"),
        Err(error) => error.is_decode(),
    })]
    async fn closure(http: &Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    /// Fails with an error of which only `retry_if` knows anything.
    #[retry_http(base = 1ms, retry_if = |outcome: &Result<(), u32>| *outcome == Err(7))]
    async fn otherwise_unknowable(http: &Client, url: &str) -> Result<(), u32> {
        hidden(http, url).await
    }

    async fn hidden(http: &Client, url: &str) -> Result<(), u32> {
        let text = http.get(url).send().await.map_err(|_| 1u32)?.text().await.map_err(|_| 2u32)?;
        if text == "pending" { Err(7) } else { Ok(()) }
    }

    #[retry_http(base = 1ms, retry_if = |outcome| matches!(outcome, Ok(text) if text == "pending"))]
    fn blocking(http: &reqwest::blocking::Client, url: &str) -> Result<String, reqwest::Error> {
        http.get(url).send()?.text()
    }

    fn pending() -> Server {
        Server::script([
            Reply::status(200).header("retry-after", "7").body("pending"),
            Reply::status(200).body("done"),
        ])
    }

    #[tokio::test]
    async fn an_outcome_that_it_accepts_is_retried() {
        let (server, kit) = (pending(), testing::instant());
        assert_eq!(path(&Client::new(), &server.url("/")).await.unwrap(), "done");
        // A hint is obeyed on any status.
        assert_waits(&kit.waits(), &[7.0..=7.001]);
        let server = pending();
        assert_eq!(closure(&Client::new(), &server.url("/")).await.unwrap(), "done");
        let server = pending();
        otherwise_unknowable(&Client::new(), &server.url("/")).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn an_outcome_that_it_accepts_is_retried_blocking() {
        let (server, kit) = (pending(), testing::instant());
        assert_eq!(blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap(), "done");
        assert_waits(&kit.waits(), &[7.0..=7.001]);
    }

    #[tokio::test]
    async fn never_wins() {
        let server = Server::script([Reply::status(503)]);
        closure(&Client::new(), &server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }
}
