//! A policy: a checked value that can be a `const`.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::condition::{Answer, Conditions, On, Safety};

/// The header of idempotency keys if a policy names none
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The longest hint to obey if a policy sets none.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// A checked set of rules for retrying a call.
///
/// Build a policy with [`Policy::builder`], also in a `const`. An attribute without options uses
/// [`Policy::DEFAULT`].
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
    /// Retries what is safe to retry, at most 3 times, after 1 s, 2 s and 4 s plus up to half of
    /// that at random. Obeys hints of up to 2 minutes. Sets no time limit for a call or its
    /// requests.
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

    /// Returns the longest wait that the call obeys if the server asks for it. If the server asks
    /// for a longer one, the call ends.
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

    /// Returns the names of further headers that ask for a wait. A name that ends in `-ms` is that
    /// of a number of milliseconds.
    ///
    /// [`hint::read_with`](https://docs.rs/retry-http/latest/retry_http/hint/fn.read_with.html) reads
    /// them.
    pub const fn hint(&self) -> &'static [&'static str] {
        self.hint
    }

    /// Returns the longest time that a call may take, requests and waits included.
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Returns the longest time that one visible request may take, reading the response's body
    /// included.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns whether requests count as safe to repeat, whatever their method (RFC 9110 §9.2.2).
    /// `None` if the method and the idempotency key decide. What a `transparent` function, or an
    /// annotated function that is called, declares of its own requests wins.
    pub const fn idempotent(&self) -> Option<bool> {
        self.idempotent
    }

    /// Returns `true` if each request that is not safe to repeat gets an idempotency key, which
    /// stays the same on every attempt of a call.
    pub const fn idempotency_key(&self) -> bool {
        self.idempotency_header.is_some()
    }

    /// Returns the name of the header in which the idempotency keys are sent, as it was written.
    /// `None` if requests get no keys.
    pub const fn idempotency_header(&self) -> Option<&'static str> {
        self.idempotency_header
    }

    /// Returns what is never retried.
    pub const fn never(&self) -> &Conditions {
        &self.never
    }

    /// Returns what is retried, by the safety of the request and by its answer.
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
