//! Runs a flaky server and a load of annotated calls, and exports their metrics for Prometheus.
//!
//! `cargo run --example observed --features metrics,tracing -- --listen 127.0.0.1:9898 --seconds 600`
//!
//! The server does well for ten seconds, breaks down for eight, refuses for six, recovers for six,
//! and so on. Without `--listen` the port is any that is free. Logs go to stderr, from `--log warn`
//! up; `--log info` has each retry. `docs/observability` says how to look at the metrics.

use std::error::Error;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use reqwest::{Client, Result};
use retry_http::testing::server::{Reply, Request, Server};
use retry_http::{Renewal, Upstream, retry_http};
use tracing::level_filters::LevelFilter;

/// Is shared by all calls to the search, which limits its rate.
static SEARCH: Upstream = Upstream::new("search");
static RENEWAL: Renewal = Renewal::new();

#[retry_http(base = 200ms)]
async fn user(http: &Client, url: &str) -> Result<String> {
    http.get(format!("{url}/user")).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 200ms, idempotency_key)]
async fn order(http: &Client, url: &str) -> Result<String> {
    http.post(format!("{url}/order")).body("one tea").send().await?.error_for_status()?.text().await
}

#[retry_http(max = 2, base = 200ms, upstream = SEARCH)]
async fn search(http: &Client, url: &str) -> Result<String> {
    http.get(format!("{url}/search?q=tea")).send().await?.error_for_status()?.text().await
}

#[retry_http(base = 200ms, reauth = RENEWAL.once(login()))]
async fn profile(http: &Client, url: &str) -> Result<String> {
    http.get(format!("{url}/profile")).send().await?.error_for_status()?.text().await
}

async fn login() -> bool {
    tokio::time::sleep(Duration::from_millis(20)).await;
    // Now and then it cannot be done.
    !by_chance(0.3)
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let Arguments { listen, seconds, log } = Arguments::read()?;
    tracing_subscriber::fmt().with_max_level(log).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        export(listen)?;
        println!("http://{listen}/metrics for {seconds} s");
        load(Duration::from_secs(seconds)).await;
        Ok(())
    })
}

/// The three lines of a service that exports its metrics, and buckets for the histograms:
/// Prometheus' quantiles need them, and no exporter knows how long waits are.
fn export(listen: SocketAddr) -> std::result::Result<(), Box<dyn Error>> {
    let seconds = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];
    let attempts = [1.0, 2.0, 3.0, 4.0, 6.0, 11.0];
    PrometheusBuilder::new()
        .with_http_listener(listen)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)?
        .set_buckets_for_metric(Matcher::Suffix("_attempts".into()), &attempts)?
        .install()?;
    retry_http::describe_metrics();
    Ok(())
}

/// Some 80 calls a second.
async fn load(time: Duration) {
    let start = Instant::now();
    let limit = Limit::default();
    let server = Server::new(move |_, request| reply(start.elapsed().as_secs(), request, &limit));
    let (http, url) = (Client::new(), server.url(""));
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while start.elapsed() < time {
        tick.tick().await;
        spawn(&http, &url, |http, url| async move { user(&http, &url).await });
        spawn(&http, &url, |http, url| async move { order(&http, &url).await });
        spawn(&http, &url, |http, url| async move { search(&http, &url).await });
        spawn(&http, &url, |http, url| async move { profile(&http, &url).await });
    }
}

/// Starts a call. Its outcome is in the metrics.
fn spawn<F>(http: &Client, url: &str, call: impl FnOnce(Client, String) -> F)
where
    F: Future<Output = Result<String>> + Send + 'static,
{
    tokio::spawn(call(http.clone(), url.to_owned()));
}

/// The plan of the server.
fn reply(second: u64, request: &Request, limit: &Limit) -> Reply {
    let well = Reply::status(200).body("hello").late(Duration::from_millis(5));
    let path = request.path.split('?').next().unwrap_or_default();
    match (second % 30, path) {
        (10..18, "/user") if by_chance(0.4) => Reply::status(503),
        (10..18, "/user") if by_chance(0.2) => Reply::hang_up(),
        (10..18, "/order") if by_chance(0.5) => Reply::status(502),
        (10..18, "/order") if by_chance(0.1) => Reply::status(200).body("hel").truncated(),
        (18..24, "/search") if limit.exceeded(second) => Reply::status(429).header("retry-after", "1"),
        (18..24, "/user") if by_chance(0.2) => Reply::status(429).header("retry-after-ms", "600"),
        (_, "/profile") if by_chance(0.01) => Reply::status(401),
        (_, "/order") if by_chance(0.01) => Reply::status(422),
        _ if by_chance(0.02) => Reply::status(503),
        _ => well,
    }
}

/// Fifteen requests in each second: three quarters of what comes.
#[derive(Default)]
struct Limit(Mutex<(u64, u32)>);

impl Limit {
    fn exceeded(&self, second: u64) -> bool {
        let mut requests = self.0.lock().expect("no panic while counting");
        if requests.0 != second {
            *requests = (second, 0);
        }
        requests.1 += 1;
        requests.1 > 15
    }
}

fn by_chance(probability: f64) -> bool {
    rand::random_bool(probability)
}

struct Arguments {
    listen: SocketAddr,
    seconds: u64,
    log: LevelFilter,
}

impl Arguments {
    fn read() -> std::result::Result<Self, Box<dyn Error>> {
        // The exporter does not tell which port it was given, so a free one is looked for.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut read = Self { listen, seconds: 30, log: LevelFilter::WARN };
        let mut arguments = std::env::args().skip(1);
        while let Some(key) = arguments.next() {
            let value = arguments.next().ok_or("observed [--listen ADDRESS] [--seconds N] [--log LEVEL]")?;
            match key.as_str() {
                "--listen" => read.listen = value.parse()?,
                "--seconds" => read.seconds = value.parse()?,
                "--log" => read.log = value.parse()?,
                _ => return Err(format!("no such option: {key}").into()),
            }
        }
        Ok(read)
    }
}
