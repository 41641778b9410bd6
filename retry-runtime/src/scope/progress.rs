//! The progress of a call from attempt to attempt. The scope of the call holds it, so that the
//! future of an annotated function stays small.

use std::sync::Arc;

use retry_policy::Policy;

use crate::engine::compact_duration::CompactDuration;
use crate::engine::decide::Decided;
use crate::engine::recorder::Recorder;
use crate::engine::retry::RetryState;
use crate::env::Moment;
use crate::scope::drain::Work;
use crate::scope::renewal::Turns;

/// The progress of a call.
pub(crate) struct Progress {
    pub(crate) retry: RetryState,
    /// The beginning of the call, if it has an observer.
    pub(crate) observed_since: Option<Moment>,
    /// The wait before the next attempt, until it begins.
    pub(crate) planned_wait: CompactDuration,
    /// The wait before the next attempt of an async function.
    pub(crate) wait_before: Option<Work>,
    /// State that few calls need.
    pub(crate) rare: Option<Box<Rare>>,
}

/// The part of the progress that few calls need.
#[derive(Default)]
pub(crate) struct Rare {
    /// The exchanges of earlier attempts, for the attempt around the call.
    pub(crate) earlier: Recorder,
    /// The 401 that a renewal is to cure.
    pub(crate) unauthorized: Option<Decided>,
    /// The turns of the `Renewal` whose fresh credentials the next attempt uses.
    pub(crate) renewed: Option<Arc<Turns>>,
}

impl Progress {
    /// Begins a call with this policy. Nothing is left of the call before.
    #[inline]
    pub(crate) fn begin(&mut self, policy: &Policy) {
        (self.retry, self.planned_wait) = (RetryState::new(policy), CompactDuration::ZERO);
        self.observed_since = None;
    }

    /// Drops what the call has left.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.wait_before, self.rare) = (None, None);
    }

    /// Returns the state that few calls need.
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Default for Progress {
    fn default() -> Self {
        let retry = RetryState::new(&Policy::DEFAULT);
        let (planned_wait, observed_since) = (CompactDuration::ZERO, None);
        Self { retry, observed_since, planned_wait, wait_before: None, rare: None }
    }
}
