//! One request and what came of it.

use std::time::{Duration, SystemTime};

use http::header::HeaderName;
use http::{HeaderMap, Method, StatusCode};
use retry_policy::{Answer, Failure, FailureSet};

use crate::engine::hint::{self, Hint, HintKind};
use crate::engine::report::{Opinion, Report};
use retry_policy::rules::is_retryable;

/// The header by which a client makes a request safe to repeat
/// (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The idempotent methods (RFC 9110 §9.2.2), and QUERY, which is safe and idempotent
/// (draft-ietf-httpbis-safe-method-w-body).
const IDEMPOTENT: [&str; 7] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/// The hints that count for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// The responses whose headers are read.
    pub(crate) of: HintsOf,
    /// The names of further headers that ask for a wait.
    pub(crate) names: &'static [&'static str],
}

/// Selects the responses whose headers are read for a hint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum HintsOf {
    /// Responses with a status that a policy may list.
    #[default]
    Retryable,
    /// All responses.
    All,
}

/// Describes one request and its result, for [`Retry::next`](crate::Retry::next).
///
/// [`Exchange::default`] describes a request of which nothing is known, not even its method.
///
/// The code that the attribute generates makes exchanges itself. Make them yourself to use
/// [`Retry`](crate::Retry) with another HTTP client:
///
/// ```
/// use http::{HeaderMap, Method, StatusCode};
/// use retry_http::{Exchange, Failure};
/// use std::time::Duration;
///
/// let mut refused = Exchange::new(&Method::POST, &HeaderMap::new());
/// refused.on_error(Failure::Connect);
///
/// let mut repeated = Exchange::new(&Method::POST, &HeaderMap::new());
/// repeated.record_repeat();
/// repeated.on_response(StatusCode::CONFLICT);
///
/// let mut limited = Exchange::default();
/// limited.on_response(StatusCode::TOO_MANY_REQUESTS);
/// limited.record_hint(Duration::from_secs(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Exchange {
    method: Option<Method>,
    idempotency: Idempotency,
    status: Option<StatusCode>,
    failures: FailureSet,
    hint: Option<Duration>,
    hint_header: Option<&'static str>,
    /// The most direct kind of all hints.
    hint_kind: HintKind,
    other_hint: Option<Duration>,
    should_retry: Option<bool>,
    has_succeeded: bool,
    is_retry_demanded: bool,
    is_settled: bool,
    is_repeat_forbidden: bool,
    opinion: Opinion,
    is_unprocessed: bool,
    is_from_elsewhere: bool,
    is_unsent: bool,
}

/// Facts beside its method that decide whether a request may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Idempotency {
    /// The user's declaration that the request is idempotent, or that it is not.
    pub(crate) declared: Option<bool>,
    /// `true` if the request has an idempotency key. Looked up only if the request is not
    /// idempotent otherwise.
    pub(crate) has_key: bool,
    /// `true` if an earlier attempt of the call has sent this key.
    pub(crate) is_repeat: bool,
}

impl Exchange {
    /// Creates the exchange of a request that is about to be sent.
    ///
    /// The exchange keeps the method, and whether the headers have an `Idempotency-Key`. It keeps
    /// no value of a header.
    #[inline]
    pub fn new(method: &Method, headers: &HeaderMap) -> Self {
        Self::of_request(method.clone(), Idempotency::new(method, headers, None))
    }

    /// Makes the exchange of a request that is being sent.
    #[inline]
    pub(crate) fn of_request(method: Method, idempotency: Idempotency) -> Self {
        Self { method: Some(method), idempotency, ..Self::default() }
    }

    /// Records the status of the response. If the status differs from the one recorded before, the
    /// earlier failures, hint and advice are discarded.
    #[inline]
    pub fn on_response(&mut self, status: StatusCode) {
        if self.status != Some(status) {
            self.failures = FailureSet::EMPTY;
            self.forget_words();
            self.status = Some(status);
            self.is_unprocessed = false;
        }
    }

    /// Records a failure. [`Failure::Connect`] and [`Failure::Reset`] mean that there was no
    /// response, so they discard the recorded status, hint and advice.
    pub fn on_error(&mut self, failure: Failure) {
        if matches!(failure, Failure::Connect | Failure::Reset) {
            self.status = None;
            self.forget_words();
        }
        self.failures = self.failures.with(failure);
    }

    /// Discards the hint and the advice.
    #[inline]
    fn forget_words(&mut self) {
        (self.hint, self.hint_kind, self.should_retry) = (None, HintKind::Renewal, None);
    }

