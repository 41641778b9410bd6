//! What `on` and `never` list.

use crate::engine::policy::failure::{Failure, FailureSet};
use crate::engine::policy::status::StatusSet;

/// An item of `on` or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// An answer with this status.
    Status(u16),
    /// An answer with a status from the first to the second, both included. `5xx` is `Range(500, 599)`.
    Range(u16, u16),
    /// An exchange that failed in this way.
    Failure(Failure),
}

/// Statuses and failures: the two halves of `on` and of `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) statuses: StatusSet,
    pub(crate) failures: FailureSet,
}

impl Conditions {
    pub(crate) const NONE: Self = Self { statuses: StatusSet::EMPTY, failures: FailureSet::EMPTY };

    /// What is safe to retry where repeating the request has the effect of sending it once.
    pub(crate) const IDEMPOTENT: Self = Self {
        statuses: StatusSet::EMPTY.with(408).with(425).with(429).with(500).with_range(502, 504),
        failures: FailureSet::ALL,
    };

    /// The failures after which certainly nothing was done, retried for every other method.
    pub(crate) const OTHER: Self =
        Self { statuses: StatusSet::EMPTY.with(429), failures: FailureSet::EMPTY.with(Failure::Connect) };

    /// The failures retried for every other method after a hint. A 503 without one may come from a proxy whose
    /// connection to the origin died half way.
    pub(crate) const OTHER_HINTED: Self =
        Self { statuses: Self::OTHER.statuses.with(503), failures: Self::OTHER.failures };
}
