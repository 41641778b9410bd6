//! The terms of a call: what the calls impose on its requests, and what they need to know of them.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use retry_policy::Policy;

use crate::engine::exchange::Hints;
use crate::engine::origin::{Origin, Origins};
use crate::scope::outgoing::Outgoing;
use crate::scope::renewal::RenewalCount;

/// The terms of a call. Those of most calls are [`Default`].
#[derive(Default)]
pub(crate) struct Terms {
    /// The attempt that the call is part of.
    pub(crate) outer: Option<OuterAttempt>,
    /// The time limits and keys imposed on requests.
    pub(crate) outgoing: Outgoing,
    /// The hints that count. Those of all responses do if `retry_if` may ask for a retry of any
    /// outcome. The innermost call names further headers.
    pub(crate) hints: Hints,
    /// The renewals that had ended when this attempt read its credentials, if the function renews
    /// any.
    pub(crate) renewals: Option<RenewalCount>,
    /// The observer and the upstream.
    pub(crate) listeners: Listeners,
}

/// Says what the observer and the upstream of a call need to know of its requests.
#[derive(Clone, Copy)]
pub(crate) struct Listeners {
    /// `true` if an observer needs the hosts of requests.
    pub(crate) is_observed: bool,
    /// The exchanges of which it matters which host answered.
    pub(crate) origins: Origins,
    /// The beginning of the call on its clock, if it has an observer.
    pub(crate) observed_since: Option<Instant>,
    /// The address of the upstream that has admitted the call.
    pub(crate) upstream: Option<NonZeroUsize>,
}

impl Listeners {
    /// The listeners of a call without an observer and an upstream.
    pub(crate) const NONE: Self =
        Self { is_observed: false, origins: Origins::Unused, observed_since: None, upstream: None };

    /// Returns the origin of a URL, if that matters.
    #[inline]
    pub(crate) fn origin_of(&self, url: &str) -> Option<Origin> {
        if self.origins == Origins::Unused { None } else { Origin::of_url(url) }
    }
}

impl Default for Listeners {
    fn default() -> Self {
        Self::NONE
    }
}

/// How far the terms of a call are from those of most calls. A call pays for no more than that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Not at all.
    #[default]
    None,
    /// By listeners that need nothing of a plain success but its host.
    Listeners,
    /// In any way.
    Any,
}

impl Change {
    /// Returns how far the terms of this policy are from the default.
    pub(crate) const fn of(policy: &Policy) -> Self {
        if policy.__has_terms() { Self::Any } else { Self::None }
    }
}

/// The attempt that a call is part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OuterAttempt {
    /// The number of the attempt.
    pub(crate) attempt: u64,
    /// The number of the call within the attempt.
    pub(crate) number: u64,
    /// The waits that tests had skipped in the attempt.
    pub(crate) skipped: Duration,
}