    /// Records that the server has not processed the request, so that it is safe to repeat: it said
    /// so, or nothing was sent.
    pub(crate) fn on_unprocessed(&mut self) {
        self.is_unprocessed = true;
    }

    /// Records that another request, which this one was redirected to, is what was not processed.
    pub(crate) fn on_redirected(&mut self) {
        self.is_unprocessed = false;
    }

    /// Records that the attempt returned `Ok`. An upstream counts the attempt as a success if no
    /// status is recorded.
    pub fn on_success(&mut self) {
        self.has_succeeded = true;
    }

    /// Records the wait that the server asks for, counted from now. If several waits are recorded,
    /// the longest one counts.
    ///
    /// The wait counts as one for this very request, like that of a `Retry-After` header. For a
    /// wait that is read from headers, use [`record_header_hint`](Self::record_header_hint)
    /// instead, since such a wait may be about a quota.
    pub fn record_hint(&mut self, wait: Duration) {
        self.record_hint_of(wait, None, HintKind::Explicit);
    }

    /// Records a hint that an error of the user's gives.
    pub(crate) fn record_reported_hint(&mut self, wait: Duration) {
        self.record_hint_of(wait, None, HintKind::Reported);
    }

    /// Records whether the server advises a retry. The advice takes precedence over the status, but
    /// not over `never`.
    ///
    /// [`hint::should_retry`] reads the advice from headers.
    pub fn record_should_retry(&mut self, should_retry: bool) {
        self.should_retry = Some(should_retry);
    }

