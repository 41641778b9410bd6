//! tower's retries around reqwest's client, which is one of its services.

use reqwest::{Client, Request, Response};
use tower::ServiceExt;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::retry::{Policy, Retry};
use tower::util::rng::HasherRng;

use super::bare_client;
use crate::call::{BASE, CAP, RETRIES, Target, is_refusal};

peer!(Tower: Service = client(), reqwest::Error);

/// The service. Requests are built by the client in it.
type Service = Retry<Retries, Client>;

#[derive(Clone)]
pub struct Retries {
    left: u32,
    waits: ExponentialBackoff,
}

impl Policy<Request, Response, reqwest::Error> for Retries {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        _: &mut Request,
        outcome: &mut reqwest::Result<Response>,
    ) -> Option<tokio::time::Sleep> {
        if !is_refusal(outcome) || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.waits.next_backoff())
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}

fn client() -> Service {
    let waits = ExponentialBackoffMaker::new(BASE, CAP, 0.5, HasherRng::default()).expect("in order");
    Retry::new(Retries { left: RETRIES, waits: { waits }.make_backoff() }, bare_client())
}

async fn response(http: &Service, target: &Target) -> reqwest::Result<Response> {
    let request = target.request(http.get_ref()).build()?;
    http.clone().oneshot(request).await
}

async fn string(http: &Service, target: &Target) -> reqwest::Result<String> {
    let request = target.request(http.get_ref()).build()?;
    http.clone().oneshot(request).await?.error_for_status()?.text().await
}
