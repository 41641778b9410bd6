//! The rules that options keep to, one by one. The macro has them for literals; here they are for what only the compiler
//! or the running program knows.

use std::fmt;
use std::time::Duration;

use crate::engine::policy::backoff::Jitter;
use crate::engine::policy::condition::Condition;

/// The longest `cap`: whoever waits longer between two attempts wants a scheduler.
const DAY: Duration = Duration::from_secs(86_400);
/// The largest `factor`: above it the second wait is the cap, whatever the base.
const MAX_FACTOR: f64 = 100.0;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident($($name:ident: $ty:ty),+), or $error:ident if $wrong:expr;)+) => {$(
        $(#[$doc])*
        pub const fn $rule($($name: $ty),+) -> Option<PolicyError> {
            if $wrong { Some(PolicyError::$error) } else { None }
        }
    )+};
}

rules! {
    /// There is at least one retry.
    max(max: u32), or Max if max == 0;
    /// The first wait is one.
    base(base: Duration), or Base if base.is_zero();
    /// No wait is longer than a day.
    cap(cap: Duration), or Cap if cap.as_nanos() > DAY.as_nanos();
    /// The first wait is within the bound of all.
    base_and_cap(base: Duration, cap: Duration), or BaseAboveCap if base.as_nanos() > cap.as_nanos();
    /// Waits grow, but not absurdly.
    factor(factor: f64), or Factor if !(factor >= 1.0 && factor <= MAX_FACTOR);
    /// A share of a wait is one.
    jitter(jitter: Jitter), or Jitter if matches!(jitter, Jitter::Fraction(j) if !(j >= 0.0 && j <= 1.0));
    /// A call may take some time.
    deadline(deadline: Duration), or Deadline if deadline.is_zero();
    /// A send may take some time.
    timeout(timeout: Duration), or Timeout if timeout.is_zero();
    /// There is time for the first wait.
    base_and_deadline(base: Duration, deadline: Option<Duration>), or DeadlineWithinBase
        if matches!(deadline, Some(deadline) if !deadline.is_zero() && deadline.as_nanos() <= base.as_nanos());
    /// There is time for more than one send.
    timeout_and_deadline(timeout: Option<Duration>, deadline: Option<Duration>), or TimeoutBeyondDeadline
        if matches!((timeout, deadline), (Some(timeout), Some(deadline))
            if !deadline.is_zero() && timeout.as_nanos() >= deadline.as_nanos());
    /// The longest hint can be waited for.
    max_retry_after_and_deadline(limit: Option<Duration>, deadline: Option<Duration>), or HintBeyondDeadline
        if matches!((limit, deadline), (Some(limit), Some(deadline))
            if !deadline.is_zero() && limit.as_nanos() > deadline.as_nanos());
    /// A key makes a request safe to repeat.
    idempotency_key(wanted: bool, idempotent: Option<bool>), or KeyNotIdempotent
        if wanted && matches!(idempotent, Some(false));
    /// What is listed in `on` is not swallowed by `never`.
    not_never(covered: bool), or OnIsNever if covered;
    /// What credentials are renewed for is not swallowed by `never`.
    reauth(covered: bool), or ReauthIsNever if covered;
}

/// A listed status can be worth repeating, and the rest of the list does not cover it.
pub const fn listed(status: u16, others: &[Condition]) -> Option<PolicyError> {
    if !is_retryable(status) {
        Some(PolicyError::Status)
    } else if covered(status, others) {
        Some(PolicyError::Repeated)
    } else {
        None
    }
}

/// Reports a broken rule where it is called.
///
/// # Panics
///
/// Where the rule is broken: in a constant, that is an error of the compiler.
#[track_caller]
pub const fn uphold(broken: Option<PolicyError>) {
    if let Some(error) = broken {
        panic!("{}", error.message());
    }
}

/// Whether an answer with `status` can be worth repeating: an error, or 202, by which a server asks to be
/// polled.
pub(crate) const fn is_retryable(status: u16) -> bool {
    status == 202 || (status >= 400 && status <= 599)
}

