//! The policies of docs/systems.md, row by row, for a GET and a POST. No wait is slept through.

mod support;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use reqwest::{Client, Method, Response};
use retry_http::testing::server::{Reply, Server, nobody};
use retry_http::{Failure, Policy, policy, retry_http, testing};
use serde::Deserialize;
use support::{assert_waits, late, ms};

const GATEWAY: Policy = policy!(max = 3, on = [429, 503, timeout], never = [401]);

const CONTEXT_FORGE: Policy = policy!(
    max = 2,
    on = [408, 429, 502, 503, 504, connect, timeout, reset, body],
    never = [400, 403, 404, 405, 406],
    max_retry_after = 24h,
);
const WRAPPER: Policy = policy!(policy = CONTEXT_FORGE, max = 4, base = 250ms, cap = 8s, jitter = 0.25);

const INFRAHUB: Policy = policy!(
    max = 10,
    on = [429],
    never = [connect, timeout, reset, body],
    base = 500ms,
    jitter = full,
    max_retry_after = 60s,
    deadline = 5m,
);
const INFRAHUB_ERRORS: Policy = policy!(
    max = 300,
    on = [500, 502, 503, 504, connect, timeout, reset, body],
    base = 5s,
    jitter = equal,
    max_retry_after = 60s,
    deadline = 5m,
);

const METHODS: [Method; 2] = [Method::GET, Method::POST];

type Waits<'w> = &'w [RangeInclusive<f64>];

/// The waits of the default: 1 s, 2 s and 4 s, and up to a half more.
const DEFAULT: [RangeInclusive<f64>; 3] = [1.0..=1.5, 2.0..=3.0, 4.0..=6.0];

#[retry_http(policy = *policy)]
async fn send(http: &Client, method: &Method, url: &str, policy: &Policy) -> reqwest::Result<String> {
    http.request(method.clone(), url).send().await?.error_for_status()?.text().await
}

/// Asserts the waits of a GET and of a POST that are answered by `replies`.
#[track_caller]
fn assert_replies(policy: &Policy, replies: &[Reply], expected: Waits<'_>) {
    for method in &METHODS {
        let server = Server::script(replies.to_vec());
        assert_sent(policy, &Client::new(), method, &server.url("/"), expected);
        assert_eq!(server.requests().len(), expected.len() + 1, "{method}");
    }
}

/// Asserts the waits of a GET and of a POST that fail in each of `failures`.
#[track_caller]
fn assert_failures(policy: &Policy, failures: &[Failure], expected: Waits<'_>) {
    let hasty = Client::builder().timeout(ms(100)).build().unwrap();
    for (failure, method) in
        failures.iter().flat_map(|failure| METHODS.iter().map(move |method| (failure, method)))
    {
        match failure {
            Failure::Connect => assert_sent(policy, &Client::new(), method, &nobody(), expected),
            Failure::Timeout => {
                let server = Server::script([late()]);
                assert_sent(policy, &hasty, method, &server.url("/"), expected);
            }
            Failure::Reset => {
                for reply in [Reply::reset(), Reply::hang_up()] {
                    let server = Server::script([reply]);
                    assert_sent(policy, &Client::new(), method, &server.url("/"), expected);
                }
            }
            _ => {
                let server = Server::script([Reply::status(200).body("half").truncated()]);
                assert_sent(policy, &Client::new(), method, &server.url("/"), expected);
            }
        }
    }
}

#[track_caller]
fn assert_sent(policy: &Policy, http: &Client, method: &Method, url: &str, expected: Waits<'_>) {
    let kit = testing::instant();
    drop(on_a_runtime(send(http, method, url, policy)));
    assert_waits(&kit.waits(), expected);
}

fn on_a_runtime<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn status(status: u16) -> Reply {
    Reply::status(status)
}

fn asks(status: u16, retry_after: &str) -> Reply {
    Reply::status(status).header("retry-after", retry_after)
}

#[test]
fn a_gateway_that_retries_by_kind_of_failure() {
    for code in [429, 503] {
        assert_replies(&GATEWAY, &[status(code)], &DEFAULT);
        assert_replies(&GATEWAY, &[asks(code, "7"), status(200)], &[7.0..=7.5]);
    }
    assert_failures(&GATEWAY, &[Failure::Timeout], &DEFAULT);
    for code in [401, 408, 500, 502, 504] {
        assert_replies(&GATEWAY, &[status(code)], &[]);
    }
    assert_failures(&GATEWAY, &[Failure::Connect, Failure::Reset, Failure::Body], &[]);
}