    /// Records the wait that a header asks for, as [`hint::read_from`] or [`hint::read_with`]
    /// returns it. `names` are the further headers that the policy names
    /// ([`Policy::hint`](crate::Policy::hint)). If several waits are recorded, the longest one
    /// counts.
    ///
    /// A wait that is about a quota does not show that the server left the request undone.
    /// Therefore a request that is not safe to repeat is not repeated after a 503 with such a wait:
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, Method, StatusCode};
    /// use retry_http::{Exchange, Policy, Retry, Stop, Verdict, hint};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    /// headers.insert("x-ratelimit-reset", HeaderValue::from_static("7"));
    ///
    /// let mut exchange = Exchange::new(&Method::POST, &HeaderMap::new());
    /// exchange.on_response(StatusCode::SERVICE_UNAVAILABLE);
    /// if let Some(hint) = hint::read_from(&headers, SystemTime::now) {
    ///     exchange.record_header_hint(hint, Policy::DEFAULT.hint());
    /// }
    /// let verdict = Retry::new(&Policy::DEFAULT).next(&exchange, Duration::ZERO, || 0.5);
    /// assert_eq!(verdict, Verdict::Stop(Stop::Ambiguous));
    /// ```
    pub fn record_header_hint(&mut self, hint: Hint, names: &[&str]) {
        let kind = if hint.is_explicit(names) { HintKind::Explicit } else { HintKind::UsedUp };
        self.record_hint_of(hint.wait, Some(hint.header), kind);
    }

    fn record_hint_of(&mut self, wait: Duration, header: Option<&'static str>, kind: HintKind) {
        if !wait.is_zero() {
            self.hint_kind = self.hint_kind.max(kind);
        }
        if self.hint.is_none_or(|longest| longest < wait) {
            (self.hint, self.hint_header) = (Some(wait), header);
        }
    }

    /// Returns the hint, if it makes the exchange a refusal wherever the policy retries it: on a
    /// response of 400 and above, or by an error of the user's. A header of a quota that does not
    /// tell how much remains counts only on 403, 429 and 503. What another host said refuses
    /// nothing.
    pub(crate) fn refusal_hint(&self) -> Option<Duration> {
        let refuses = match self.hint_kind {
            HintKind::Reported => true,
            HintKind::Explicit | HintKind::UsedUp => self.is_error(),
            HintKind::Renewal => self.status.is_some_and(|status| matches!(status.as_u16(), 403 | 429 | 503)),
        };
        self.hint.filter(|hint| refuses && !hint.is_zero() && !self.is_from_elsewhere)
    }

    /// Records that another host answered than the one that was asked.
    pub(crate) fn on_answer_from_elsewhere(&mut self) {
        self.is_from_elsewhere = true;
    }

    /// Returns `true` if another host answered than the one that was asked.
    pub(crate) fn is_from_elsewhere(&self) -> bool {
        self.is_from_elsewhere
    }

    /// Records that the request was not sent, as its upstream held it back for too long, or
    /// answered it locally.
    pub(crate) fn on_unsent(&mut self) {
        self.is_unsent = true;
        self.is_unprocessed = true;
    }

    /// Returns `true` if the request was not sent.
    pub(crate) fn is_unsent(&self) -> bool {
        self.is_unsent
    }

    /// Records the hint of another exchange of the attempt. The next attempt waits for it, but it
    /// says nothing about this exchange.
    pub(crate) fn record_other_hint(&mut self, wait: Duration) {
        self.other_hint = self.other_hint.max(Some(wait));
    }

    /// Records all that `report` says.
    #[inline]
    pub(crate) fn record_report(
        &mut self,
        report: &Report<'_>,
        hints: Hints,
        now: impl FnOnce() -> SystemTime,
    ) {
        if let Some(status) = report.status {
            self.on_response(status);
        }
        if !report.failures.is_empty() {
            self.record_failures(report.failures);
        }
        if report.is_unprocessed {
            self.on_unprocessed();
        }
        if report.is_unsent {
            self.on_unsent();
        }
        if let Some(wait) = report.hint {
            self.record_reported_hint(wait);
        }
        if let (Some(status), Some(headers)) = (report.status, report.headers) {
            if hints.of == HintsOf::All || is_retryable(status.as_u16()) {
                self.record_headers(status, headers, hints.names, now);
            }
        }
    }

    #[cold]
    fn record_failures(&mut self, failures: FailureSet) {
        failures.iter().for_each(|failure| self.on_error(failure));
    }

    #[cold]
    fn record_headers(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        names: &[&'static str],
        now: impl FnOnce() -> SystemTime,
    ) {
        // The server can advise against polling a 202, but not for repeating a success.
        let is_failure = !status.is_success();
        if let Some(advice) = hint::should_retry(headers).filter(|advice| is_failure || !advice) {
            self.record_should_retry(advice);
        }
        if let Some((hint, kind)) = hint::read_with_kind(headers, names, now) {
            self.record_hint_of(hint.wait, Some(hint.header), kind);
        }
    }

    /// Asks for a retry even if `on` does not list the outcome. `never`,
    /// [`settle`](Self::settle), [`forbid_repeat`](Self::forbid_repeat), `max`, `max_retry_after`
    /// and `deadline` still end the call.
    pub fn demand_retry(&mut self) {
        self.is_retry_demanded = true;
    }

    /// Returns `true` if [`demand_retry`](Self::demand_retry) was called.
    pub fn is_retry_demanded(&self) -> bool {
        self.is_retry_demanded
    }

    /// Records that no further attempt can succeed. The call then ends, whatever the policy says.
    pub fn forbid_retry(&mut self) {
        self.opinion.is_permanent = true;
    }

    /// Records that the credentials of the request have expired. A 401 implies this.
    pub fn expire_credentials(&mut self) {
        self.opinion.is_expired = true;
    }

    /// Records the opinion of an error of the user's.
    pub(crate) fn record_opinion(&mut self, opinion: Opinion) {
        self.opinion = opinion;
    }

    /// Returns `true` if [`forbid_retry`](Self::forbid_retry) was called.
    pub fn is_retry_forbidden(&self) -> bool {
        self.opinion.is_permanent
    }

    /// Returns `true` if the credentials of the request were refused: by a 401 (RFC 9110 §15.5.2),
    /// or if [`expire_credentials`](Self::expire_credentials) was called.
    pub fn has_expired_credentials(&self) -> bool {
        self.opinion.is_expired || self.status == Some(StatusCode::UNAUTHORIZED)
    }

    /// Returns `true` if the answer tells whether the credentials are good. A server may refuse a
    /// request for its rate, or fail, before it looks at them.
    pub(crate) fn tells_of_credentials(&self) -> bool {
        self.has_expired_credentials()
            || self.status.is_some_and(|status| {
                !status.is_server_error() && !matches!(status.as_u16(), 408 | 425 | 429)
            })
    }

    /// Records that an inner call has already decided about the request, so that the outer call
    /// does not retry it.
    pub fn settle(&mut self) {
        self.is_settled = true;
    }

    /// Returns `true` if [`settle`](Self::settle) was called.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Forbids repeating the attempt. Call this if another request of the attempt may have changed
    /// something and must not be sent twice.
    ///
    /// A policy that sets `idempotent` to `true` repeats the attempt all the same.
    pub fn forbid_repeat(&mut self) {
        self.is_repeat_forbidden = true;
    }

    /// Returns `true` if [`forbid_repeat`](Self::forbid_repeat) was called.
    pub fn is_repeat_forbidden(&self) -> bool {
        self.is_repeat_forbidden
    }

    /// Declares whether the request is idempotent, unless it is declared already.
    pub(crate) fn declare_idempotent(&mut self, idempotent: Option<bool>) {
        self.idempotency.declared = self.idempotency.declared.or(idempotent);
    }

    /// Forgets the request's key, which is of no use to the code that repeats it from here on.
    pub(crate) fn forget_key(&mut self) {
        (self.idempotency.has_key, self.idempotency.is_repeat) = (false, false);
    }

    /// Records that the request has an idempotency key, and that an earlier attempt of the call has
    /// sent the key already. A 409 then means that the server is still working on the earlier
    /// request, and is retried (draft-ietf-httpapi-idempotency-key-header §2.6).
    pub fn record_repeat(&mut self) {
        (self.idempotency.has_key, self.idempotency.is_repeat) = (true, true);
    }

    /// Returns `true` if the server is still working on the request, which an earlier attempt has
    /// sent with the same key: that is what a 409 says of a repeat.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.idempotency.is_repeat && self.status == Some(StatusCode::CONFLICT)
    }

    /// Returns `true` if repeating the request has the same effect as sending it once (RFC 9110
    /// §9.2.2): by its method, or by an idempotency key. A request with an unknown method is not
    /// idempotent.
    #[inline]
    pub fn is_idempotent(&self) -> bool {
        self.may_repeat_under(None)
    }

    /// Returns `true` if the request is idempotent under a policy that may say `idempotent`. What
    /// is declared of the request itself takes precedence over the policy. A request that was not
    /// processed is as good as idempotent (RFC 9113 §8.7), whatever is declared.
    #[inline]
    pub(crate) fn may_repeat_under(&self, policy: Option<bool>) -> bool {
        let Idempotency { declared, has_key, .. } = self.idempotency;
        self.is_unprocessed
            || declared
                .or(policy)
                .unwrap_or_else(|| has_key || self.method.as_ref().is_some_and(is_idempotent))
    }

    /// Returns `true` if the server has not processed the request.
    pub(crate) fn is_unprocessed(&self) -> bool {
        self.is_unprocessed
    }

    /// Returns `true` if [`on_success`](Self::on_success) was called.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.has_succeeded
    }

    /// Returns the method of the request, if it is known.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// Returns the status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the recorded failures. The set is empty if the response arrived and was read to its
    /// end.
    pub fn failures(&self) -> FailureSet {
        self.failures
    }

    /// Returns the longest recorded wait that the server asked for.
    pub fn hint(&self) -> Option<Duration> {
        self.hint
    }

    /// Returns the server's advice on whether to retry, if it was recorded.
    pub fn should_retry(&self) -> Option<bool> {
        self.should_retry
    }

    /// Returns the name of the header that asked for the wait.
    pub(crate) fn hint_header(&self) -> Option<&'static str> {
        self.hint_header.filter(|_| self.hint.is_some())
    }

    /// Returns the longest wait that this exchange or another one of the attempt asked for.
    pub(crate) fn longest_hint(&self) -> Option<Duration> {
        self.hint.max(self.other_hint)
    }

    /// Returns `true` if the server asked for a wait. A wait of zero asks for nothing.
    pub(crate) fn has_hint(&self) -> bool {
        self.hint.is_some_and(|hint| !hint.is_zero())
    }

    /// Returns the kind of the answer, by which a policy tells what is retried.
    pub(crate) fn answer(&self) -> Answer {
        match self.has_hint() {
            true if self.hint_kind >= HintKind::Explicit => Answer::Hinted,
            true => Answer::Quota,
            false => Answer::Plain,
        }
    }

    /// Returns `true` if the response is an error, even one that the function returns as `Ok`.
    pub(crate) fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status.is_client_error() || status.is_server_error())
    }

    /// Returns `true` if the response is a success that no policy retries.
    #[inline]
    pub(crate) fn is_plain_success(&self) -> bool {
        self.failures.is_empty()
            && self.status.is_some_and(|status| status.is_success() && status != StatusCode::ACCEPTED)
    }
}

impl Idempotency {
    /// Reads the facts of a request that the user may have `declared` idempotent.
    #[inline]
    pub(crate) fn new(method: &Method, headers: &HeaderMap, declared: Option<bool>) -> Self {
        let is_safe = declared.unwrap_or_else(|| is_idempotent(method));
        // An empty key is none.
        let has_key = !is_safe && headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty());
        Self { declared, has_key, is_repeat: false }
    }
}

/// Returns `true` if a method is idempotent, so that a request with it may be repeated.
#[inline]
pub(crate) fn is_idempotent(method: &Method) -> bool {
    // Most requests are a GET.
    *method == Method::GET || IDEMPOTENT.contains(&method.as_str())
}

#[cfg(test)]
mod careful;
#[cfg(test)]
mod tests;
