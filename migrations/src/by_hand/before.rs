use std::time::Duration;

use reqwest::Client;

const ATTEMPTS: u32 = 4;

pub async fn stock(http: &Client, url: &str) -> reqwest::Result<u32> {
    let mut wait = Duration::from_millis(500);
    let mut attempt = 1;
    loop {
        let outcome = fetch(http, url).await;
        let is_transient = outcome.as_ref().is_err_and(|error| {
            let status = error.status();
            error.is_timeout()
                || error.is_connect()
                || status.is_some_and(|s| s == 429 || s.is_server_error())
        });
        if !is_transient || attempt == ATTEMPTS {
            return outcome;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
        attempt += 1;
    }
}

async fn fetch(http: &Client, url: &str) -> reqwest::Result<u32> {
    let response = http.get(url).send().await?;
    response.error_for_status()?.json().await
}
