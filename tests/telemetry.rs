//! An observer, a `tracing` subscriber and a scrape by Prometheus' protocol all see of calls what
//! the script of the server says.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, Once};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use reqwest::Client;
use retry_http::testing::server::{Reply, Server, nobody};
use retry_http::{Event, Observer, testing};
use serde_json::{Value, json};
use support::{Opaque, ms, secs};
use tracing::Instrument as _;

/// An observer that keeps what it is told, a line an event.
#[derive(Default)]
struct Watch(Mutex<(Vec<String>, Vec<Duration>)>);

impl Observer for Watch {
    fn observe(&self, event: &Event<'_>) {
        let Event { function, attempt, method, host, status, failures, hint, hint_header, step, .. } = *event;
        let (_, function) = function.rsplit_once("::").unwrap();
        let method = method.map_or("-", reqwest::Method::as_str);
        let (host, status) = (host.unwrap_or("-"), status.map_or(0, |status| status.as_u16()));
        let hint = hint.map_or(String::new(), |hint| format!(" {hint:?} by {}", hint_header.unwrap_or("-")));
        let mut seen = self.0.lock().unwrap();
        seen.0.push(format!("{function} {attempt}: {method} {host} {status} {failures:?}{hint}: {step:?}"));
        seen.1.push(event.elapsed);
    }
}

impl Watch {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().0.clone()
    }

    fn elapsed(&self) -> Vec<Duration> {
        self.0.lock().unwrap().1.clone()
    }
}

mod observed {
    use reqwest::{Client, Result};
    use retry_http::{Upstream, retry_http};

    use super::Watch;
    use retry_http::Observer as _;

    #[retry_http(max = 4, base = 1ms, jitter = none, observer = *watch)]
    pub async fn get(http: &Client, url: &str, watch: &Watch) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 4, base = 1ms, jitter = none, observer = *watch)]
    pub fn get_blocking(http: &reqwest::blocking::Client, url: &str, watch: &Watch) -> Result<String> {
        http.get(url).send()?.error_for_status()?.text()
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, never = [418], reauth = Some(()), observer = *watch)]
    pub async fn post(http: &Client, url: &str, watch: &Watch) -> Result<String> {
        http.post(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max_retry_after = 1ms, observer = *watch, upstream = upstream)]
    pub async fn hasty(http: &Client, url: &str, watch: &Watch, upstream: &Upstream) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(observer = *watch, upstream = upstream)]
    pub async fn patient(http: &Client, url: &str, watch: &Watch, upstream: &Upstream) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, reauth = None::<()>, observer = |event| watch.observe(event))]
    pub async fn expired(http: &Client, url: &str, watch: &Watch) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }
}

/// Has no observer, as most functions.
mod plain {
    use reqwest::{Client, Result};
    use retry_http::{Upstream, retry_http};

    #[retry_http(max = 4, base = 1ms, jitter = none)]
    pub async fn get(http: &Client, url: &str) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 4, base = 1ms, jitter = none)]
    pub fn get_blocking(http: &reqwest::blocking::Client, url: &str) -> Result<String> {
        http.get(url).send()?.error_for_status()?.text()
    }

    #[retry_http(max = 1, base = 1ms, jitter = none, retry_if = |outcome: &Result<String>| outcome.is_ok())]
    pub async fn poll(http: &Client, url: &str) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(reauth = Some(()))]
    pub async fn renewing(http: &Client, url: &str) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(reauth = None::<()>)]
    pub async fn expired(http: &Client, url: &str) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 1, base = 1ms, jitter = none)]
    pub async fn inner(http: &Client, url: &str) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(max = 1, base = 1ms)]
    pub async fn outer(http: &Client, url: &str) -> Result<String> {
        inner(http, url).await
    }

    #[retry_http(max_retry_after = 1ms, upstream = upstream)]
    pub async fn hasty(http: &Client, url: &str, upstream: &Upstream) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    #[retry_http(upstream = upstream)]
    pub async fn patient(http: &Client, url: &str, upstream: &Upstream) -> Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }
}

