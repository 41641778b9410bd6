use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Request, Response, Result};
use tower::ServiceExt;
use tower::retry::backoff::{Backoff, ExponentialBackoff};
use tower::retry::backoff::{ExponentialBackoffMaker, MakeBackoff};
use tower::retry::budget::{Budget, TpsBudget};
use tower::retry::{Policy, Retry};
use tower::util::rng::HasherRng;

#[derive(Clone)]
struct Retries {
    left: u32,
    waits: ExponentialBackoff,
    budget: Arc<TpsBudget>,
}

impl Policy<Request, Response, reqwest::Error> for Retries {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request,
        outcome: &mut Result<Response>,
    ) -> Option<Self::Future> {
        let is_transient = match outcome {
            Ok(response) => {
                let status = response.status();
                status == 429 || status.is_server_error()
            }
            Err(error) => error.is_timeout() || error.is_connect(),
        };
        if !is_transient {
            self.budget.deposit();
            return None;
        }
        if self.left == 0 || !self.budget.withdraw() {
            return None;
        }
        self.left -= 1;
        Some(self.waits.next_backoff())
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}

pub struct Shop {
    http: Retry<Retries, Client>,
    url: String,
}

impl Shop {
    pub fn new(http: Client, url: String) -> Self {
        let base = Duration::from_millis(500);
        let cap = Duration::from_secs(10);
        let rng = HasherRng::default();
        let mut waits = ExponentialBackoffMaker::new(base, cap, 0.5, rng)
            .expect("500 ms is below 10 s");
        let budget = TpsBudget::new(Duration::from_secs(10), 1, 0.1);
        let retries = Retries {
            left: 3,
            waits: waits.make_backoff(),
            budget: Arc::new(budget),
        };
        Self { http: Retry::new(retries, http), url }
    }

    pub async fn stock(&self, id: u64) -> Result<u32> {
        let url = format!("{}/items/{id}/stock", self.url);
        let request = self.http.get_ref().get(url).build()?;
        let response = self.http.clone().oneshot(request).await?;
        response.error_for_status()?.json().await
    }
}
