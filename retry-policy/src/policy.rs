//! A policy: a checked value that can be a `const`.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::condition::{Answer, Conditions, On, Safety};

/// The header of idempotency keys if a policy names none
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The longest hint to obey if a policy sets none.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The checked options by which a call is retried.
///
/// Build a policy with [`Policy::builder`], or with
/// [`policy!`](https://docs.rs/retry-http/latest/retry_http/macro.policy.html), which checks the
/// options at compile time. With feature `serde` a policy can be deserialised: see
/// [`Policy::overlay`](https://docs.rs/retry-http/latest/retry_http/struct.Policy.html#method.overlay).
/// `#[retry_http]` without options uses [`Policy::DEFAULT`].
///
/// ```
/// use retry_http::{Condition, Policy, PolicyError};
/// use std::time::Duration;
///
/// const GENTLE: Policy = match Policy::builder()
///     .max(5)
///     .on(&[Condition::Status(429), Condition::Range(500, 599)])
///     .base(Duration::from_secs(2))
///     .build()
/// {
///     Ok(policy) => policy,
///     Err(error) => panic!("{}", error.message().as_str()),
/// };
/// assert_eq!(GENTLE.max(), 5);
/// assert_eq!(Policy::builder().on(&[]).build(), Err(PolicyError::OnEmpty));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    pub(crate) max: u32,
    pub(crate) on: On,
    pub(crate) never: Conditions,
    pub(crate) backoff: Backoff,
    pub(crate) max_retry_after: Option<Duration>,
    pub(crate) hint: &'static [&'static str],
    pub(crate) deadline: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) idempotency_header: Option<&'static str>,
}

impl Policy {
    /// The default policy. It retries what is safe to retry, at most 3 times, after 1 s, 2 s and 4
    /// s plus up to half of that at random. It waits for as long as the server asks, up to 2
    /// minutes. It sets no time limit for a call or its requests.
    pub const DEFAULT: Self = Self {
        max: 3,
        on: On::DEFAULT,
        never: Conditions::NONE,
        backoff: Backoff::DEFAULT,
        max_retry_after: None,
        hint: &[],
        deadline: None,
        timeout: None,
        idempotent: None,
        idempotency_header: None,
    };

    /// Returns the number of retries after the first attempt. 0 turns retries off.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// Returns the part of the policy that computes waits.
    pub const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Returns the longest wait that the server may ask for. If the server asks for a longer one,
    /// the call ends.
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

    /// Returns `true` if the policy limits requests in time, adds a key to them, or searches
    /// further headers. Each declaration of a function asks while it is compiled, so this calls
    /// nothing.
    #[doc(hidden)]
    pub const fn __has_terms(&self) -> bool {
        !matches!(self, Self { timeout: None, deadline: None, idempotency_header: None, hint: [], .. })
    }

    /// Returns the names of further headers that ask for a wait. Numbers are milliseconds if the
    /// name of the header ends in `-ms`.
    ///
    /// [`hint::read_with`](https://docs.rs/retry-http/latest/retry_http/hint/fn.read_with.html)
    /// reads these headers.
    pub const fn hint(&self) -> &'static [&'static str] {
        self.hint
    }

    /// Returns the longest time that a call may take, requests and waits included. Returns `None`
    /// if there is no limit.
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Returns the longest time that one request may take, reading the response's body included.
    /// Returns `None` if there is no limit.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns whether all requests count as safe to repeat, whatever their method. Returns `None`
    /// if the method and the idempotency key decide (RFC 9110 §9.2.2). If a `transparent` or an
    /// annotated function declares this for its own requests, that declaration takes precedence
    /// over the policy of the caller.
    pub const fn idempotent(&self) -> Option<bool> {
        self.idempotent
    }

    /// Returns `true` if each request that is not safe to repeat is sent with an idempotency key,
    /// the same on every attempt of a call.
    pub const fn idempotency_key(&self) -> bool {
        self.idempotency_header.is_some()
    }

    /// Returns the name of the header in which idempotency keys are sent, as it was written.
    /// Returns `None` if requests get no keys.
    pub const fn idempotency_header(&self) -> Option<&'static str> {
        self.idempotency_header
    }

    /// Returns the statuses and failures that are never retried.
    pub const fn never(&self) -> &Conditions {
        &self.never
    }

    /// Returns the statuses and failures that are retried, for a request of this safety and an
    /// answer of this kind.
    ///
    /// ```
    /// use retry_http::{Answer, Policy, Safety};
    ///
    /// let policy = Policy::DEFAULT;
    /// assert!(policy.on(Safety::Safe, Answer::Plain).statuses.contains(503));
    /// // A request that is not safe to repeat is repeated after a 503 only if the server says when.
    /// assert!(!policy.on(Safety::Careful, Answer::Plain).statuses.contains(503));
    /// assert!(policy.on(Safety::Careful, Answer::Hinted).statuses.contains(503));
    /// ```
    pub const fn on(&self, safety: Safety, answer: Answer) -> Conditions {
        let default = match (safety, answer) {
            (Safety::Safe, _) => Conditions::SAFE,
            (Safety::Careful, Answer::Plain | Answer::Quota) => Conditions::CAREFUL,
            (Safety::Careful, Answer::Hinted) => Conditions::CAREFUL_HINTED,
        };
        self.on.or(default, answer)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Condition;

    #[test]
    fn a_policy_returns_its_options() {
        let s = Duration::from_secs;
        let bounded = Policy::builder().max(7).deadline(s(90)).timeout(s(8)).max_retry_after(s(30));
        let policy = bounded.never(&[Condition::Status(501)]).idempotent(true).build().unwrap();
        assert_eq!((policy.max(), policy.deadline(), policy.timeout()), (7, Some(s(90)), Some(s(8))));
        assert_eq!((policy.max_retry_after(), policy.__max_retry_after()), (s(30), Some(s(30))));
        assert_eq!(policy.idempotent(), Some(true));
        assert!(policy.never().covers(Condition::Status(501)));
        let careful = Policy::builder().idempotent(false).build().unwrap();
        assert_eq!(careful.idempotent(), Some(false));
        let keyed = Policy::builder().idempotency_key(true).build().unwrap();
        assert!(keyed.idempotency_key());
    }

    #[test]
    fn a_policy_without_options_is_the_default() {
        let policy = Policy::default();
        assert_eq!(policy, Policy::DEFAULT);
        assert_eq!((policy.max(), policy.deadline(), policy.timeout()), (3, None, None));
        assert_eq!((policy.max_retry_after(), policy.__max_retry_after()), (Duration::from_secs(120), None));
        assert_eq!((policy.idempotent(), policy.idempotency_key()), (None, false));
        assert_eq!(policy.never(), &Conditions::NONE);
    }
}
