//! The items of `on` and `never`.

use crate::failure::{Failure, FailureSet};
use crate::status::StatusSet;

/// An item of `on` or `never`: a status, a range of statuses, a failure, or the default.
///
/// A *hint* is the wait that a server asks for, as in a `Retry-After` header.
///
/// ```
/// use retry_http::{Condition, Failure, Policy};
///
/// let policy = Policy::builder()
///     .on(&[Condition::Range(500, 599), Condition::Status(403).if_hinted()])
///     .never(&[Condition::Failure(Failure::Timeout)])
///     .build()?;
/// assert!(policy.never().covers(Condition::Failure(Failure::Timeout)));
/// # Ok::<(), retry_http::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// A response with this status.
    Status(u16),
    /// A response with a status from the first to the second, both included. `5xx` is
    /// `Range(500, 599)`.
    Range(u16, u16),
    /// A request that failed in this way.
    Failure(Failure),
    /// A response with a status from the first to the second, both included, and with a hint.
    /// `403 if hinted` is `IfHinted(403, 403)`. Only `on` accepts this item.
    IfHinted(u16, u16),
    /// The default of `on`, which differs between requests that are safe to repeat and others. Only
    /// `on` accepts this item.
    Default,
}

impl Condition {
    /// Returns `true` if this item includes everything that `other` includes.
    pub const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Failure(a), Self::Failure(b)) => a as u8 == b as u8,
            (Self::Default, Self::Default) => true,
            (Self::Failure(_) | Self::Default, _)
            | (_, Self::Failure(_) | Self::Default)
            | (Self::IfHinted(..), Self::Status(_) | Self::Range(..)) => false,
            (a, b) => a.first() <= b.first() && b.last() <= a.last(),
        }
    }

    /// Returns the status or the range, limited to responses with a hint. Returns a failure or the
    /// default unchanged.
    #[must_use]
    pub const fn if_hinted(self) -> Self {
        match self {
            Self::Status(status) => Self::IfHinted(status, status),
            Self::Range(first, last) => Self::IfHinted(first, last),
            other => other,
        }
    }

    /// Returns the statuses without the condition of a hint.
    pub(crate) const fn unconditional(self) -> Self {
        match self {
            Self::IfHinted(first, last) if first == last => Self::Status(first),
            Self::IfHinted(first, last) => Self::Range(first, last),
            other => other,
        }
    }

    /// Returns the first status, or 0 for an item without one.
    const fn first(self) -> u16 {
        match self {
            Self::Status(first) | Self::Range(first, _) | Self::IfHinted(first, _) => first,
            Self::Failure(_) | Self::Default => 0,
        }
    }

    /// Returns the last status, or 0 for an item without one.
    const fn last(self) -> u16 {
        match self {
            Self::Status(last) | Self::Range(_, last) | Self::IfHinted(_, last) => last,
            Self::Failure(_) | Self::Default => 0,
        }
    }
}

/// The statuses and the failures of a list: see [`Policy::on`](crate::Policy::on) and
/// [`Policy::never`](crate::Policy::never).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The statuses.
    pub statuses: StatusSet,
    /// The failures.
    pub failures: FailureSet,
}

impl Conditions {
    pub(crate) const NONE: Self = Self { statuses: StatusSet::EMPTY, failures: FailureSet::EMPTY };

    /// The default for requests that are safe to repeat.
    pub(crate) const SAFE: Self = Self {
        statuses: StatusSet::EMPTY.with(408).with(425).with(429).with(500).with_range(502, 504),
        failures: FailureSet::ALL,
    };

    /// The default for other requests: after these certainly nothing was done.
    pub(crate) const CAREFUL: Self =
        Self { statuses: StatusSet::EMPTY.with(429), failures: FailureSet::EMPTY.with(Failure::Connect) };

    /// The default for other requests whose answer says how long to wait before they are sent
    /// again. Another 503 may come from a proxy whose connection to the origin died half way, be
    /// there quota headers or not.
    pub(crate) const CAREFUL_HINTED: Self =
        Self { statuses: Self::CAREFUL.statuses.with(503), failures: Self::CAREFUL.failures };

