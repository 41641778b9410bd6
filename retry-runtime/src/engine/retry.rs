//! Decides what follows an attempt: a wait and another attempt, or the end of the call.

use std::time::Duration;

use retry_policy::{Conditions, Policy, Safety};

use crate::engine::compact_duration::CompactDuration;
use crate::engine::exchange::Exchange;

/// The decision about what follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a verdict must be followed"]
pub enum Verdict {
    /// Wait this long, then attempt again.
    Wait(Duration),
    /// End the call, and return the outcome of the attempt.
    Stop(Stop),
}

/// The reason why a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The attempt succeeded, or failed in a way that the policy does not retry. Or the server
    /// advised against a retry.
    NotRetryable,
    /// `never` lists the status or failure, `never_if` returned `true`, or the error is permanent
    /// ([`HttpFailure::is_permanent`](crate::HttpFailure::is_permanent)).
    Never,
    /// The policy retries the failure, but this request or another one of the attempt is not safe
    /// to repeat and may have done its work already (RFC 9110 §9.2.2).
    Ambiguous,
    /// An annotated function that this one calls has already used up its retries of the request, or
    /// has decided not to retry it.
    Settled,
    /// All retries are used up.
    Exhausted,
    /// The server asked for a longer wait than `max_retry_after`.
    HintTooLong,
    /// The next wait would not end before `deadline`.
    Deadline,
    /// The budget of the upstream has no token for the retry.
    Budget,
    /// An argument cannot be cloned for another attempt: it is a request or a body that is a
    /// stream, or a multipart form.
    NotCloneable,
    /// The upstream held the call back for as long as the call may wait. The last attempt sent
    /// nothing, and its requests failed with a timeout.
    HeldTooLong,
    /// The upstream answered the call itself, with the server's last refusal. The last attempt sent
    /// nothing.
    AnsweredLocally,
}

impl Stop {
    /// Returns the name that logs and metrics use, such as `exhausted`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRetryable => "not_retryable",
            Self::Never => "never",
            Self::Ambiguous => "ambiguous",
            Self::Settled => "settled",
            Self::Exhausted => "exhausted",
            Self::HintTooLong => "hint_too_long",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
            Self::NotCloneable => "not_cloneable",
            Self::HeldTooLong => "held_too_long",
            Self::AnsweredLocally => "answered_locally",
        }
    }

    /// Returns `true` if the call has decided against a retry, so that a call around it does not
    /// retry either.
    pub(crate) const fn is_decision(self) -> bool {
        !matches!(self, Self::NotRetryable)
    }

    /// Returns `true` if the call gave up on a failure that the policy retries.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) const fn gave_up(self) -> bool {
        matches!(
            self,
            Self::Exhausted
                | Self::HintTooLong
                | Self::Deadline
                | Self::Budget
                | Self::NotCloneable
                | Self::Settled
                | Self::HeldTooLong
                | Self::AnsweredLocally
        )
    }
}

/// Decides after each attempt of one call whether to retry, and how long to wait first.
///
/// A `Retry` uses no I/O, no clock and no randomness of its own, so it works with any HTTP client.
/// Make one for each call, and pass the result of each attempt to [`next`](Self::next).
///
/// ```
/// use http::StatusCode;
/// use retry_http::{Exchange, Policy, Retry, Stop, Verdict};
/// use std::time::Duration;
///
/// let policy = Policy::builder().max(1).build()?;
/// let mut retry = Retry::new(&policy);
/// let mut exchange = Exchange::default();
/// exchange.on_response(StatusCode::TOO_MANY_REQUESTS);
/// let elapsed = Duration::ZERO;
/// assert_eq!(retry.next(&exchange, elapsed, || 0.5), Verdict::Wait(Duration::from_millis(1250)));
/// assert_eq!(retry.next(&exchange, elapsed, || 0.5), Verdict::Stop(Stop::Exhausted));
/// # Ok::<(), retry_http::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Retry<'p> {
    policy: &'p Policy,
    state: RetryState,
}

impl<'p> Retry<'p> {
    /// Creates the state of a call before its first attempt.
    pub const fn new(policy: &'p Policy) -> Self {
        Self { policy, state: RetryState::new(policy) }
    }

    /// Returns the policy of the call.
    pub const fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// Lowers the deadline of the call to `limit`, counted from the start of the call, if it is not
    /// lower already.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.state.lower_deadline(limit);
        self
    }

    /// Returns the deadline of the call: that of the policy, or a lower one set by
    /// [`within`](Self::within).
    pub const fn deadline(&self) -> Option<Duration> {
        self.state.deadline()
    }

    /// Returns the number of retries so far, which is how often [`next`](Self::next) has returned
    /// [`Verdict::Wait`].
    pub const fn retries(&self) -> u32 {
        self.state.retries()
    }

    /// Decides whether to renew the credentials now. Returns `true` if the server has refused them
    /// ([`Exchange::has_expired_credentials`]), unless this method has returned `true` before in
    /// this call, or `never` or `exchange` forbids another attempt.
    ///
    /// After `true`, renew the credentials and attempt again at once. That attempt does not count
    /// as a retry. If the renewal fails, end the call with the outcome of the last attempt. After
    /// `false`, call [`next`](Self::next).
    pub fn start_renewal(&mut self, exchange: &Exchange) -> bool {
        self.state.start_renewal(self.policy, exchange)
    }

    /// Returns `true` if [`start_renewal`](Self::start_renewal) has returned `true` in this call.
    pub const fn has_renewed(&self) -> bool {
        self.state.has_renewed()
    }

    /// Decides what follows an attempt. `exchange` describes the request that decides. `elapsed` is
    /// the time since the call began, and is used only if there is a deadline.
    ///
    /// `random` returns a random number that is uniform in `[0, 1)`. It is called at most once, and
    /// only to compute a wait.
    #[inline]
    pub fn next(&mut self, exchange: &Exchange, elapsed: Duration, random: impl FnOnce() -> f64) -> Verdict {
        self.state.next(self.policy, exchange, elapsed, random)
    }
}

