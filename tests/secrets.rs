//! Events, logs, metrics and errors of ours hold nothing that could be a secret. Each case hides a
//! secret in every part of requests and answers, and fails in every way.

#[path = "secrets/forms.rs"]
mod forms;

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use reqwest::{Client, Method};
use retry_http::testing::server::{Reply, Server, nobody};
use retry_http::{Event, Exchange, Fleet, Observer, Policy, Renewal, Retry, Upstream, hint, retry_http};

/// Collects all that is told, as text.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn note(&self, what: &dyn Debug) {
        self.0.lock().unwrap().extend(format!("{what:?}\n").bytes());
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        self.note(event);
        self.note(&event.error_type());
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request that has secrets wherever there is room for one.
struct Case {
    method: Method,
    url: String,
    secret: String,
}

impl Case {
    fn request(&self, http: &Client) -> reqwest::RequestBuilder {
        http.request(self.method.clone(), &self.url)
            .bearer_auth(&self.secret)
            .header("cookie", format!("session={}", self.secret))
            .header("x-api-key", &self.secret)
            .body(format!("password={}", self.secret))
    }
}

#[retry_http(
    max = 2, base = 1ms, on = [4xx, 5xx], never = [418], max_retry_after = 5ms, deadline = 10s, idempotency_key,
    retry_if = Result::is_err, reauth = None::<()>, observer = *told, upstream = upstream
)]
async fn json(http: &Client, case: &Case, told: &Told, upstream: &Upstream) -> reqwest::Result<u64> {
    case.request(http).send().await?.error_for_status()?.json().await
}

#[retry_http(max = 1, base = 1ms, max_retry_after = 5ms)]
async fn unobserved(http: &Client, case: &Case) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(case.request(http).send().await?.error_for_status()?.text().await?)
}

/// A header that should be a wait or advice, and is not, or is that and something else.
fn garbage(secret: &str) -> impl Strategy<Value = String> + use<> {
    let secret = secret.to_owned();
    prop_oneof![
        Just(secret.clone()),
        Just(format!("1, {secret}")),
        Just(format!("true; {secret}")),
        Just(format!("\"{secret}\";r=0;t=1")),
        Just(format!("Sun, 06 Nov 1994 08:49:37 {secret}")),
        Just(format!("{secret}=1s")),
    ]
}

const HINTS: [&str; 8] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "ratelimit",
    "ratelimit-reset",
    "x-ratelimit-reset",
    "x-should-retry",
    "x-ratelimit-reset-requests",
];

fn reply(secret: String) -> impl Strategy<Value = Reply> {
    let status = prop_oneof![Just(200), Just(302), Just(401), 400u16..600];
    let text = secret.clone();
    let answer = (status, 0..HINTS.len(), garbage(&secret)).prop_map(move |(status, header, value)| {
        Reply::status(status)
            .header(HINTS[header], value)
            .header("set-cookie", format!("session={text}"))
            .header("location", format!("/{text}?token={text}"))
            .header("www-authenticate", format!("Bearer realm=\"{text}\""))
            .body(format!("{{\"secret\": \"{text}\"}}"))
    });
    let truncated = Just(Reply::status(200).body(secret.into_bytes()).truncated());
    prop_oneof![6 => answer, 1 => Just(Reply::hang_up()), 1 => truncated]
}

/// Returns the URL of a server, of nobody, or of no form.
fn url(kind: usize, server: &Server, secret: &str) -> String {
    let hidden = |url: String| {
        let url = url.replace("://", &format!("://{secret}:{secret}@"));
        format!("{url}{secret}/{secret}?key={secret}#{secret}")
    };
    match kind {
        0..4 => hidden(server.url("/")),
        4 => hidden(nobody()),
        5 => format!("http://[{secret}"),
        _ => format!("{secret}://host/{secret}"),
    }
}

/// Letters that are in no word of ours.
const SECRET: &str = "[qzj]{4}[QZJ0-9]{8}";

fn cases() -> impl Strategy<Value = (String, Vec<Reply>, usize, Method)> {
    SECRET.prop_flat_map(|secret| {
        let methods = prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::DELETE)];
        let replies = prop::collection::vec(reply(secret.clone()), 1..5);
        (Just(secret), replies, 0..7_usize, methods)
    })
}