    /// The conditions that are these statuses.
    pub(crate) const fn of_statuses<const N: usize>(statuses: [u16; N]) -> Self {
        Self { statuses: StatusSet::of(statuses), failures: FailureSet::EMPTY }
    }

    /// Collects the items of a list that hold whether a response carries a hint or not.
    pub(crate) const fn of(items: &[Condition]) -> Self {
        let mut collected = Self::NONE;
        let mut i = 0;
        while i < items.len() {
            match items[i] {
                Condition::Status(status) => collected.statuses = collected.statuses.with(status),
                Condition::Range(first, last) => {
                    collected.statuses = collected.statuses.with_range(first, last);
                }
                Condition::Failure(failure) => collected.failures = collected.failures.with(failure),
                Condition::IfHinted(..) | Condition::Default => {}
            }
            i += 1;
        }
        collected
    }

    /// Returns `true` if all statuses and failures of `item` are members. Returns `false` for
    /// [`Condition::Default`].
    pub const fn covers(&self, item: Condition) -> bool {
        match item {
            Condition::Status(status) => self.statuses.contains(status),
            Condition::Range(first, last) | Condition::IfHinted(first, last) => {
                self.statuses.contains_all(StatusSet::EMPTY.with_range(first, last))
            }
            Condition::Failure(failure) => self.failures.contains(failure),
            Condition::Default => false,
        }
    }

    /// Adds the members of `other`.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self { statuses: self.statuses.union(other.statuses), failures: self.failures.union(other.failures) }
    }
}

/// The list of `on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct On {
    /// The statuses, if any is listed.
    pub(crate) statuses: Option<StatusSet>,
    /// The failures, if any is listed.
    pub(crate) failures: Option<FailureSet>,
    /// The statuses of responses that carry a hint.
    pub(crate) hinted: StatusSet,
    /// The default is listed, and the other items add to it.
    pub(crate) has_default: bool,
}

impl On {
    /// The list that is left out.
    pub(crate) const DEFAULT: Self =
        Self { statuses: None, failures: None, hinted: StatusSet::EMPTY, has_default: false };

    /// The list of these statuses, of which there must be one.
    pub(crate) const fn of_statuses<const N: usize>(statuses: [u16; N]) -> Self {
        Self { statuses: Some(StatusSet::of(statuses)), ..Self::DEFAULT }
    }

    /// Collects the items of a list.
    pub(crate) const fn of(items: &[Condition]) -> Self {
        let listed = Conditions::of(items);
        let mut on = Self { failures: listed.failures.or_none(), ..Self::DEFAULT };
        let mut any_status = !listed.statuses.is_empty();
        let mut i = 0;
        while i < items.len() {
            match items[i] {
                Condition::Default => on.has_default = true,
                Condition::IfHinted(first, last) => {
                    on.hinted = on.hinted.with_range(first, last);
                    any_status = true;
                }
                _ => {}
            }
            i += 1;
        }
        if any_status {
            on.statuses = Some(listed.statuses);
        }
        on
    }

    /// Returns the conditions, where `default` is the default.
    pub(crate) const fn or(&self, default: Conditions, answer: Answer) -> Conditions {
        let mut on = Conditions {
            statuses: match self.statuses {
                Some(statuses) => statuses,
                None => default.statuses,
            },
            failures: match self.failures {
                Some(failures) => failures,
                None => default.failures,
            },
        };
        if self.has_default {
            on = on.union(default);
        }
        if matches!(answer, Answer::Quota | Answer::Hinted) {
            on.statuses = on.statuses.union(self.hinted);
        }
        on
    }
}

/// Tells whether a request is safe to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// The request is safe to repeat: its method is idempotent (RFC 9110 §9.2.2), it has an
    /// idempotency key, or `idempotent` is set.
    Safe,
    /// The request may do its work twice if it is repeated. A request with an unknown method counts
    /// as one of these.
    Careful,
}

/// Tells whether the answer to a request has a hint, and of which kind. A hint is the wait that the
/// server asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer has no hint, or there is no answer.
    Plain,
    /// The answer says when a quota is renewed, as `X-RateLimit-Reset` does. Servers send such
    /// headers with every response, so they do not show that the quota is why the request failed.
    Quota,
    /// The answer says how long to wait before the request is sent again, as `Retry-After` does.
    Hinted,
}