/// Fails in every way, then answers.
fn recovering() -> Server {
    Server::script([
        Reply::status(429).header("retry-after-ms", "50"),
        Reply::status(503),
        Reply::hang_up(),
        Reply::status(200).body("hel").truncated(),
        Reply::status(200).body("hello"),
    ])
}

/// The waits of a call to [`recovering`].
const WAITS: [Duration; 4] = [ms(50), ms(2), ms(4), ms(8)];

/// Asks a caller to come back after a minute.
fn limited() -> Server {
    Server::script([Reply::status(429).header("retry-after", "60"), Reply::status(200)])
}

fn assert_recovered(function: &str, watch: &Watch) {
    let expected = [
        "1: GET 127.0.0.1 429 {} 50ms by retry-after-ms: Retry { wait: 50ms }",
        "2: GET 127.0.0.1 503 {}: Retry { wait: 2ms }",
        "3: GET 127.0.0.1 0 {Reset}: Retry { wait: 4ms }",
        "4: GET 127.0.0.1 200 {Body}: Retry { wait: 8ms }",
        "5: GET 127.0.0.1 200 {}: End { stop: NotRetryable, succeeded: true }",
    ];
    assert_eq!(watch.lines(), expected.map(|line| format!("{function} {line}")));
    let elapsed = watch.elapsed();
    for (n, wait) in WAITS.into_iter().enumerate() {
        assert!(elapsed[n + 1] >= elapsed[n] + wait, "{elapsed:?}");
    }
}

#[tokio::test]
async fn an_observer_sees_all_of_an_async_call() {
    Log::listen();
    let (server, watch) = (recovering(), Watch::default());
    observed::get(&Client::new(), &server.url("/a?b=c"), &watch).await.unwrap();
    assert_recovered("get", &watch);
}

#[test]
fn an_observer_sees_all_of_a_sync_call() {
    Log::listen();
    let (server, watch) = (recovering(), Watch::default());
    observed::get_blocking(&reqwest::blocking::Client::new(), &server.url("/a?b=c"), &watch).unwrap();
    assert_recovered("get_blocking", &watch);
}

#[tokio::test]
async fn an_observer_sees_why_a_call_ends() {
    Log::listen();
    let http = Client::new();
    for (replies, expected) in [
        (vec![418], vec!["1: POST 127.0.0.1 418 {}: End { stop: Never, succeeded: false }"]),
        (vec![404], vec!["1: POST 127.0.0.1 404 {}: End { stop: NotRetryable, succeeded: false }"]),
        (vec![500], vec!["1: POST 127.0.0.1 500 {}: End { stop: Ambiguous, succeeded: false }"]),
        (
            vec![429],
            vec![
                "1: POST 127.0.0.1 429 {}: Retry { wait: 1ms }",
                "2: POST 127.0.0.1 429 {}: End { stop: Exhausted, succeeded: false }",
            ],
        ),
        (
            vec![401, 429, 200],
            vec![
                "1: POST 127.0.0.1 401 {}: Renewed { succeeded: true }",
                "2: POST 127.0.0.1 429 {}: Retry { wait: 1ms }",
                "3: POST 127.0.0.1 200 {}: End { stop: NotRetryable, succeeded: true }",
            ],
        ),
    ] {
        let (server, watch) = (Server::script(replies.into_iter().map(Reply::status)), Watch::default());
        let _: reqwest::Result<_> = observed::post(&http, &server.url("/"), &watch).await;
        assert_eq!(
            watch.lines(),
            expected.into_iter().map(|line| format!("post {line}")).collect::<Vec<_>>()
        );
    }

    let watch = Watch::default();
    observed::post(&http, &nobody(), &watch).await.unwrap_err();
    assert_eq!(
        watch.lines(),
        [
            "post 1: POST 127.0.0.1 0 {Connect}: Retry { wait: 1ms }",
            "post 2: POST 127.0.0.1 0 {Connect}: End { stop: Exhausted, succeeded: false }",
        ]
    );

    let (server, watch) = (Server::script([Reply::status(401)]), Watch::default());
    observed::expired(&http, &server.url("/"), &watch).await.unwrap_err();
    assert_eq!(watch.lines(), ["expired 1: GET 127.0.0.1 401 {}: Renewed { succeeded: false }"]);
}

