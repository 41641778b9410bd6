//! The annotated functions, as users write them, each with a watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Result};
use retry_http::{FailureSet, HttpFailure, Renewal, Upstream, failures_of, retry_http};
use serde::Deserialize;

use crate::ledger::{Kind, Ledger};
use crate::server::{LOGIN, PROFILE};
use crate::watch::{Protocol, Watch};

/// Delays its calls after a hint.
static SEARCH: Upstream = Upstream::new("search");
/// Answers its calls itself after a hint, if they may not wait.
static QUOTES: Upstream = Upstream::new("quotes").answer_locally();
static RENEWAL: Renewal = Renewal::new();

/// The client of a service.
pub struct Api {
    pub http: Client,
    pub base: String,
    pub ledger: Arc<Ledger>,
    pub protocol: Protocol,
    pub credentials: Arc<AtomicU64>,
    /// The number of the next login.
    pub logins: Arc<AtomicU64>,
}

#[derive(Deserialize)]
pub struct Page {
    pub call: u64,
    pub run: u32,
}

/// An error of the service's own.
#[derive(Debug)]
pub enum ApiError {
    Transport(reqwest::Error),
    Refused { status: u16, retry_after: Option<Duration> },
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error)
    }
}

impl HttpFailure for ApiError {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Transport(error) => error.status().map(|status| status.as_u16()),
            Self::Refused { status, .. } => Some(*status),
        }
    }

    fn failures(&self) -> FailureSet {
        match self {
            Self::Transport(error) => failures_of(error),
            Self::Refused { .. } => FailureSet::EMPTY,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transport(_) => None,
            Self::Refused { retry_after, .. } => *retry_after,
        }
    }
}

#[retry_http(base = 5ms, timeout = 2s, observer = *watch)]
impl Api {
    #[retry_http(skip)]
    fn get(&self, watch: &Watch, path: &str) -> RequestBuilder {
        watch.mark(self.http.get(format!("{}{path}", self.base)))
    }

    #[retry_http(skip)]
    fn post(&self, watch: &Watch, path: &str) -> RequestBuilder {
        watch.mark(self.http.post(format!("{}{path}", self.base)))
    }

    pub async fn text(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.get(watch, "/text");
        request.send().await?.error_for_status()?.text().await
    }

    pub async fn response(&self, watch: &Watch) -> Result<Response> {
        let request: RequestBuilder = self.get(watch, "/response");
        request.send().await
    }

    /// Has types of its own.
    pub async fn page(&self, watch: &Watch) -> std::result::Result<Page, ApiError> {
        let request: RequestBuilder = self.get(watch, "/page");
        let response = request.send().await?;
        if response.status().is_success() {
            return Ok(response.json().await?);
        }
        let header = response.headers().get("retry-after-ms");
        let wait = header.and_then(|wait| wait.to_str().ok()?.parse().ok()).map(Duration::from_millis);
        Err(ApiError::Refused { status: response.status().as_u16(), retry_after: wait })
    }

    pub async fn order(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.post(watch, "/order");
        request.send().await?.error_for_status()?.text().await
    }

    #[retry_http(deadline = 1s, timeout = 400ms)]
    pub async fn quick_order(&self, watch: &Watch) -> Result<Response> {
        let request: RequestBuilder = self.post(watch, "/quick");
        request.send().await
    }

    #[retry_http(idempotency_key)]
    pub async fn keyed_order(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.post(watch, "/keyed").body("one tea");
        request.send().await?.error_for_status()?.text().await
    }

    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> Result<String> {
        request.send().await?.error_for_status()?.text().await
    }

    /// Sends by a helper.
    pub async fn helped_order(&self, watch: &Watch) -> Result<String> {
        self.send(self.post(watch, "/helped").body("one tea")).await
    }

    #[retry_http(deadline = 3s, upstream = SEARCH)]
    pub async fn search(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.get(watch, "/search");
        request.send().await?.error_for_status()?.text().await
    }

    #[retry_http(deadline = 500ms, timeout = 300ms, upstream = QUOTES)]
    pub async fn quote(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.get(watch, "/quote");
        request.send().await?.error_for_status()?.text().await
    }

    #[retry_http(reauth = RENEWAL.once(self.log_in()))]
    pub async fn profile(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.get(watch, PROFILE);
        let request: RequestBuilder = request.header("authorization", self.credentials.load(Relaxed));
        request.send().await?.error_for_status()?.text().await
    }

    #[retry_http(skip)]
    async fn log_in(&self) -> bool {
        let call = self.logins.fetch_add(1, Relaxed);
        let watch = Watch::new(&self.ledger, self.protocol, call, Kind::Safe);
        let credentials = self.credentials(&watch).await.ok().and_then(|text| text.parse().ok());
        if let Some(credentials) = credentials {
            self.credentials.store(credentials, Relaxed);
        }
        credentials.is_some()
    }

    #[retry_http(idempotent)]
    async fn credentials(&self, watch: &Watch) -> Result<String> {
        let request: RequestBuilder = self.post(watch, LOGIN);
        request.send().await?.error_for_status()?.text().await
    }
}
