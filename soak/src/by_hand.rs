//! The loop that somebody would write, to compare what it costs.

use std::time::Duration;

use reqwest::Result;

use crate::calls::Api;
use crate::watch::Watch;

/// Gets a text, with retries of what is safe to repeat.
pub async fn text(api: &Api, watch: &Watch) -> Result<String> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let request = watch.mark(api.http.get(format!("{}/text", api.base)).timeout(Duration::from_secs(2)));
        let sent = request.send().await;
        let is_answered = sent.is_ok();
        let outcome = async { sent?.error_for_status()?.text().await }.await;
        let failures = outcome.as_ref().err().map(|error| retry_http::failures_of(error)).unwrap_or_default();
        watch.note(attempt, watch.fate(is_answered, failures));
        let is_passing = |error: &reqwest::Error| {
            error.status().is_none_or(|status| status.is_server_error() || status.as_u16() == 429)
        };
        match outcome {
            Err(error) if attempt < 4 && is_passing(&error) => {
                tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
            }
            outcome => {
                watch.end();
                return outcome;
            }
        }
    }
}