const FAILURES: [Failure; 4] = [Failure::Connect, Failure::Timeout, Failure::Reset, Failure::Body];

#[test]
fn context_forge() {
    for code in [408, 429, 502, 503, 504] {
        assert_replies(&CONTEXT_FORGE, &[status(code)], &DEFAULT[..2]);
    }
    assert_failures(&CONTEXT_FORGE, &FAILURES, &DEFAULT[..2]);
    for code in [400, 401, 403, 404, 405, 406, 500] {
        assert_replies(&CONTEXT_FORGE, &[status(code)], &[]);
    }

    let long = "7200";
    assert_replies(&CONTEXT_FORGE, &[asks(429, long), status(200)], &[7200.0..=7200.5]);
    assert_replies(&CONTEXT_FORGE, &[asks(503, long), status(200)], &[7200.0..=7200.5]);
    assert_replies(&CONTEXT_FORGE, &[asks(429, "0.25"), status(200)], &[0.25..=0.75]);
    assert_replies(&CONTEXT_FORGE, &[asks(429, "86401"), status(200)], &[]);
    let hour = asks(429, "Wed, 21 Oct 2015 08:28:00 GMT").header("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_replies(&CONTEXT_FORGE, &[hour, status(200)], &[3600.0..=3600.5]);
    // Theirs waits for no time after a zero, and fails after a date.
    for nothing in ["0", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        assert_replies(&CONTEXT_FORGE, &[asks(429, nothing), status(200)], &DEFAULT[..1]);
    }

    let wrapper = [0.25..=0.3125, 0.5..=0.625, 1.0..=1.25, 2.0..=2.5];
    assert_replies(&WRAPPER, &[status(503)], &wrapper);
}

/// A POST that may have been done is not sent again where `on` does not list it.
#[test]
fn context_forge_with_the_defaults_for_a_post() {
    const CAREFUL: Policy = policy!(max = 2);

    for (method, expected) in METHODS.iter().zip([&DEFAULT[..2], &[]]) {
        let server = Server::script([status(503)]);
        assert_sent(&CAREFUL, &Client::new(), method, &server.url("/"), expected);
        let server = Server::script([late()]);
        let hasty = Client::builder().timeout(ms(100)).build().unwrap();
        assert_sent(&CAREFUL, &hasty, method, &server.url("/"), expected);
    }
}

struct Api {
    http: Client,
    server: Server,
    logins: AtomicU32,
}

impl Api {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { http: Client::new(), server: Server::script(replies), logins: 0.into() }
    }

    fn login(&self) {
        self.logins.fetch_add(1, Relaxed);
    }

    #[retry_http(policy = CONTEXT_FORGE, reauth = self.login())]
    async fn tool(&self, method: &Method) -> reqwest::Result<Response> {
        self.http.request(method.clone(), self.server.url("/")).send().await
    }

    #[retry_http(policy = INFRAHUB, reauth = self.login())]
    async fn node(&self, method: &Method) -> reqwest::Result<Response> {
        self.http.request(method.clone(), self.server.url("/")).send().await
    }
}

/// The call logs in once and sends again at once. The retries that it has made still count.
#[tokio::test]
async fn a_401_renews_once() {
    for method in &METHODS {
        let api = Api::new([503, 401, 503, 503].map(status));
        let kit = testing::instant();
        assert_eq!(api.tool(method).await.unwrap().status(), 503);
        assert_waits(&kit.waits(), &DEFAULT[..2]);
        assert_eq!((api.server.requests().len(), api.logins.into_inner()), (4, 1));

        for replies in [[401, 401], [401, 200]] {
            let api = Api::new(replies.map(status));
            assert_eq!(api.node(method).await.unwrap().status(), replies[1]);
            assert_eq!((api.server.requests().len(), api.logins.into_inner()), (2, 1));
        }
    }
}

