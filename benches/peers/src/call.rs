//! The call that is measured, and when it is retried: the same for all peers.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};

/// The most retries after the first attempt.
pub const RETRIES: u32 = 5;

/// The wait before the first retry. It doubles with each.
pub const BASE: Duration = Duration::from_millis(50);
pub const BASE_MILLIS: u64 = 50;

/// The longest wait.
pub const CAP: Duration = Duration::from_mins(1);

const BODY: &str = r#"{"title":"a"}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Target {
    pub verb: Verb,
    pub url: String,
}

impl Target {
    /// Returns the request, ready to send.
    pub fn request(&self, http: &Client) -> RequestBuilder {
        match self.verb {
            Verb::Get => http.get(&self.url),
            Verb::Post => http.post(&self.url).body(BODY),
        }
    }

    /// Returns the same for a client with middleware.
    pub fn request_through(
        &self,
        http: &reqwest_middleware::ClientWithMiddleware,
    ) -> reqwest_middleware::RequestBuilder {
        match self.verb {
            Verb::Get => http.get(&self.url),
            Verb::Post => http.post(&self.url).body(BODY),
        }
    }
}

/// Says whether a status is retried.
pub fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 503)
}

/// Says whether an error is retried: one that `error_for_status` made, or that no answer came.
pub fn is_transient(error: &reqwest::Error) -> bool {
    match error.status() {
        Some(status) => is_busy(status),
        None => error.is_connect() || error.is_timeout(),
    }
}

/// Says whether an outcome is retried.
pub fn is_refusal(outcome: &reqwest::Result<Response>) -> bool {
    match outcome {
        Ok(response) => is_busy(response.status()),
        Err(error) => is_transient(error),
    }
}