#[tokio::test]
async fn an_observer_sees_that_a_call_is_held_back() {
    Log::listen();
    let (server, kit) = (limited(), testing::instant());
    let (http, url, watch) = (Client::new(), server.url("/"), Watch::default());
    let upstream = retry_http::Upstream::new("held");
    observed::hasty(&http, &url, &watch, &upstream).await.unwrap_err();
    observed::patient(&http, &url, &watch, &upstream).await.unwrap();
    let lines = watch.lines();
    assert_eq!(
        lines[0],
        "hasty 1: GET 127.0.0.1 429 {} 60s by retry-after: End { stop: HintTooLong, succeeded: false }"
    );
    assert!(lines[1].starts_with("patient 1: - - 0 {}: Held { wait: "), "{lines:?}");
    assert_eq!(
        lines.last().unwrap(),
        "patient 1: GET 127.0.0.1 200 {}: End { stop: NotRetryable, succeeded: true }"
    );
    // Most of the minute is left, however slow the machine is.
    assert!(kit.waits().iter().sum::<Duration>() >= secs(50), "{:?}", kit.waits());
}

thread_local! {
    /// The log of a service that logs as JSON, for the thread of each test.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Subscribes, once for all tests, since each place in the code asks only once whether anybody
    /// listens. Each test begins with it.
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
            tracing::subscriber::set_global_default(subscriber.with_writer(|| Log).finish()).unwrap();
        });
    }

    /// Returns level, span and fields of our lines since the last time.
    fn take() -> Vec<(String, String, Value)> {
        let text = String::from_utf8(LOG.take()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ours = lines.filter(|line| line["target"] == "retry_http");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|line| (text(&line["level"]), text(&line["span"]["name"]), line["fields"].clone())).collect()
    }
}

/// The logs of a call that recovers, from within a span of the user's.
fn recovered_logs(function: &str) -> Vec<(String, String, Value)> {
    let log = |fields| ("INFO".to_owned(), "order".to_owned(), fields);
    let message = "an attempt failed, another one follows";
    vec![
        log(json!({
            "message": message,
            "code.function.name": function,
            "http.request.method": "GET",
            "http.response.status_code": 429,
            "server.address": "127.0.0.1",
            "error.type": "429",
            "retry_http.attempt": 1,
            "retry_http.hint_seconds": 0.05,
            "retry_http.hint_header": "retry-after-ms",
            "retry_http.wait_seconds": 0.05,
        })),
        log(json!({
            "message": message,
            "code.function.name": function,
            "http.request.method": "GET",
            "http.request.resend_count": 1,
            "http.response.status_code": 503,
            "server.address": "127.0.0.1",
            "error.type": "503",
            "retry_http.attempt": 2,
            "retry_http.wait_seconds": 0.002,
        })),
        log(json!({
            "message": message,
            "code.function.name": function,
            "http.request.method": "GET",
            "http.request.resend_count": 2,
            "server.address": "127.0.0.1",
            "error.type": "reset",
            "retry_http.attempt": 3,
            "retry_http.wait_seconds": 0.004,
        })),
        // Of an answer that began well no host is kept.
        log(json!({
            "message": message,
            "code.function.name": function,
            "http.request.method": "GET",
            "http.request.resend_count": 3,
            "http.response.status_code": 200,
            "error.type": "body",
            "retry_http.attempt": 4,
            "retry_http.wait_seconds": 0.008,
        })),
    ]
}

