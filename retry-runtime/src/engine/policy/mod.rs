//! What to retry, how often, and how long to wait: a checked value that can be a `const`.

use std::time::Duration;

pub(crate) mod backoff;
pub(crate) mod condition;
pub(crate) mod failure;
pub(crate) mod rules;
pub(crate) mod status;

use crate::engine::policy::backoff::{Backoff, Jitter};
use crate::engine::policy::condition::{Condition, Conditions};
use crate::engine::policy::failure::FailureSet;
use crate::engine::policy::rules::PolicyError;
use crate::engine::policy::status::StatusSet;

/// The longest hint to obey where a policy does not say.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// A checked set of rules for retrying a call.
///
/// Build one with [`Policy::builder`], in a `const` if need be; [`Policy::DEFAULT`] is what an attribute
/// without options means.
///
/// ```
/// use retry_runtime::{Condition, Policy, PolicyError};
/// use std::time::Duration;
///
/// const GENTLE: Policy = match Policy::builder()
///     .max(5)
///     .on(&[Condition::Status(429), Condition::Range(500, 599)])
///     .base(Duration::from_secs(2))
///     .build()
/// {
///     Ok(policy) => policy,
///     Err(error) => panic!("{}", error.message()),
/// };
/// assert_eq!(GENTLE.max(), 5);
/// assert_eq!(Policy::builder().max(0).build(), Err(PolicyError::Max));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    max: u32,
    on_statuses: Option<StatusSet>,
    on_failures: Option<FailureSet>,
    never: Conditions,
    backoff: Backoff,
    max_retry_after: Option<Duration>,
    deadline: Option<Duration>,
    timeout: Option<Duration>,
    idempotent: Option<bool>,
    idempotency_key: bool,
}

impl Policy {
    /// 3 retries of what is safe to retry; 1 s, 2 s, 4 s, each with up to half as much added, at most 60 s;
    /// hints of up to 2 minutes are obeyed; no bound on the call or its sends.
    pub const DEFAULT: Self = Self {
        max: 3,
        on_statuses: None,
        on_failures: None,
        never: Conditions::NONE,
        backoff: Backoff {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(60),
            jitter: Jitter::Fraction(0.5),
        },
        max_retry_after: None,
        deadline: None,
        timeout: None,
        idempotent: None,
        idempotency_key: false,
    };

    /// Starts from [`Policy::DEFAULT`].
    pub const fn builder() -> PolicyBuilder {
        PolicyBuilder { policy: Self::DEFAULT, error: None }
    }

    /// Starts from this policy.
    pub const fn to_builder(&self) -> PolicyBuilder {
        PolicyBuilder { policy: *self, error: None }
    }

    /// Retries after the first attempt.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// How long computed waits are.
    pub const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// The longest hint that is obeyed; a longer one ends the call.
    pub const fn max_retry_after(&self) -> Duration {
        match self.max_retry_after {
            Some(limit) => limit,
            None => MAX_RETRY_AFTER,
        }
    }

    #[doc(hidden)]
    pub const fn __max_retry_after(&self) -> Option<Duration> {
        self.max_retry_after
    }

    /// The bound on the whole call, sends and waits included.
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// The bound on each visible send, reading the answer included.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether repeating a request is safe (RFC 9110 §9.2.2); `None` where that is by its method.
    pub const fn idempotent(&self) -> Option<bool> {
        self.idempotent
    }

    /// Whether each call has an `Idempotency-Key` of its own.
    pub const fn idempotency_key(&self) -> bool {
        self.idempotency_key
    }

    /// Whether `never` covers all of `item`.
    #[doc(hidden)]
    pub const fn __never_covers(&self, item: Condition) -> bool {
        match item {
            Condition::Status(status) => self.never.statuses.contains(status),
            Condition::Range(first, last) => {
                self.never.statuses.contains_all(StatusSet::EMPTY.with_range(first, last))
            }
            Condition::Failure(failure) => self.never.failures.contains(failure),
        }
    }

    /// What is never retried.
    pub(crate) const fn never(&self) -> &Conditions {
        &self.never
    }

    /// What is retried where repeating the request has the effect of sending it once.
    pub(crate) fn on_idempotent(&self) -> Conditions {
        self.on_or(Conditions::IDEMPOTENT)
    }

    /// Returns what is retried where repeating the request may do its work twice.
    pub(crate) fn on_other(&self) -> Conditions {
        self.on_or(Conditions::OTHER)
    }

    /// [`on_other`](Self::on_other), of an answer that carries a hint.
    pub(crate) fn on_other_hinted(&self) -> Conditions {
        self.on_or(Conditions::OTHER_HINTED)
    }