#[test]
fn infrahub_429() {
    let full: Vec<_> = (0..10).map(|n| 0.0..=(0.5 * f64::from(1u32 << n)).min(60.0)).collect();
    assert_replies(&INFRAHUB, &[status(429)], &full);

    assert_replies(&INFRAHUB, &[asks(429, "60"), status(200)], &[60.0..=60.5]);
    let minute = asks(429, "Wed, 21 Oct 2015 07:29:00 GMT").header("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_replies(&INFRAHUB, &[minute, status(200)], &[60.0..=60.5]);
    // Their client waits for 60 s and is too early. Ours ends the call.
    assert_replies(&INFRAHUB, &[asks(429, "61"), status(200)], &[]);
    // Theirs waits for no time after a zero.
    assert_replies(&INFRAHUB, &[asks(429, "0"), status(200)], &full[..1]);

    for code in [500, 502, 503, 504] {
        assert_replies(&INFRAHUB, &[status(code), status(200)], &[]);
    }
    assert_failures(&INFRAHUB, &FAILURES, &[]);
    // The deadline of 300 s bounds the waits that the server asks for, too. Theirs does not.
    assert_replies(&INFRAHUB, &[asks(429, "59")], &[const { 59.0..=59.5 }; 5]);
}

/// The waits double from 5 s to a minute, each at least its half.
const EQUAL: [RangeInclusive<f64>; 4] = [2.5..=5.0, 5.0..=10.0, 10.0..=20.0, 20.0..=40.0];

#[test]
fn infrahub_errors() {
    let four = policy!(policy = INFRAHUB_ERRORS, max = 4);
    for code in [500, 502, 503, 504] {
        assert_replies(&four, &[status(code)], &EQUAL);
    }
    let one = policy!(policy = INFRAHUB_ERRORS, max = 1);
    assert_failures(&one, &FAILURES, &EQUAL[..1]);
    for code in [400, 401, 404, 408, 429] {
        assert_replies(&INFRAHUB_ERRORS, &[status(code), status(200)], &[]);
    }
    // Theirs does not read the header here, and comes back after 2.5–5 s.
    assert_replies(&INFRAHUB_ERRORS, &[asks(503, "30"), status(200)], &[30.0..=32.5]);
    assert_replies(&INFRAHUB_ERRORS, &[asks(503, "61"), status(200)], &[]);
}

/// The time ends the call and not the count, also where the server asks for short waits.
#[test]
fn infrahub_errors_for_300_s() {
    for method in &METHODS {
        for (reply, waits) in [(status(503), 7..=12), (asks(503, "1"), 80..=299)] {
            let (server, kit) = (Server::script([reply]), testing::instant());
            on_a_runtime(send(&Client::new(), method, &server.url("/"), &INFRAHUB_ERRORS)).unwrap_err();
            let all = kit.waits().iter().sum::<Duration>().as_secs_f64();
            assert!(all < 300.0 && waits.contains(&kit.waits().len()), "{all}, {:?}", kit.waits());
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

#[derive(Deserialize)]
struct GraphQlError {
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    http_status: Option<u16>,
}

impl Answer {
    fn is_transient(&self) -> bool {
        let is_transient =
            |error: &GraphQlError| matches!(error.extensions.http_status, Some(500 | 502..=504));
        !self.errors.is_empty() && self.errors.iter().all(is_transient)
    }
}

#[retry_http(policy = INFRAHUB_ERRORS, retry_if = |outcome| matches!(outcome, Ok(answer) if answer.is_transient()))]
async fn query(http: &Client, url: &str, query: &str) -> reqwest::Result<Answer> {
    http.post(url).body(query.to_owned()).send().await?.error_for_status()?.json().await
}

/// The errors of GraphQL come in a 200, and count as the statuses that they name.
#[tokio::test]
async fn infrahub_graphql() {
    const TRANSIENT: &str = r#"{"message": "no database", "extensions": {"http_status": 503}}"#;
    const INVALID: &str = r#"{"message": "unknown field", "extensions": {"http_status": 400}}"#;
    const UNKNOWN: &str = r#"{"message": "unknown field"}"#;
    let errors =
        |errors: &[&str]| status(200).body(format!(r#"{{"data": null, "errors": [{}]}}"#, errors.join(", ")));
    let data = || status(200).body(r#"{"data": {"result": "ok"}}"#);

    // One count and one clock for the statuses of HTTP and of GraphQL.
    let script = [errors(&[TRANSIENT]), status(503), errors(&[TRANSIENT, TRANSIENT]), data()];
    let (server, kit) = (Server::script(script), testing::instant());
    assert!(query(&Client::new(), &server.url("/"), "{ result }").await.unwrap().errors.is_empty());
    assert_waits(&kit.waits(), &EQUAL[..3]);
    assert!(server.requests().iter().all(|request| request.body == b"{ result }"));

    for permanent in [&[INVALID] as &[_], &[UNKNOWN], &[TRANSIENT, INVALID], &[TRANSIENT, UNKNOWN]] {
        let (server, kit) = (Server::script([errors(permanent), data()]), testing::instant());
        let answer = query(&Client::new(), &server.url("/"), "{ result }").await.unwrap();
        assert_eq!(answer.errors.len(), permanent.len());
        assert_waits(&kit.waits(), &[]);
    }

    let (server, kit) = (Server::script([errors(&[TRANSIENT])]), testing::instant());
    assert!(query(&Client::new(), &server.url("/"), "{ result }").await.unwrap().is_transient());
    assert!((7..=12).contains(&kit.waits().len()), "{:?}", kit.waits());
}

#[retry_http(policy = INFRAHUB, idempotent)]
async fn both(http: &Client, method: &Method, url: &str) -> reqwest::Result<Response> {
    errors_only(http, method, url).await
}

#[retry_http(policy = INFRAHUB_ERRORS)]
async fn errors_only(http: &Client, method: &Method, url: &str) -> reqwest::Result<Response> {
    http.request(method.clone(), url).send().await
}

/// Both of their handlers, each with its own waits: one function in the other.
#[tokio::test]
async fn infrahub_both() {
    let limited = 0.0..=0.5;
    for method in &METHODS {
        for (first, waits) in
            [(429, [limited.clone(), EQUAL[0].clone()]), (503, [EQUAL[0].clone(), limited.clone()])]
        {
            let server =
                Server::script([status(first), status(if first == 429 { 503 } else { 429 }), status(200)]);
            let kit = testing::instant();
            assert_eq!(both(&Client::new(), method, &server.url("/")).await.unwrap().status(), 200);
            assert_waits(&kit.waits(), &waits);
        }
    }
}

/// To the outer function the POST that got a 503 may have been done.
#[tokio::test]
async fn infrahub_both_without_idempotent() {
    #[retry_http(policy = INFRAHUB)]
    async fn careful(http: &Client, method: &Method, url: &str) -> reqwest::Result<Response> {
        errors_only(http, method, url).await
    }

    for (method, last) in METHODS.iter().zip([200, 429]) {
        let (server, _kit) = (Server::script([503, 429, 200].map(status)), testing::instant());
        assert_eq!(careful(&Client::new(), method, &server.url("/")).await.unwrap().status(), last);
    }
}

/// The first waits of both policies, with a client that blocks.
#[test]
fn infrahub_sync() {
    #[retry_http(policy = *policy, max = 2)]
    fn send(
        http: &reqwest::blocking::Client,
        method: &Method,
        url: &str,
        policy: &Policy,
    ) -> reqwest::Result<String> {
        http.request(method.clone(), url).send()?.error_for_status()?.text()
    }

    let http = reqwest::blocking::Client::new();
    for method in &METHODS {
        for (policy, code, expected) in
            [(&INFRAHUB, 429, [0.0..=0.5, 0.0..=1.0]), (&INFRAHUB_ERRORS, 503, [2.5..=5.0, 5.0..=10.0])]
        {
            let (server, kit) = (Server::script([status(code)]), testing::instant());
            send(&http, method, &server.url("/"), policy).unwrap_err();
            assert_waits(&kit.waits(), &expected);
        }
    }
}

#[retry_http(max = 20, on = [202, 429, 503], base = 2s, factor = 1, deadline = 10m)]
async fn report(http: &Client, url: &str) -> reqwest::Result<Response> {
    http.get(url).send().await
}

#[tokio::test]
async fn a_job_is_polled() {
    let replies = [asks(202, "5"), status(202), status(503), asks(429, "7"), status(200)];
    let (server, kit) = (Server::script(replies), testing::instant());
    assert_eq!(report(&Client::new(), &server.url("/")).await.unwrap().status(), 200);
    assert_waits(&kit.waits(), &[5.0..=6.0, 2.0..=3.0, 2.0..=3.0, 7.0..=8.0]);

    // By the count, and by the time.
    for (reply, waits) in [(status(202), 20..=20), (asks(202, "100"), 5..=5)] {
        let (server, kit) = (Server::script([reply]), testing::instant());
        assert_eq!(report(&Client::new(), &server.url("/")).await.unwrap().status(), 202);
        assert!(waits.contains(&kit.waits().len()), "{:?}", kit.waits());
    }
}

/// The code of docs/systems.md is that of this file.
#[test]
fn the_page_has_this_code() {
    let compact = |text: &str| text.split_whitespace().collect::<String>();
    let tested = compact(include_str!("systems.rs"));
    let blocks: Vec<_> = include_str!("../docs/systems.md").split("```").skip(1).step_by(2).collect();
    assert!(blocks.len() >= 5);
    for block in blocks {
        let code = block.strip_prefix("rust,ignore\n").expect("a block of Rust");
        for item in code.split("\n\n") {
            assert!(tested.contains(&compact(item)), "not tested:\n{item}");
        }
    }
}
