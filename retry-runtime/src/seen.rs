//! What an attempt sees of its exchanges while it runs: its sends and its outcome tell, the last exchange counts. And
//! what it has to see to: the bounds and the key of each request.

#![cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "what only a transport tells")
)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use uuid::Uuid;

use crate::ambient::{self, Moment, Skipped};
use crate::exchange::{Exchange, IDEMPOTENCY_KEY};
use crate::failure::Failure;
use crate::hint;
use crate::nesting;
use crate::policy::Policy;
use crate::renewal;
use crate::rules::is_retryable;

/// What the current attempt has seen so far.
#[derive(Debug)]
pub struct Seen {
    /// The last exchange.
    exchange: Exchange,
    /// Where the request is sent, if it is not safe to repeat: a hash, so that nothing of a URL is kept.
    target: Option<u64>,
    /// The host of the last exchange, where somebody wants to know.
    host: Option<Box<str>>,
    /// Whether an observer does.
    pub(crate) observed: bool,
    /// Whether any of these three is there.
    ordered: bool,
    /// The bound on each send.
    timeout: Bound,
    /// What has passed besides.
    pub(crate) skipped: Skipped,
    /// The bound on the call.
    until: Option<Moment>,
    /// The timeout of the client that is about to be passed a request.
    client_timeout: Bound,
    /// Whether repeating a request is safe, where that is not by its method.
    idempotent: Option<bool>,
    /// The idempotency keys of the call, if it has any.
    keys: Option<Box<Keys>>,
    /// How many renewals of credentials had ended before those of the attempt were read, where the function renews them.
    renewals: Option<u64>,
}

#[derive(Debug)]
struct Keys {
    /// What the call's keys are made of.
    secret: u128,
    /// The requests of the attempt that have one.
    requests: Vec<u64>,
}

/// A duration in little space, in nanoseconds; the longest is none. All of a call is moved a few times.
#[derive(Clone, Copy, Debug)]
struct Bound(u64);

impl Bound {
    const NONE: Self = Self(u64::MAX);

