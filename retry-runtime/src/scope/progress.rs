//! The progress of a call from attempt to attempt. The scope of the call holds it, so that the
//! future of an annotated function stays small.

use std::sync::Arc;

use retry_policy::Policy;

use crate::engine::compact_duration::CompactDuration;
use crate::engine::decide::Decided;
use crate::engine::recorder::Recorder;
use crate::engine::retry::RetryState;
use crate::env::{Clock, Moment};
use crate::scope::drain::Work;
use crate::scope::function::Function;
use crate::scope::renewal::Turns;

/// A demand of the user's predicates on the outcome of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Neither predicate holds.
    #[default]
    None,
    /// `retry_if` holds, and `never_if` does not.
    Retry,
    /// `never_if` holds.
    Stop,
}

/// The progress of a call.
pub(crate) struct Progress {
    /// The function that is called.
    pub(crate) function: &'static Function,
    pub(crate) clock: Clock,
    /// The demand of `retry_if` or `never_if` on the outcome.
    pub(crate) demand: Demand,
    /// `true` once an argument cannot be given to another attempt.
    pub(crate) is_last: bool,
    /// `true` while the body of an async function has begun and not ended.
    pub(crate) is_running: bool,
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
    /// Begins a call of `function` with this policy. Nothing is left of the call before.
    #[inline]
    pub(crate) fn begin(&mut self, policy: &Policy, clock: Clock, function: &'static Function) {
        (self.function, self.clock) = (function, clock);
        (self.demand, self.is_last, self.is_running) = (Demand::None, false, false);
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
        const NONE: &Function = &Function::visible("");
        let retry = RetryState::new(&Policy::DEFAULT);
        let (planned_wait, observed_since) = (CompactDuration::ZERO, None);
        Self {
            function: NONE,
            clock: Clock::System,
            demand: Demand::None,
            is_last: false,
            is_running: false,
            retry,
            observed_since,
            planned_wait,
            wait_before: None,
            rare: None,
        }
    }
}