const fn covered(status: u16, others: &[Condition]) -> bool {
    let mut i = 0;
    while i < others.len() {
        let covers = match others[i] {
            Condition::Status(other) => other == status,
            Condition::Range(first, last) => first <= status && status <= last,
            Condition::Failure(_) => false,
        };
        if covers {
            return true;
        }
        i += 1;
    }
    false
}

/// The rule that the options of a [`Policy`](crate::Policy) break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// `max` is 0.
    Max,
    /// `on` is an empty list.
    OnEmpty,
    /// A status of `on` or `never` is neither 202 nor within 400..=599.
    Status,
    /// A range of `on` or `never` ends before it starts.
    Range,
    /// A constant in `on` or `never` is covered by another item of the list.
    Repeated,
    /// An item of `on` is covered by `never`.
    OnIsNever,
    /// There is a `reauth`, and `never` covers 401.
    ReauthIsNever,
    /// `base` is zero.
    Base,
    /// `base` is above `cap`.
    BaseAboveCap,
    /// `cap` is above a day.
    Cap,
    /// `factor` is not a number from 1 to 100.
    Factor,
    /// `jitter` is not within 0..=1.
    Jitter,
    /// `deadline` is zero.
    Deadline,
    /// `timeout` is zero.
    Timeout,
    /// `deadline` is not above `base`.
    DeadlineWithinBase,
    /// `timeout` is not below `deadline`.
    TimeoutBeyondDeadline,
    /// `max_retry_after` is above `deadline`.
    HintBeyondDeadline,
    /// `idempotency_key` with `idempotent = false`.
    KeyNotIdempotent,
}

impl PolicyError {
    /// What is wrong, and what to write instead.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Max => "`max` must be at least 1: it counts retries after the first attempt",
            Self::OnEmpty => "`on` must not be empty: list what to retry, or leave `on` out for the defaults",
            Self::Status => {
                "a status in `on` or `never` must be an error (400 to 599), or 202 for a server that asks to be polled"
            }
            Self::Range => "a range in `on` or `never` must not end before it starts",
            Self::Repeated => "this constant is listed twice: another item of the list covers it, remove one",
            Self::OnIsNever => {
                "`never` covers this item of `on`, so it is never retried: remove it from one of the two"
            }
            Self::ReauthIsNever => {
                "`reauth` is for a 401, which `never` covers: remove `reauth`, or 401 from `never`"
            }
            Self::Base => "`base` must be above zero: it is the wait before the first retry",
            Self::BaseAboveCap => {
                "`base`, the wait before the first retry, is above `cap`, which no wait exceeds: lower `base` or raise `cap`"
            }
            Self::Cap => "`cap` must be at most a day: it is the longest wait between two attempts",
            Self::Factor => {
                "`factor` must be a number from 1 to 100: each wait is `factor` times the one before"
            }
            Self::Jitter => {
                "`jitter` must be within 0..=1: it is the share of a wait that is added at random"
            }
            Self::Deadline => "`deadline` must be above zero: it is the bound on the whole call",
            Self::Timeout => "`timeout` must be above zero: it is the bound on each send",
            Self::DeadlineWithinBase => {
                "`deadline`, the bound on the whole call, is not above `base`, the wait before the first retry, so nothing is ever retried: raise `deadline` or lower `base`"
            }
            Self::TimeoutBeyondDeadline => {
                "`timeout`, the bound on each send, is not below `deadline`, the bound on the whole call, so the first send may take all of it: lower `timeout` or raise `deadline`"
            }
            Self::HintBeyondDeadline => {
                "`max_retry_after`, the longest hint to obey, is above `deadline`, the bound on the whole call: lower `max_retry_after` or raise `deadline`"
            }
            Self::KeyNotIdempotent => {
                "`idempotency_key` makes requests safe to repeat, and `idempotent = false` says that they are not: remove one of the two"
            }
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for PolicyError {}
