use std::time::Duration;

use backoff::future::retry;
use backoff::{Error, ExponentialBackoff, ExponentialBackoffBuilder};
use reqwest::Client;

fn waits() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(Duration::from_millis(250))
        .with_multiplier(1.5)
        .with_max_interval(Duration::from_secs(10))
        .with_max_elapsed_time(Some(Duration::from_secs(3)))
        .build()
}

pub async fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let fetch = || async {
        // `?` makes an error of the connection transient.
        let response = http.get(url).send().await?;
        let response = response.error_for_status().map_err(sort)?;
        response.json().await.map_err(Error::permanent)
    };
    retry(waits(), fetch).await
}

fn sort(error: reqwest::Error) -> Error<reqwest::Error> {
    match error.status() {
        Some(status) if status.is_server_error() || status == 429 => {
            Error::transient(error)
        }
        _ => Error::permanent(error),
    }
}