    /// What is listed explicitly is always honoured; a half that `on` leaves out keeps its default.
    fn on_or(&self, default: Conditions) -> Conditions {
        Conditions {
            statuses: self.on_statuses.unwrap_or(default.statuses),
            failures: self.on_failures.unwrap_or(default.failures),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Collects the options of a [`Policy`]; [`build`](Self::build) checks them.
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PolicyBuilder {
    policy: Policy,
    error: Option<PolicyError>,
}

impl PolicyBuilder {
    /// Retries after the first attempt, at least 1. Default 3.
    pub const fn max(mut self, max: u32) -> Self {
        self.policy.max = max;
        self
    }

    /// What to retry. Statuses and failures are two halves: a half of which nothing is listed keeps its
    /// default, which depends on the method of the request.
    pub const fn on(mut self, on: &[Condition]) -> Self {
        if on.is_empty() {
            return self.wrong(PolicyError::OnEmpty);
        }
        let mut statuses = StatusSet::EMPTY;
        let mut failures = FailureSet::EMPTY;
        let (mut any_status, mut any_failure) = (false, false);
        let mut i = 0;
        while i < on.len() {
            match on[i] {
                Condition::Failure(failure) => {
                    failures = failures.with(failure);
                    any_failure = true;
                }
                condition => {
                    (self, statuses) = self.statuses(statuses, condition);
                    any_status = true;
                }
            }
            i += 1;
        }
        self.policy.on_statuses = if any_status { Some(statuses) } else { None };
        self.policy.on_failures = if any_failure { Some(failures) } else { None };
        self
    }

    /// What never to retry; wins over `on`. Default nothing.
    pub const fn never(mut self, never: &[Condition]) -> Self {
        let mut conditions = Conditions::NONE;
        let mut i = 0;
        while i < never.len() {
            match never[i] {
                Condition::Failure(failure) => conditions.failures = conditions.failures.with(failure),
                condition => (self, conditions.statuses) = self.statuses(conditions.statuses, condition),
            }
            i += 1;
        }
        self.policy.never = conditions;
        self
    }

    /// The wait before the first retry, above zero and at most `cap`. Default 1 s.
    pub const fn base(mut self, base: Duration) -> Self {
        self.policy.backoff.base = base;
        self
    }

    /// How much longer each wait is than the one before it, from 1 to 100. Default 2.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.policy.backoff.factor = factor;
        self
    }

    /// The longest computed wait, jitter included; at most a day. Default 60 s.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.policy.backoff.cap = cap;
        self
    }

    /// How waits are spread. Default [`Jitter::Fraction(0.5)`](Jitter::Fraction).
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.policy.backoff.jitter = jitter;
        self
    }

    /// The longest hint to obey; a longer one ends the call at once. Default 2 minutes.
    pub const fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.policy.max_retry_after = Some(max_retry_after);
        self
    }

    /// The bound on the whole call, sends and waits included; above zero, `base` and `timeout`. A wait that would
    /// outlive it is not begun. Default none.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = Some(deadline);
        self
    }

    /// The bound on each visible send, reading the answer included; above zero. Default none.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Whether repeating a request is safe, whatever its method (RFC 9110 §9.2.2). Default by its method.
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.policy.idempotent = Some(idempotent);
        self
    }

    /// Whether to give each call an `Idempotency-Key` of its own, the same on every attempt, which makes repeating
    /// it safe (draft-ietf-httpapi-idempotency-key-header). Default not.
    pub const fn idempotency_key(mut self, wanted: bool) -> Self {
        self.policy.idempotency_key = wanted;
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// The first rule that the options break.
    pub const fn build(self) -> Result<Policy, PolicyError> {
        match self.broken() {
            Some(error) => Err(error),
            None => Ok(self.policy),
        }
    }

    /// [`build`](Self::build) for a policy that is written in source: in a `const`, not compiling is how it
    /// fails.
    #[doc(hidden)]
    #[track_caller]
    pub const fn __checked(self) -> Policy {
        match self.build() {
            Ok(policy) => policy,
            Err(error) => panic!("{}", error.message()),
        }
    }

    /// [`build`](Self::build) where each rule has been checked by itself, and a broken one reported at its value.
    #[doc(hidden)]
    pub const fn __trusted(self) -> Policy {
        self.policy
    }

    /// [`build`](Self::build) for options of which each was checked while compiling, on a policy that is only
    /// known at run time: where `base` is above `cap`, `cap` holds.
    #[doc(hidden)]
    #[must_use]
    pub fn __fitted(mut self) -> Policy {
        let backoff = &mut self.policy.backoff;
        backoff.base = backoff.base.min(backoff.cap);
        match self.error.or_else(|| self.broken_alone()) {
            // A constant expression, of which nothing was known.
            Some(error) => panic!("{error}"),
            // Bounds that disagree only bound more.
            None => self.policy,
        }
    }

    /// The first rule that is broken.
    const fn broken(&self) -> Option<PolicyError> {
        if self.error.is_some() {
            return self.error;
        }
        let alone = self.broken_alone();
        if alone.is_some() {
            return alone;
        }
        let Policy { backoff, max_retry_after, deadline, timeout, idempotent, idempotency_key, .. } =
            self.policy;
        first(&[
            rules::base_and_cap(backoff.base, backoff.cap),
            rules::base_and_deadline(backoff.base, deadline),
            rules::timeout_and_deadline(timeout, deadline),
            rules::max_retry_after_and_deadline(max_retry_after, deadline),
            rules::idempotency_key(idempotency_key, idempotent),
        ])
    }

    /// The first rule about one option that is broken.
    const fn broken_alone(&self) -> Option<PolicyError> {
        let Backoff { base, factor, cap, jitter } = self.policy.backoff;
        first(&[
            rules::max(self.policy.max),
            rules::base(base),
            rules::cap(cap),
            rules::factor(factor),
            rules::jitter(jitter),
            rules::deadline(or_endless(self.policy.deadline)),
            rules::timeout(or_endless(self.policy.timeout)),
        ])
    }

    const fn statuses(self, set: StatusSet, condition: Condition) -> (Self, StatusSet) {
        match condition {
            Condition::Status(status) if rules::is_retryable(status) => (self, set.with(status)),
            Condition::Range(first, last) if first > last => (self.wrong(PolicyError::Range), set),
            Condition::Range(first, last) if first >= 400 && rules::is_retryable(last) => {
                (self, set.with_range(first, last))
            }
            _ => (self.wrong(PolicyError::Status), set),
        }
    }

    /// Keeps the first mistake.
    const fn wrong(mut self, error: PolicyError) -> Self {
        if self.error.is_none() {
            self.error = Some(error);
        }
        self
    }
}

