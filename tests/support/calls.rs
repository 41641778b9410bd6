//! Calls by every client, and what a testing kit says of them.

#![allow(dead_code, reason = "no test uses all of them")]

use std::time::Duration;

use http::Method;
use retry_http::testing::{Entered, Kit, RecordedEvent};
use retry_http::{Step, retry_http};

#[retry_http(jitter = none)]
pub async fn send(http: &reqwest::Client, method: &Method, url: &str) -> reqwest::Result<String> {
    let request = http.request(method.clone(), url).body("some");
    request.send().await?.error_for_status()?.text().await
}

#[retry_http(jitter = none)]
pub async fn send12(http: &reqwest12::Client, method: &Method, url: &str) -> reqwest12::Result<String> {
    let request = http.request(method.clone(), url).body("some");
    request.send().await?.error_for_status()?.text().await
}

#[retry_http(jitter = none)]
pub fn send_blocking(
    http: &reqwest::blocking::Client,
    method: &Method,
    url: &str,
) -> reqwest::Result<String> {
    let request = http.request(method.clone(), url).body("some");
    request.send()?.error_for_status()?.text()
}

#[retry_http(jitter = none)]
pub fn send_blocking12(
    http: &reqwest12::blocking::Client,
    method: &Method,
    url: &str,
) -> reqwest12::Result<String> {
    let request = http.request(method.clone(), url).body("some");
    request.send()?.error_for_status()?.text()
}

/// Enters a kit, for one call.
pub fn enter() -> Entered {
    Kit::new().enter()
}

/// Returns the attempts of a call, its waits in seconds, its failure and why it ended.
pub fn verdict(kit: &Kit) -> String {
    let attempts = kit.attempts();
    let waits: Duration = kit.waits().iter().sum();
    let events = kit.events();
    let RecordedEvent { status, failures, step, .. } = events.last().expect("the call has ended");
    let failed = status.map(|status| status.as_u16().to_string());
    let failed = failed.into_iter().chain(failures.iter().map(|failure| failure.name().to_owned()));
    let Step::End { stop, .. } = step else { panic!("{step:?} is not the end") };
    let failed: Vec<_> = failed.collect();
    format!("{attempts} in {}s: {} {}", waits.as_secs(), failed.join("+"), stop.name())
}

/// Clients of every kind, made alike. `$make` is given the builder of each.
#[macro_export]
macro_rules! verdicts {
    (|$builder:ident| $make:expr, $method:expr, $url:expr) => {{
        let (method, url): (&http::Method, &str) = ($method, $url);
        let mut verdicts = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

        let $builder = reqwest::Client::builder().no_proxy();
        let client = $make.build().unwrap();
        let kit = calls::enter();
        let outcome = runtime.block_on(calls::send(&client, method, url));
        verdicts.push(("0.13", calls::verdict(&kit), outcome.is_ok()));
        drop(kit);

        let $builder = reqwest12::Client::builder().no_proxy();
        let client = $make.build().unwrap();
        let kit = calls::enter();
        let outcome = runtime.block_on(calls::send12(&client, method, url));
        verdicts.push(("0.12", calls::verdict(&kit), outcome.is_ok()));
        drop(kit);

        let $builder = reqwest::blocking::Client::builder().no_proxy();
        let client = $make.build().unwrap();
        let kit = calls::enter();
        let outcome = calls::send_blocking(&client, method, url);
        verdicts.push(("0.13, sync", calls::verdict(&kit), outcome.is_ok()));
        drop(kit);

        let $builder = reqwest12::blocking::Client::builder().no_proxy();
        let client = $make.build().unwrap();
        let kit = calls::enter();
        let outcome = calls::send_blocking12(&client, method, url);
        verdicts.push(("0.12, sync", calls::verdict(&kit), outcome.is_ok()));
        verdicts
    }};
}