#[tokio::test]
async fn retries_of_an_async_call_are_logged_in_the_users_span() {
    Log::listen();
    let server = recovering();
    let (http, url) = (Client::new(), server.url("/a?b=c"));
    plain::get(&http, &url).instrument(tracing::info_span!("order")).await.unwrap();
    assert_eq!(Log::take(), recovered_logs("telemetry::plain::get"));
}

#[test]
fn retries_of_a_sync_call_are_logged_in_the_users_span() {
    Log::listen();
    let server = recovering();
    let (http, url) = (reqwest::blocking::Client::new(), server.url("/a?b=c"));
    tracing::info_span!("order").in_scope(|| plain::get_blocking(&http, &url).unwrap());
    assert_eq!(Log::take(), recovered_logs("telemetry::plain::get_blocking"));
}

#[tokio::test]
async fn the_level_of_a_log_is_that_of_the_event() {
    Log::listen();
    let http = Client::new();
    let said = || {
        let said = Log::take().into_iter().map(|(level, _, fields)| {
            let stop = fields["retry_http.stop"].as_str().unwrap_or("-").to_owned();
            let message = fields["message"].as_str().unwrap().to_owned();
            format!("{level} {message} ({}, {stop})", fields["error.type"].as_str().unwrap_or("-"))
        });
        said.collect::<Vec<_>>()
    };
    let server = |statuses: &[u16]| Server::script(statuses.iter().copied().map(Reply::status));

    plain::get(&http, &server(&[200]).url("/")).await.unwrap();
    assert_eq!(said(), [""; 0]);

    plain::get(&http, &server(&[404]).url("/")).await.unwrap_err();
    assert_eq!(said(), ["DEBUG failed, not to be retried (404, not_retryable)"]);

    plain::inner(&http, &server(&[503]).url("/")).await.unwrap_err();
    let gave_up = ["INFO an attempt failed, another one follows (503, -)", "WARN gave up (503, exhausted)"];
    assert_eq!(said(), gave_up);

    // A failure that an inner call gave up on is not warned of twice.
    plain::outer(&http, &server(&[503]).url("/")).await.unwrap_err();
    let debug = "DEBUG failed, after an inner call decided about it (503, settled)";
    assert_eq!(said(), [gave_up[0], gave_up[1], debug]);

    plain::inner(&http, &nobody()).await.unwrap_err();
    let refused =
        ["INFO an attempt failed, another one follows (connect, -)", "WARN gave up (connect, exhausted)"];
    assert_eq!(said(), refused);

    plain::poll(&http, &server(&[200]).url("/")).await.unwrap();
    assert_eq!(said(), ["INFO an attempt failed, another one follows (-, -)", "WARN gave up (-, exhausted)"]);

    plain::renewing(&http, &server(&[401, 200]).url("/")).await.unwrap();
    assert_eq!(said(), ["DEBUG credentials were renewed, another attempt follows (401, -)"]);

    plain::expired(&http, &server(&[401]).url("/")).await.unwrap_err();
    assert_eq!(said(), ["WARN credentials could not be renewed (401, -)"]);

    let (limited, _kit) = (limited(), testing::instant());
    let upstream = retry_http::Upstream::new("logged");
    plain::hasty(&http, &limited.url("/"), &upstream).await.unwrap_err();
    plain::patient(&http, &limited.url("/"), &upstream).await.unwrap();
    let said = said();
    assert_eq!(said[..2], ["WARN gave up (429, hint_too_long)", "DEBUG held back by its upstream (-, -)"]);
}

