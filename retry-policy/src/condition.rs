//! The items of `on` and `never`.

use crate::failure::{Failure, FailureSet};
use crate::status::StatusSet;

/// An item of `on` or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// An answer with this status.
    Status(u16),
    /// An answer with a status from the first to the second, both included. `5xx` is `Range(500,
    /// 599)`.
    Range(u16, u16),
    /// An exchange that failed in this way.
    Failure(Failure),
}

impl Condition {
    /// Returns `true` if everything that `other` names is named by this item.
    pub const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Failure(a), Self::Failure(b)) => a as u8 == b as u8,
            (Self::Failure(_), _) | (_, Self::Failure(_)) => false,
            (a, b) => a.first() <= b.first() && b.last() <= a.last(),
        }
    }

    /// Returns the first status, or 0 for a failure.
    const fn first(self) -> u16 {
        match self {
            Self::Status(first) | Self::Range(first, _) => first,
            Self::Failure(_) => 0,
        }
    }

    /// Returns the last status, or 0 for a failure.
    const fn last(self) -> u16 {
        match self {
            Self::Status(last) | Self::Range(_, last) => last,
            Self::Failure(_) => 0,
        }
    }
}

/// Statuses and failures: the two halves of `on` and of `never`.
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

    /// The default for other requests whose answer carries a hint. A 503 without one may come from
    /// a proxy whose connection to the origin died half way.
    pub(crate) const CAREFUL_HINTED: Self =
        Self { statuses: Self::CAREFUL.statuses.with(503), failures: Self::CAREFUL.failures };

    /// Collects the items of a list.
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
            }
            i += 1;
        }
        collected
    }

    /// Returns `true` if everything that `item` names is a member.
    pub const fn covers(&self, item: Condition) -> bool {
        match item {
            Condition::Status(status) => self.statuses.contains(status),
            Condition::Range(first, last) => {
                self.statuses.contains_all(StatusSet::EMPTY.with_range(first, last))
            }
            Condition::Failure(failure) => self.failures.contains(failure),
        }
    }
}