/// The state of [`Retry`] apart from its policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryState {
    deadline: CompactDuration,
    retries: u32,
    /// The last computed wait.
    previous: CompactDuration,
    has_renewed: bool,
}

impl RetryState {
    /// The state of a call without a deadline, before its first attempt.
    pub(crate) const UNBOUNDED: Self = Self {
        deadline: CompactDuration::NONE,
        retries: 0,
        previous: CompactDuration::ZERO,
        has_renewed: false,
    };

    /// Creates the state of a call before its first attempt.
    pub(crate) const fn new(policy: &Policy) -> Self {
        Self { deadline: CompactDuration::new(policy.deadline()), ..Self::UNBOUNDED }
    }

    /// Lowers the deadline as [`Retry::within`] does.
    pub(crate) fn lower_deadline(&mut self, limit: Duration) {
        self.deadline = self.deadline.min(CompactDuration::new(Some(limit)));
    }

    /// Returns what [`Retry::deadline`] does.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        self.deadline.get()
    }

    /// Returns what [`Retry::retries`] does.
    pub(crate) const fn retries(&self) -> u32 {
        self.retries
    }

    /// Returns what [`Retry::has_renewed`] does.
    pub(crate) const fn has_renewed(&self) -> bool {
        self.has_renewed
    }

    /// Decides what [`Retry::start_renewal`] does.
    pub(crate) fn start_renewal(&mut self, policy: &Policy, exchange: &Exchange) -> bool {
        let starts = exchange.has_expired_credentials()
            && !self.has_renewed
            && !exchange.is_retry_forbidden()
            && !exchange.is_settled()
            && !is_listed(exchange, policy.never())
            // The request was refused and did nothing, but another one of the attempt may have.
            && !is_repeat_forbidden(policy, exchange);
        self.has_renewed |= starts;
        starts
    }

    /// Decides what [`Retry::next`] does.
    #[inline]
    pub(crate) fn next(
        &mut self,
        policy: &Policy,
        exchange: &Exchange,
        elapsed: Duration,
        random: impl FnOnce() -> f64,
    ) -> Verdict {
        if let Err(stop) = judge(policy, exchange) {
            return Verdict::Stop(stop);
        }
        if exchange.is_settled() {
            return Verdict::Stop(Stop::Settled);
        }
        if is_repeat_forbidden(policy, exchange) {
            return Verdict::Stop(Stop::Ambiguous);
        }
        if self.retries == policy.max() {
            return Verdict::Stop(Stop::Exhausted);
        }
        let backoff = policy.backoff();
        if exchange.hint().is_some_and(|hint| hint > policy.max_retry_after()) {
            return Verdict::Stop(Stop::HintTooLong);
        }
        let wait = match exchange.longest_hint() {
            // A hint of zero, or one in the past, asks for nothing.
            Some(hint) if !hint.is_zero() => backoff.wait_after_hint(hint, random()),
            _ => backoff.wait(self.retries, self.previous.get().unwrap_or_default(), random()),
        };
        // A wait that ends with the deadline leaves no time to send anything.
        if self.deadline().is_some_and(|deadline| elapsed.saturating_add(wait) >= deadline) {
            return Verdict::Stop(Stop::Deadline);
        }
        self.retries += 1;
        self.previous = CompactDuration::new(Some(wait));
        Verdict::Wait(wait)
    }
}

/// Returns why what `exchange` says is not retried, if it is not.
fn judge(policy: &Policy, exchange: &Exchange) -> Result<(), Stop> {
    if exchange.is_retry_forbidden() || is_listed(exchange, policy.never()) {
        return Err(Stop::Never);
    }
    let is_safe = exchange.may_repeat_under(policy.idempotent());
    let safety = if is_safe { Safety::Safe } else { Safety::Careful };
    let on = policy.on(safety, exchange.answer());
    let by_status = exchange
        .should_retry()
        .unwrap_or_else(|| is_status_listed(exchange, &on) || (is_safe && exchange.is_in_progress()));
    if by_status || on.failures.intersects(exchange.failures()) || exchange.is_retry_demanded() {
        Ok(())
    } else if !is_safe
        && exchange.should_retry() != Some(false)
        && is_listed(exchange, &policy.on(Safety::Safe, exchange.answer()))
    {
        Err(Stop::Ambiguous)
    } else {
        Err(Stop::NotRetryable)
    }
}

/// Returns `true` if another request of the attempt may have done something that must not be done
/// twice.
fn is_repeat_forbidden(policy: &Policy, exchange: &Exchange) -> bool {
    exchange.is_repeat_forbidden() && policy.idempotent() != Some(true)
}

/// Returns `true` if `conditions` list the status or a failure of `exchange`.
fn is_listed(exchange: &Exchange, conditions: &Conditions) -> bool {
    is_status_listed(exchange, conditions) || conditions.failures.intersects(exchange.failures())
}

fn is_status_listed(exchange: &Exchange, conditions: &Conditions) -> bool {
    exchange.status().is_some_and(|status| conditions.statuses.contains(status.as_u16()))
}

#[cfg(test)]
mod tests;
