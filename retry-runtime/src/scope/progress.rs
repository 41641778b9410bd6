//! The progress of a call from attempt to attempt. The scope of the call holds it, so that the
//! future of an annotated function stays small.

use std::sync::Arc;

use retry_policy::Policy;

use crate::engine::compact_duration::CompactDuration;
use crate::engine::decide::Decided;
use crate::engine::recorder::Recorder;
use crate::engine::retry::RetryState;
use crate::env::Clock;
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

/// The stage of an async call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No attempt has begun.
    #[default]
    Start,
    /// The body of an attempt has begun, and not ended.
    Running,
    /// An attempt has ended.
    Between,
}

/// The progress of a call.
pub(crate) struct Progress {
    /// The function that is called.
    pub(crate) function: &'static Function,
    /// The policy of the call, if that is a constant.
    pub(crate) policy: &'static Policy,
    pub(crate) clock: Clock,
    /// The demand of `retry_if` or `never_if` on the outcome.
    pub(crate) demand: Demand,
    /// `true` once an argument cannot be given to another attempt.
    pub(crate) is_last: bool,
    /// The stage of an async call.
    pub(crate) stage: Stage,
    pub(crate) retry: RetryState,
    /// The wait before the next attempt. Means nothing before one is planned.
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
    /// Begins a call of `function`. Nothing that matters is left of the call before.
    #[inline]
    pub(crate) fn begin(&mut self, clock: Clock, function: &'static Function, policy: &'static Policy) {
        (self.function, self.policy, self.clock) = (function, policy, clock);
        (self.demand, self.is_last, self.stage) = (Demand::None, false, Stage::Start);
        self.retry = RetryState::UNBOUNDED;
    }

    /// Returns the number of attempts so far, including the current one.
    #[inline]
    pub(crate) fn attempts(&self) -> u32 {
        self.retry.retries().saturating_add(1 + u32::from(self.retry.has_renewed()))
    }

    /// Returns `true` if there is something for [`clear`](Self::clear) to drop.
    #[inline]
    pub(crate) fn has_rest(&self) -> bool {
        self.wait_before.is_some() || self.rare.is_some()
    }

    /// Drops what the call has left.
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
        Self {
            function: NONE,
            policy: &Policy::DEFAULT,
            clock: Clock::System,
            demand: Demand::None,
            is_last: false,
            stage: Stage::Start,
            retry: RetryState::UNBOUNDED,
            planned_wait: CompactDuration::ZERO,
            wait_before: None,
            rare: None,
        }
    }
}