const fn or_endless(bound: Option<Duration>) -> Duration {
    match bound {
        Some(bound) => bound,
        None => Duration::MAX,
    }
}

const fn first(broken: &[Option<PolicyError>]) -> Option<PolicyError> {
    let mut i = 0;
    while i < broken.len() {
        if broken[i].is_some() {
            return broken[i];
        }
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::policy::failure::Failure;

    #[expect(clippy::large_types_passed_by_value, reason = "as it is built")]
    fn error(builder: PolicyBuilder) -> PolicyError {
        builder.build().unwrap_err()
    }

    #[test]
    fn the_default_is_what_an_empty_builder_builds() {
        const DEFAULT: Policy = Policy::builder().__checked();
        assert_eq!(DEFAULT, Policy::DEFAULT);
    }

    #[test]
    fn each_rule_is_checked() {
        let p = Policy::builder;
        let s = Duration::from_secs;
        assert_eq!(error(p().max(0)), PolicyError::Max);
        assert_eq!(error(p().on(&[])), PolicyError::OnEmpty);
        for status in [0, 99, 100, 200, 204, 301, 399, 600, u16::MAX] {
            assert_eq!(error(p().on(&[Condition::Status(status)])), PolicyError::Status, "{status}");
            assert_eq!(error(p().never(&[Condition::Status(status)])), PolicyError::Status, "{status}");
        }
        assert!(p().on(&[Condition::Status(202)]).build().is_ok());
        assert_eq!(error(p().on(&[Condition::Range(504, 500)])), PolicyError::Range);
        assert_eq!(error(p().on(&[Condition::Range(500, 600)])), PolicyError::Status);
        assert_eq!(error(p().on(&[Condition::Range(202, 500)])), PolicyError::Status);
        assert_eq!(error(p().base(Duration::ZERO)), PolicyError::Base);
        assert_eq!(error(p().base(s(61))), PolicyError::BaseAboveCap);
        assert_eq!(error(p().cap(s(86_401))), PolicyError::Cap);
        for factor in [0.999, 0.0, -1.0, 101.0, f64::NAN, f64::INFINITY] {
            assert_eq!(error(p().factor(factor)), PolicyError::Factor, "{factor}");
        }
        for jitter in [-0.1, 1.1, f64::NAN] {
            assert_eq!(error(p().jitter(Jitter::Fraction(jitter))), PolicyError::Jitter, "{jitter}");
        }
        assert_eq!(error(p().deadline(Duration::ZERO)), PolicyError::Deadline);
        assert_eq!(error(p().timeout(Duration::ZERO)), PolicyError::Timeout);
        assert_eq!(error(p().deadline(s(1))), PolicyError::DeadlineWithinBase);
        assert_eq!(error(p().deadline(s(9)).timeout(s(9))), PolicyError::TimeoutBeyondDeadline);
        assert_eq!(error(p().deadline(s(9)).max_retry_after(s(10))), PolicyError::HintBeyondDeadline);
        assert!(
            p().deadline(s(9)).timeout(s(8)).build().is_ok(),
            "the default of `max_retry_after` is no wish"
        );
        assert_eq!(error(p().idempotency_key(true).idempotent(false)), PolicyError::KeyNotIdempotent);
    }

    #[test]
    fn a_half_that_on_leaves_out_keeps_its_default() {
        let policy = Policy::builder().on(&[Condition::Status(429)]).build().unwrap();
        assert_eq!(policy.on_idempotent().failures, FailureSet::ALL);
        assert_eq!(policy.on_other().failures, FailureSet::EMPTY.with(Failure::Connect));
        assert_eq!(policy.on_other().statuses, StatusSet::EMPTY.with(429));
        let policy = Policy::builder().on(&[Condition::Failure(Failure::Body)]).build().unwrap();
        assert_eq!(policy.on_idempotent().statuses, Conditions::IDEMPOTENT.statuses);
        assert_eq!(policy.on_other().failures, FailureSet::EMPTY.with(Failure::Body));
    }
}