#[test]
fn no_secret_is_told() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = Told::default();
    let (log, recorder) = (told.clone(), PrometheusBuilder::new().build_recorder());
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
    let _subscribed = tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish());
    let events = std::cell::Cell::new(0);

    let check = |(secret, replies, kind, method): (String, Vec<Reply>, usize, Method)| {
        told.0.lock().unwrap().clear();
        let server = Server::script(replies);
        let case = Case { method, url: url(kind, &server, &secret), secret };
        let upstream = Upstream::new("secrets").budget(0.1, 1.0, 3);
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let http = Client::new();
                // How they fail is the script's to say.
                let _: Result<_, _> = json(&http, &case, &told, &upstream).await;
                let _: Result<_, _> = unobserved(&http, &case).await;
            });
        });
        told.note(&upstream);
        let text = told.text();
        prop_assert!(text.contains("Event {"), "nothing is told: {text}");
        events.set(events.get() + text.matches("Event {").count());
        // Other crates may log it.
        let ours =
            text.lines().filter(|line| !line.contains("\"target\"") || line.contains("\"retry_http\""));
        for line in ours.chain(recorder.handle().render().lines()) {
            let lower = line.to_ascii_lowercase();
            prop_assert!(!lower.contains(&case.secret.to_ascii_lowercase()), "{}: {line}", case.secret);
        }
        Ok::<(), TestCaseError>(())
    };
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    proptest::test_runner::TestRunner::new(config).run(&cases(), check).unwrap();
    println!("{} events", events.get());
}

#[test]
fn no_secret_is_told_of_what_an_upstream_withholds() {
    #[retry_http(max = 1, base = 1ms, deadline = 200ms, observer = *told, upstream = upstream)]
    async fn get(http: &Client, case: &Case, told: &Told, upstream: &Upstream) -> reqwest::Result<u64> {
        case.request(http).send().await?.error_for_status()?.json().await
    }

    let told = Told::default();
    let log = told.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
    let _subscribed = tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish());
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let secret = "qzjqZJ0Q1";
    for upstream in [Upstream::new("held"), Upstream::new("local").answer_locally()] {
        let server = Server::new(|_, _| Reply::status(429).header("retry-after", "60"));
        let case = Case { method: Method::GET, url: url(0, &server, secret), secret: secret.to_owned() };
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                for _ in 0..2 {
                    get(&Client::new(), &case, &told, &upstream).await.unwrap_err();
                }
            });
        });
        assert_eq!(server.requests().len(), 1);
        told.note(&upstream);
    }
    let (text, metrics) = (told.text(), recorder.handle().render());
    for reason in ["held_too_long", "answered_locally"] {
        let count =
            metrics.lines().find(|line| line.contains("retry_http_unsent_total") && line.contains(reason));
        assert!(count.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    }
    assert!(text.contains("HeldTooLong") && text.contains("AnsweredLocally"), "{text}");
    assert!(text.contains("\"held_too_long\"") && text.contains("\"answered_locally\""), "{text}");
    let ours = text.lines().filter(|line| !line.contains("\"target\"") || line.contains("\"retry_http\""));
    for line in ours.chain(metrics.lines()) {
        assert!(!line.to_ascii_lowercase().contains(&secret.to_ascii_lowercase()), "{line}");
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    /// Prints the types that are used by hand, and an error of ours.
    #[test]
    fn no_secret_is_in_a_type_of_ours(
        (secret, value) in SECRET.prop_flat_map(|secret| (Just(secret.clone()), garbage(&secret)))
    ) {
        let headers: http::HeaderMap = [("authorization", &secret), ("idempotency-key", &secret), ("retry-after", &value)]
            .into_iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let policy = Policy::builder().max(1).build().unwrap();
        let exchange = Exchange::new(&Method::POST, &headers);
        let mut retry = Retry::new(&policy);
        let verdict = retry.next(&exchange, std::time::Duration::ZERO, || 0.5);
        let hint = hint::read_from(&headers, std::time::SystemTime::now);
        let fleet = Fleet::connect(&format!("redis://{secret}:{secret}@[{secret}"));
        let fleet = fleet.map(|_| ()).map_err(|error| (error.to_string(), format!("{error:?}")));
        prop_assert!(fleet.is_err());
        let text = format!("{:?}", (&policy, &exchange, &retry, verdict, hint, Renewal::new(), fleet));
        prop_assert!(!text.to_ascii_lowercase().contains(&secret.to_ascii_lowercase()), "{}", text);
    }
}
