use std::time::Duration;

use backon::{BlockingRetryable, ConstantBuilder};
use reqwest::blocking::Client;

pub fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let waits = ConstantBuilder::new()
        .with_delay(Duration::from_millis(100))
        .with_max_times(2);
    let fetch = || http.get(url).send()?.error_for_status()?.json();
    fetch
        .retry(waits)
        .when(|error: &reqwest::Error| {
            error.status().is_some_and(|s| s == 429 || s.is_server_error())
        })
        .call()
}
