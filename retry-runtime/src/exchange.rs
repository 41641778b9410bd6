//! What an attempt saw on the wire.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, Method, StatusCode};

use crate::failure::{Failure, FailureSet};
use crate::hint::Hint;

/// The header by which a client makes a request safe to repeat (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One request and what came of it, as far as it is known. The default is that nothing is.
///
/// The generated loop fills it by itself. By hand:
///
/// ```
/// use http::{HeaderMap, Method, StatusCode};
/// use retry_runtime::{Exchange, Failure};
/// use std::time::Duration;
///
/// let mut refused = Exchange::sent(&Method::POST, &HeaderMap::new());
/// refused.failed(Failure::Connect);
///
/// let mut limited = Exchange::default();
/// limited.answered(StatusCode::TOO_MANY_REQUESTS);
/// limited.hinted(Duration::from_secs(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Exchange {
    method: Option<Method>,
    keyed: bool,
    status: Option<StatusCode>,
    failures: FailureSet,
    hint: Option<Duration>,
    hint_header: Option<&'static str>,
    should_retry: Option<bool>,
    wanted: bool,
    retried_below: bool,
    after_unsafe: bool,
}

impl Exchange {
    /// A request that is about to be sent: its method, and of its headers whether there is an `Idempotency-Key`.
    pub fn sent(method: &Method, headers: &HeaderMap) -> Self {
        // Only a request that its method does not already make repeatable needs the look-up.
        let keyed = !method.is_idempotent() && headers.contains_key(IDEMPOTENCY_KEY);
        Self { method: Some(method.clone()), keyed, ..Self::default() }
    }

    /// The server answered with `status`. What an answer with another status had said is forgotten.
    pub fn answered(&mut self, status: StatusCode) {
        if self.status != Some(status) {
            (self.failures, self.hint, self.should_retry) = (FailureSet::EMPTY, None, None);
            self.status = Some(status);
        }
    }

    /// The server said whether to retry, which counts for more than the status does. See
    /// [`hint::should_retry`](crate::hint::should_retry).
    pub fn advised(&mut self, should_retry: bool) {
        self.should_retry = Some(should_retry);
    }

    /// The server asked to wait this long, counted from now. See [`hint::read`](crate::hint::read).
    ///
    /// Of several hints the longest counts, so that none is undercut.
    pub fn hinted(&mut self, wait: Duration) {
        self.hint = self.hint.max(Some(wait));
    }

    /// [`hinted`](Self::hinted), by a header.
    pub(crate) fn hinted_by(&mut self, hint: Hint) {
        self.hinted(hint.wait);
        self.hint_header = Some(hint.header);
    }

    /// Before this exchange there was another, in the same attempt or before a redirect, that is not safe to
    /// repeat: what this one says about being repeated is not the whole of it.
    pub fn followed_unsafe(&mut self) {
        self.after_unsafe = true;
    }

    /// Whether [`followed_unsafe`](Self::followed_unsafe) was called.
    pub fn is_after_unsafe(&self) -> bool {
        self.after_unsafe
    }

    /// The exchange failed. Where there was no answer, what an earlier one had said is forgotten.
    pub fn failed(&mut self, failure: Failure) {
        if matches!(failure, Failure::Connect | Failure::Reset) {
            (self.status, self.hint, self.should_retry) = (None, None, None);
        }
        self.failures = self.failures.with(failure);
    }

    /// The caller wants it retried, whatever happened, unless the policy never does.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// What failed has been retried by an inner call, which gave up.
    pub fn was_retried_below(&mut self) {
        self.retried_below = true;
    }

    /// Whether [`want`](Self::want) was called.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether [`was_retried_below`](Self::was_retried_below) was called.
    pub fn is_retried_below(&self) -> bool {
        self.retried_below
    }

    /// Whether repeating the request has the effect of sending it once (RFC 9110 §9.2.2): its method says so,
    /// it carries an `Idempotency-Key`, or its method is not known.
    pub fn is_idempotent(&self) -> bool {
        self.keyed || self.method.as_ref().is_none_or(Method::is_idempotent)
    }

    /// The method of the request, where it is known.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The ways in which the exchange failed; none where there was an answer that could be read.
    pub fn failures(&self) -> FailureSet {
        self.failures
    }

    /// What the server said about retrying, other than by its status.
    pub fn should_retry(&self) -> Option<bool> {
        self.should_retry
    }

    /// Whether the answer was an error, also where a function returns it as `Ok`.
    pub(crate) fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status.is_client_error() || status.is_server_error())
    }

    /// The header that asked for a wait.
    pub(crate) fn hint_header(&self) -> Option<&'static str> {
        self.hint_header.filter(|_| self.hint.is_some())
    }

    /// The wait that the server asked for.
    pub fn hint(&self) -> Option<Duration> {
        self.hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeatable_are_the_methods_of_rfc_9110_and_requests_with_a_key() {
        let none = HeaderMap::new();
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE]
        {
            assert!(Exchange::sent(&method, &none).is_idempotent(), "{method}");
        }
        let keyed = HeaderMap::from_iter([(IDEMPOTENCY_KEY, http::HeaderValue::from_static("k"))]);
        for method in [Method::POST, Method::PATCH, Method::CONNECT, Method::from_bytes(b"MERGE").unwrap()] {
            assert!(!Exchange::sent(&method, &none).is_idempotent(), "{method}");
            assert!(Exchange::sent(&method, &keyed).is_idempotent(), "{method}");
        }
        assert!(Exchange::default().is_idempotent());
    }

    #[test]
    fn the_same_status_keeps_the_hint_and_another_forgets_it() {
        let mut exchange = Exchange::default();
        exchange.answered(StatusCode::TOO_MANY_REQUESTS);
        exchange.hinted(Duration::from_secs(2));
        exchange.answered(StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(exchange.hint(), Some(Duration::from_secs(2)));
        exchange.answered(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(exchange.hint(), None);
    }

    #[test]
    fn a_broken_body_keeps_the_status_and_a_refused_connection_does_not() {
        let mut exchange = Exchange::default();
        exchange.answered(StatusCode::OK);
        exchange.failed(Failure::Body);
        assert_eq!(exchange.status(), Some(StatusCode::OK));
        exchange.failed(Failure::Connect);
        assert_eq!(exchange.status(), None);
    }
}