    fn new(bound: Option<Duration>) -> Self {
        bound.map_or(Self::NONE, |bound| Self(u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn get(self) -> Option<Duration> {
        (self.0 != u64::MAX).then(|| Duration::from_nanos(self.0))
    }
}

impl Seen {
    /// Before the first attempt of a call under `policy`, which began at `moment()`.
    #[inline]
    pub(crate) fn new(policy: &Policy, moment: fn() -> Moment) -> Self {
        Self {
            exchange: Exchange::default(),
            target: None,
            host: None,
            observed: false,
            ordered: policy.timeout().is_some() || policy.deadline().is_some() || policy.idempotency_key(),
            timeout: Bound::new(policy.timeout()),
            skipped: Skipped::default(),
            until: policy.deadline().and_then(|deadline| moment().after(deadline)),
            client_timeout: Bound::NONE,
            idempotent: policy.idempotent(),
            keys: policy
                .idempotency_key()
                .then(|| Box::new(Keys { secret: ambient::random_bits(), requests: Vec::new() })),
            renewals: None,
        }
    }

    /// The last exchange, once the attempt is over. From then on the next one is seen.
    #[inline]
    pub(crate) fn take(&mut self) -> Exchange {
        self.target = None;
        if let Some(keys) = &mut self.keys {
            keys.requests.clear();
        }
        std::mem::take(&mut self.exchange)
    }

    /// The host of the exchange that was taken last.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What has been seen of the last exchange so far.
    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// An attempt of a function that renews credentials begins.
    pub fn attempting(&mut self) {
        self.renewals = Some(renewal::so_far());
    }

    /// How many renewals of credentials had ended before those that were refused were read.
    pub(crate) fn renewals(&self) -> u64 {
        self.renewals.unwrap_or_default()
    }

    /// What is left of the call, where that is bounded.
    #[inline]
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.left().saturating_sub(self.skipped.of_call()))
    }

    /// The bound on a request that is about to be sent: `timeout`, or what is left of the call. `own` is the one it has.
    #[inline]
    pub(crate) fn bounded(&self, own: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        let bounds = [self.timeout.get(), self.left()];
        let bound = bounds.into_iter().flatten().min()?;
        Some(own().map_or(bound, |own| own.min(bound)))
    }

    /// Asks for the timeout of a client, where it matters.
    #[inline]
    pub(crate) fn ask_client(&mut self, own: impl FnOnce() -> Option<Duration>) {
        self.client_timeout = Bound::new(if self.ordered { own() } else { None });
    }

    /// What was answered.
    #[inline]
    pub(crate) fn client_timeout(&self) -> Option<Duration> {
        self.client_timeout.get()
    }

    /// Whether requests are to be bounded, or to have keys.
    #[inline]
    pub(crate) fn has_orders(&self) -> bool {
        self.ordered
    }

    /// Gives a request that is about to be sent its `Idempotency-Key`, where the call has keys and the request is not
    /// safe to repeat without.
    ///
    /// A bare UUID, as Stripe and Adyen document it, and not the quoted string of the draft. It is that of the first,
    /// second, … request of an attempt with this method and path, so a request has it on every attempt, also where one
    /// of them leaves another request out, and no other request has it.
    pub(crate) fn key(&mut self, method: &Method, path: &str, headers: &mut HeaderMap) {
        let Some(keys) = &mut self.keys else { return };
        if method.is_idempotent() || headers.contains_key(IDEMPOTENCY_KEY) {
            return;
        }
        let request = hash(&(method, path));
        let number = keys.requests.iter().filter(|earlier| **earlier == request).count();
        keys.requests.push(request);
        let half = |side: u8| u128::from(hash(&(keys.secret, request, number, side)));
        let bits = (half(0) << 64) | half(1);
        let key = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let key = HeaderValue::from_str(Uuid::hyphenated(key).encode_lower(&mut text));
        headers.extend(key.ok().map(|key| (IDEMPOTENCY_KEY, key)));
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
        self.target = (!self.is_safe()).then(|| hash(&without_fragment(url)));
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
        let sent = self.exchange.method().is_some();
        if self.exchange.is_after_unsafe() || (sent && !self.is_safe()) {
            exchange.followed_unsafe();
        }
        self.exchange = exchange;
        self.target = None;
        self.host = None;
        nesting::unmark();
    }

    fn is_safe(&self) -> bool {
        self.idempotent.unwrap_or(self.exchange.is_idempotent())
    }

    /// A visible send has returned, and its answer or failure is about `url`. Where that is not where it was
    /// sent, a redirect was followed: the request itself was received, whatever came of the next one.
    #[inline]
    pub(crate) fn came_from(&mut self, url: Option<&str>) {
        if let (Some(target), Some(url)) = (self.target, url) {
            if hash(&without_fragment(url)) != target {
                self.exchange.followed_unsafe();
            }
        }
    }

    /// What the last exchange has been told of was from `host`. A log is only of failures.
    #[inline]
    pub(crate) fn at<'u>(&mut self, host: impl FnOnce() -> Option<&'u str>) {
        let failed = || self.exchange.is_error() || !self.exchange.failures().is_empty();
        if self.observed || (cfg!(feature = "tracing") && failed()) {
            self.host = host().map(Into::into);
        }
    }

    #[inline]
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.exchange.answered(status);
        // A 202 can be told not to be polled, but no success to be repeated.
        if is_retryable(status.as_u16()) {
            let failed = !status.is_success();
            if let Some(advice) = hint::should_retry(headers).filter(|advice| failed || !advice) {
                self.exchange.advised(advice);
            }
        }
        if self.renewals.is_some() && status != StatusCode::UNAUTHORIZED {
            // The credentials were good; those of the next request are read after this.
            self.attempting();
        }
        if let Some(hint) = hint::read_from(headers, ambient::now) {
            self.exchange.hinted_by(hint);
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

/// The fragment stays with the client, and is not part of what comes back.
fn without_fragment(url: &str) -> Option<&str> {
    url.split('#').next()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