/// Returns a recorder and the address to scrape it at.
fn exporter(
    runtime: &tokio::runtime::Runtime,
) -> (metrics_exporter_prometheus::PrometheusRecorder, SocketAddr) {
    loop {
        // A free port; that of the exporter itself is not told.
        let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap();
        let buckets = |name: &str| Matcher::Full(format!("retry_http_{name}"));
        let built = PrometheusBuilder::new()
            .with_http_listener(address)
            .set_buckets_for_metric(buckets("wait_seconds"), &[0.001, 0.01, 0.1, 1.0])
            .and_then(|it| it.set_buckets_for_metric(buckets("held_seconds"), &[0.01, 1.0]))
            .and_then(|it| it.set_buckets_for_metric(buckets("attempts"), &[1.0, 2.0, 4.0]));
        let _runtime = runtime.enter();
        match built.and_then(PrometheusBuilder::build) {
            Ok((recorder, serve)) => {
                runtime.spawn(serve);
                return (recorder, address);
            }
            Err(BuildError::FailedToCreateHTTPListener(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Scrapes each series and its value.
fn scrape(address: SocketAddr) -> BTreeMap<String, f64> {
    let text = reqwest::blocking::get(format!("http://{address}/metrics")).unwrap().text().unwrap();
    let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
    samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// Makes calls, and returns the series that are exported of them.
fn scrape_after(calls: impl FnOnce()) -> BTreeMap<String, f64> {
    Log::listen();
    // The exporter has threads of its own. The recorder is that of this thread alone.
    let exporting =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (recorder, address) = exporter(&exporting);
    metrics::with_local_recorder(&recorder, calls);
    scrape(address)
}

#[test]
fn a_scrape_sees_the_numbers_of_the_script() {
    let mut scraped = scrape_after(|| {
        retry_http::describe_metrics();
        calls();
        let server = recovering();
        plain::get_blocking(&reqwest::blocking::Client::new(), &server.url("/")).unwrap();
    });

    let mut take = |name: &str, labels: &str| {
        let (name, labels) = (format!("retry_http_{name}"), labels.replace('$', "telemetry::plain::"));
        scraped.remove(&format!("{name}{{{labels}}}"))
    };
    for (name, labels, expected) in [
        ("calls_total", r#"function="$get",result="ok""#, 2.0),
        ("calls_total", r#"function="$get",result="ok_after_retry""#, 1.0),
        ("calls_total", r#"function="$get",result="failed""#, 1.0),
        ("calls_total", r#"function="$get",result="failed_after_retry""#, 2.0),
        ("calls_total", r#"function="$get_blocking",result="ok_after_retry""#, 1.0),
        ("calls_total", r#"function="$poll",result="failed_after_retry""#, 1.0),
        ("calls_total", r#"function="$renewing",result="ok_after_retry""#, 1.0),
        ("calls_total", r#"function="$expired",result="failed""#, 1.0),
        ("calls_total", r#"function="$hasty",result="failed""#, 1.0),
        ("calls_total", r#"function="$patient",result="ok""#, 1.0),
        ("retries_total", r#"function="$get",reason="429""#, 1.0),
        ("retries_total", r#"function="$get",reason="503""#, 5.0),
        ("retries_total", r#"function="$get",reason="reset""#, 1.0),
        ("retries_total", r#"function="$get",reason="body""#, 1.0),
        ("retries_total", r#"function="$get",reason="connect""#, 4.0),
        ("retries_total", r#"function="$get_blocking",reason="429""#, 1.0),
        ("retries_total", r#"function="$get_blocking",reason="503""#, 1.0),
        ("retries_total", r#"function="$get_blocking",reason="reset""#, 1.0),
        ("retries_total", r#"function="$get_blocking",reason="body""#, 1.0),
        ("retries_total", r#"function="$poll",reason="outcome""#, 1.0),
        ("renewals_total", r#"function="$renewing",result="ok""#, 1.0),
        ("renewals_total", r#"function="$expired",result="failed""#, 1.0),
        // Two at once, one that is no use to retry, and three with five attempts.
        ("attempts_bucket", r#"function="$get",le="1""#, 3.0),
        ("attempts_bucket", r#"function="$get",le="4""#, 3.0),
        ("attempts_bucket", r#"function="$get",le="+Inf""#, 6.0),
        ("attempts_sum", r#"function="$get""#, 18.0),
        ("attempts_count", r#"function="$get""#, 6.0),
        ("wait_seconds_bucket", r#"function="$get_blocking",le="0.001""#, 0.0),
        ("wait_seconds_bucket", r#"function="$get_blocking",le="0.01""#, 3.0),
        ("wait_seconds_bucket", r#"function="$get_blocking",le="0.1""#, 4.0),
        ("wait_seconds_count", r#"function="$get_blocking""#, 4.0),
        ("wait_seconds_count", r#"function="$get""#, 12.0),
    ] {
        assert_eq!(take(name, labels), Some(expected), "{name} {labels}");
    }
    let waited = take("wait_seconds_sum", r#"function="$get_blocking""#).unwrap();
    assert!((waited - WAITS.iter().sum::<Duration>().as_secs_f64()).abs() < 1e-9, "{waited}");
    assert!(take("held_seconds_sum", r#"function="$patient""#).unwrap() >= 50.0);

    // And nothing else is counted.
    let rest: Vec<_> = scraped.keys().filter(|series| series.contains("_total")).collect();
    assert!(rest.is_empty(), "{rest:?}");
    for label in scraped.keys().filter_map(|series| series.split_once('{')?.1.strip_suffix('}')) {
        assert!(label.split(',').all(|label| label.starts_with("function=") || label.starts_with("le=")));
    }
}

fn calls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(calls_of_every_outcome());
}

async fn calls_of_every_outcome() {
    let http = Client::new();
    let server = |statuses: &[u16]| Server::script(statuses.iter().copied().map(Reply::status));
    let well = server(&[200]);
    plain::get(&http, &well.url("/")).await.unwrap();
    plain::get(&http, &well.url("/")).await.unwrap();
    plain::get(&http, &recovering().url("/")).await.unwrap();
    plain::get(&http, &server(&[404]).url("/")).await.unwrap_err();
    plain::get(&http, &server(&[503]).url("/")).await.unwrap_err();
    plain::get(&http, &nobody()).await.unwrap_err();
    plain::poll(&http, &well.url("/")).await.unwrap();
    plain::renewing(&http, &server(&[401, 200]).url("/")).await.unwrap();
    plain::expired(&http, &server(&[401]).url("/")).await.unwrap_err();
    let (limited, _kit) = (limited(), testing::instant());
    let upstream = retry_http::Upstream::new("counted");
    plain::hasty(&http, &limited.url("/"), &upstream).await.unwrap_err();
    plain::patient(&http, &limited.url("/"), &upstream).await.unwrap();
}

#[test]
fn each_query_of_the_dashboard_is_of_an_exported_series() {
    let exported: Vec<_> = scrape_after(calls)
        .into_keys()
        .map(|series| series.split('{').next().unwrap_or_default().to_owned())
        .collect();

    let dashboard: Value =
        serde_json::from_str(include_str!("../docs/observability/dashboard.json")).unwrap();
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_u64(), "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            asked.extend(words.filter(|word| word.starts_with("retry_http_")).map(str::to_owned));
        }
    }
    asked.sort();
    asked.dedup();
    assert!(asked.len() >= 6, "{asked:?}");
    assert!(asked.iter().all(|name| exported.contains(name)), "{asked:?} of {exported:?}");
}

/// Sends requests in ways that are seen and in ways that are not.
mod unseen {
    use super::*;
    use reqwest::Response;
    use retry_http::retry_http;

    async fn helper(http: &Client, url: &str) -> Result<(), Opaque> {
        let response = http.post(url).send().await.map_err(|_| Opaque)?;
        response.error_for_status().map(drop).map_err(|_| Opaque)
    }

    #[retry_http(transparent)]
    async fn transparent(http: &Client, url: &str) -> Result<(), Opaque> {
        helper_that_is_seen(http, url).await
    }

    #[retry_http(transparent)]
    async fn helper_that_is_seen(http: &Client, url: &str) -> Result<(), Opaque> {
        let response = http.post(url).send().await.map_err(|_| Opaque)?;
        response.error_for_status().map(drop).map_err(|_| Opaque)
    }

    #[retry_http(base = 1ms)]
    pub async fn hidden(http: &Client, url: &str) -> Result<(), Opaque> {
        helper(http, url).await
    }

    #[retry_http(base = 1ms, timeout = 1s)]
    pub async fn bounded(http: &Client, url: &str) -> Result<u16, reqwest::Error> {
        async fn get(http: &Client, url: &str) -> reqwest::Result<Response> {
            http.get(url).send().await?.error_for_status()
        }

        Ok(get(http, url).await?.status().as_u16())
    }

    async fn send(http: &Client, url: &str) -> reqwest::Result<String> {
        http.get(url).send().await?.error_for_status()?.text().await
    }

    /// Of whose request only the status is known.
    #[retry_http(base = 1ms)]
    pub async fn over_a_helper(http: &Client, url: &str) -> reqwest::Result<String> {
        send(http, url).await
    }

    #[retry_http(base = 1ms)]
    pub async fn over_a_transparent_helper(http: &Client, url: &str) -> Result<(), Opaque> {
        if url.is_empty() {
            return Err(Opaque);
        }
        transparent(http, url).await
    }

    /// A sender that is not reqwest's, as that of a version whose feature is off.
    pub struct Other;

    impl Other {
        #[allow(clippy::unused_async, reason = "as a client has it")]
        async fn send(self) -> Result<(), Opaque> {
            Err(Opaque)
        }
    }

    #[retry_http(base = 1ms)]
    pub async fn by_another_client() -> Result<(), Opaque> {
        let other = Other;
        other.send().await
    }
}

#[tokio::test]
async fn a_function_of_which_nothing_is_seen_is_warned_of_once() {
    Log::listen();
    let (http, server) = (Client::new(), Server::script([Reply::status(503)]));
    let url = server.url("/");
    let warned = || {
        let lines = Log::take().into_iter().filter(|(level, ..)| level == "WARN");
        let lines = lines.map(|(_, _, fields)| {
            let [function, message] =
                ["code.function.name", "message"].map(|field| fields[field].as_str().unwrap().to_owned());
            let function = function.rsplit("::").next().unwrap().to_owned();
            assert!(message.contains("`#[retry_http(transparent)]`"), "the fix is said: {message}");
            (function, message.split(':').next().unwrap().to_owned())
        });
        lines.collect::<Vec<_>>()
    };
    let once = |function: &str, message: &str| vec![(function.to_owned(), message.to_owned())];

    for expected in [once("hidden", "no request of this function was seen"), vec![]] {
        unseen::hidden(&http, &url).await.unwrap_err();
        assert_eq!(warned(), expected);
    }
    for expected in [once("over_a_helper", "no request of this function was seen"), vec![]] {
        unseen::over_a_helper(&http, &url).await.unwrap_err();
        assert_eq!(warned(), expected);
    }
    // A limit for each send bounds nothing where no send is seen.
    for expected in [once("bounded", "no request of this function was seen"), vec![]] {
        unseen::bounded(&http, &url).await.unwrap_err();
        assert_eq!(warned(), expected);
    }
    for expected in [once("by_another_client", "this function sends by a type that is not known"), vec![]] {
        unseen::by_another_client().await.unwrap_err();
        assert_eq!(warned(), expected);
    }
    // A function of which one call was seen is not warned of, also where a later call sends
    // nothing.
    unseen::over_a_transparent_helper(&http, &url).await.unwrap_err();
    unseen::over_a_transparent_helper(&http, "").await.unwrap_err();
    assert_eq!(warned(), []);
    assert_eq!(server.requests().len(), 7, "and nothing was repeated: it is not known to be safe");
}
