//! What an attempt sees of its exchanges while it runs: its sends and its outcome tell, the last exchange counts.

#![cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "what only a transport tells")
)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

use crate::ambient;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::hint;
use crate::nesting;

/// What the current attempt has seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// The last exchange.
    exchange: Exchange,
    /// Where the request is sent, if it is not safe to repeat: a hash, so that nothing of a URL is kept.
    target: Option<u64>,
}

impl Seen {
    /// The last exchange, once the attempt is over.
    pub(crate) fn into_exchange(self) -> Exchange {
        self.exchange
    }

    /// `retry_if` wants the outcome retried.
    #[inline]
    pub fn want(&mut self) {
        self.exchange.want();
    }

    /// A visible `reqwest::get` has returned.
    #[inline]
    pub fn got(&mut self) {
        self.begin(Exchange::sent(&Method::GET, &HeaderMap::new()));
    }

    /// A visible send begins: what is seen from here on is about its request.
    #[inline]
    pub(crate) fn sending(&mut self, method: &Method, headers: &HeaderMap, url: &str) {
        self.begin(Exchange::sent(method, headers));
        self.target = (!self.exchange.is_idempotent()).then(|| hash(url));
    }

    /// A visible send of another type than reqwest's begins, of which all that is known is that it is a POST or
    /// PATCH.
    pub(crate) fn sending_unsafely(&mut self) {
        self.begin(Exchange::sent(&Method::POST, &HeaderMap::new()));
    }

    /// A visible send of something that is no request: its builder's error is all that will come of it.
    pub(crate) fn sending_nothing(&mut self) {
        self.begin(Exchange::default());
    }

    #[inline]
    fn begin(&mut self, mut exchange: Exchange) {
        if self.exchange.is_after_unsafe() || !self.exchange.is_idempotent() {
            exchange.followed_unsafe();
        }
        self.exchange = exchange;
        self.target = None;
        nesting::unmark();
    }

    /// A visible send has returned, and its answer or failure is about `url`. Where that is not where it was
    /// sent, a redirect was followed: the request itself was received, whatever came of the next one.
    #[inline]
    pub(crate) fn came_from(&mut self, url: Option<&str>) {
        if let (Some(target), Some(url)) = (self.target, url) {
            if hash(url) != target {
                self.exchange.followed_unsafe();
            }
        }
    }

    #[inline]
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.exchange.answered(status);
        if let Some(hint) = hint::read_from(headers, ambient::now) {
            self.exchange.hinted(hint.wait);
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

fn hash(url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    // The fragment stays with the client, and is not part of what comes back.
    let url = url.split('#').next();
    url.hash(&mut hasher);
    hasher.finish()
}
