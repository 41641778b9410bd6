//! One request and what came of it.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, Method, StatusCode};

use crate::engine::hint::Hint;
use retry_policy::{Failure, FailureSet};

/// The header by which a client makes a request safe to repeat (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The methods that may be repeated without doing anything twice (RFC 9110 §9.2.2), and QUERY, which is safe and
/// idempotent (draft-ietf-httpbis-safe-method-w-body).
const IDEMPOTENT: [&str; 7] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"];

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
    idempotent: Option<bool>,
    status: Option<StatusCode>,
    failures: FailureSet,
    hint: Option<Duration>,
    hint_header: Option<&'static str>,
    other_hint: Option<Duration>,
    should_retry: Option<bool>,
    wanted: bool,
    settled: bool,
    repeat_forbidden: bool,
}

impl Exchange {
    /// A request that is about to be sent: its method, and of its headers whether there is an `Idempotency-Key`.
    #[inline]
    pub fn sent(method: &Method, headers: &HeaderMap) -> Self {
        // Only a request that its method does not already make repeatable needs the look-up.
        let keyed = !is_idempotent(method) && headers.contains_key(IDEMPOTENCY_KEY);
        Self { method: Some(method.clone()), keyed, ..Self::default() }
    }

    /// The server answered with `status`. What an answer with another status had said is forgotten.
    #[inline]
    pub fn answered(&mut self, status: StatusCode) {
        if self.status != Some(status) {
            (self.failures, self.hint, self.should_retry) = (FailureSet::EMPTY, None, None);
            self.status = Some(status);
        }
    }

    /// The server said whether to retry, which counts for more than the status does. See
    /// [`hint::should_retry`](crate::engine::hint::should_retry).
    pub fn advised(&mut self, should_retry: bool) {
        self.should_retry = Some(should_retry);
    }

    /// The server asked to wait this long, counted from now. See [`hint::read`](crate::engine::hint::read).
    ///
    /// Of several hints the longest counts, so that none is undercut.
    pub fn hinted(&mut self, wait: Duration) {
        self.hint = self.hint.max(Some(wait));
    }

    /// [`hinted`](Self::hinted), by a header.
    pub(crate) fn hinted_by(&mut self, hint: Hint) {
        if self.hint.is_none_or(|known| known < hint.wait) {
            self.hint_header = Some(hint.header);
        }
        self.hinted(hint.wait);
    }

    /// Another exchange of the attempt asked for a wait. That is obeyed as well, but says nothing about this one.
    pub(crate) fn other_hinted(&mut self, wait: Duration) {
        self.other_hint = self.other_hint.max(Some(wait));
    }

    /// Forbids to repeat the attempt: another of its requests may have done something that must not be done twice.
    ///
    /// Only a policy that is `idempotent` repeats it all the same.
    pub fn forbid_repeat(&mut self) {
        self.repeat_forbidden = true;
    }

    /// Whether [`forbid_repeat`](Self::forbid_repeat) was called.
    pub fn is_repeat_forbidden(&self) -> bool {
        self.repeat_forbidden
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

    /// An inner call has decided about this exchange, so it is not retried again.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Whether [`want`](Self::want) was called.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether [`settle`](Self::settle) was called.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// A request that is being sent. `idempotent` says whether repeating it has the effect of sending it once, where that is
    /// not by its method.
    #[inline]
    pub(crate) fn begun(method: Method, keyed: bool, idempotent: Option<bool>) -> Self {
        Self { method: Some(method), keyed, idempotent, ..Self::default() }
    }

    /// Whether the answer is a success that no policy retries.
    #[inline]
    pub(crate) fn is_plain_success(&self) -> bool {
        self.failures.is_empty()
            && self.status.is_some_and(|status| status.is_success() && status != StatusCode::ACCEPTED)
    }

    /// Says whether repeating the request has the effect of sending it once, where that is not known yet.
    pub(crate) fn idempotent_by_default(&mut self, idempotent: Option<bool>) {
        self.idempotent = self.idempotent.or(idempotent);
    }

    /// The key that the request carries is of no use to whoever repeats it from here on.
    pub(crate) fn forget_key(&mut self) {
        self.keyed = false;
    }

    /// Whether repeating the request has the effect of sending it once (RFC 9110 §9.2.2): its method says so, or
    /// it carries an `Idempotency-Key`. Where the method is not known, it may not be repeated.
    #[inline]
    pub fn is_idempotent(&self) -> bool {
        self.idempotent.unwrap_or_else(|| self.keyed || self.method.as_ref().is_some_and(is_idempotent))
    }

    /// [`is_idempotent`](Self::is_idempotent) under a policy that may say `idempotent`. What is known of the
    /// request itself counts for more.
    #[inline]
    pub(crate) fn is_idempotent_under(&self, policy: Option<bool>) -> bool {
        self.idempotent.or(policy).unwrap_or_else(|| self.is_idempotent())
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

    /// The server's word on retrying, other than its status.
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

    /// Whether the server asked for a wait. One of zero asks for nothing.
    pub(crate) fn is_hinted(&self) -> bool {
        self.hint.is_some_and(|hint| !hint.is_zero())
    }

    /// The longest wait that was asked for by this exchange, or another one of the attempt.
    pub(crate) fn longest_hint(&self) -> Option<Duration> {
        self.hint.max(self.other_hint)
    }

    /// The wait that the server asked for.
    pub fn hint(&self) -> Option<Duration> {
        self.hint
    }
}

/// Whether a method alone says that a request may be repeated.
#[inline]
pub(crate) fn is_idempotent(method: &Method) -> bool {
    // Most requests are this one.
    *method == Method::GET || IDEMPOTENT.contains(&method.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeatable_are_the_methods_of_rfc_9110_and_requests_with_a_key() {
        let none = HeaderMap::new();
        let query = Method::from_bytes(b"QUERY").unwrap();
        for method in
            [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, query]
        {
            assert!(Exchange::sent(&method, &none).is_idempotent(), "{method}");
        }
        let keyed = HeaderMap::from_iter([(IDEMPOTENCY_KEY, http::HeaderValue::from_static("k"))]);
        for method in [Method::POST, Method::PATCH, Method::CONNECT, Method::from_bytes(b"MERGE").unwrap()] {
            assert!(!Exchange::sent(&method, &none).is_idempotent(), "{method}");
            assert!(Exchange::sent(&method, &keyed).is_idempotent(), "{method}");
        }
        // The dangerous case, where nothing is known.
        assert!(!Exchange::default().is_idempotent());
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
