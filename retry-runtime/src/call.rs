//! What the generated loop calls: one call of an annotated function, which joins the core to the world.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

use crate::ambient;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::hint;
use crate::policy::Policy;
use crate::retry::{Retry, Verdict};

/// One call of an annotated function.
#[derive(Debug)]
pub struct Call<'p> {
    retry: Retry<'p>,
    /// The last exchange of the attempt.
    exchange: Exchange,
}

impl<'p> Call<'p> {
    /// Before the first attempt.
    #[inline]
    pub fn start(policy: &'p Policy) -> Self {
        Self { retry: Retry::new(policy), exchange: Exchange::default() }
    }

    /// After each attempt: the wait before the next one, or `None` where the outcome is to be returned.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "the name of the design, for a verdict and not an item"
    )]
    pub fn next(&mut self) -> Option<Duration> {
        let exchange = std::mem::take(&mut self.exchange);
        match self.retry.next(&exchange, ambient::random) {
            Verdict::Wait(wait) => Some(wait),
            Verdict::Stop(_) => None,
        }
    }

    /// A visible `reqwest::get` has returned.
    #[inline]
    pub fn got(&mut self) {
        self.sending(&Method::GET, &HeaderMap::new());
    }

    /// A visible send begins: what is seen from here on is about its request.
    #[inline]
    pub(crate) fn sending(&mut self, method: &Method, headers: &HeaderMap) {
        self.exchange = Exchange::sent(method, headers);
    }

    #[inline]
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.exchange.answered(status);
        // A success needs no look at headers and clock.
        if self.retry.may_follow(status)
            && self.exchange.hint().is_none()
            && let Some(wait) = hint::read(headers, ambient::now())
        {
            self.exchange.hinted(wait);
        }
    }

    pub(crate) fn answered_with(&mut self, status: StatusCode) {
        self.exchange.answered(status);
    }

    pub(crate) fn hinted(&mut self, wait: Duration) {
        self.exchange.hinted(wait);
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        self.exchange.failed(failure);
    }
}
