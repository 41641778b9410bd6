//! The state machine of one call: no I/O, no clock, no randomness of its own.
//!
//! ```
//! use http::StatusCode;
//! use retry_runtime::{Exchange, Policy, Retry, Stop, Verdict};
//! use std::time::Duration;
//!
//! let policy = Policy::builder().max(1).build()?;
//! let mut retry = Retry::new(&policy);
//! let mut exchange = Exchange::default();
//! exchange.answered(StatusCode::TOO_MANY_REQUESTS);
//! let elapsed = Duration::ZERO;
//! assert_eq!(retry.next(&exchange, elapsed, || 0.5), Verdict::Wait(Duration::from_millis(1250)));
//! assert_eq!(retry.next(&exchange, elapsed, || 0.5), Verdict::Stop(Stop::Exhausted));
//! # Ok::<(), retry_runtime::PolicyError>(())
//! ```

use std::time::Duration;

use http::StatusCode;

use crate::engine::exchange::Exchange;
use retry_policy::Conditions;
use retry_policy::Policy;

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a verdict is to be followed"]
pub enum Verdict {
    /// Wait this long, then attempt again.
    Wait(Duration),
    /// Return the outcome of the attempt.
    Stop(Stop),
}

/// Why a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// When the last exchange was a success, or nothing that the policy retries, or the server said not to retry it.
    NotRetryable,
    /// When `never` lists what happened.
    Never,
    /// When what happened is retried, but this request, or another one of the attempt, may have done its work
    /// already and is not safe to repeat (RFC 9110 §9.2.2).
    Ambiguous,
    /// When an inner call has decided about what happened: it gave up, or was not to retry it.
    Settled,
    /// When all retries are used up.
    Exhausted,
    /// When the server asked for a longer wait than `max_retry_after`.
    HintTooLong,
    /// When the next wait would outlive `deadline`.
    Deadline,
    /// When the budget of the upstream is used up.
    Budget,
    /// When the request cannot be cloned for another attempt: its body is a stream.
    NotCloneable,
}

impl Stop {
    /// Whether the call has decided that what happened is not to be retried, by a call around it neither.
    pub(crate) const fn is_decision(self) -> bool {
        !matches!(self, Self::NotRetryable)
    }

    /// Whether the call ends with something that is retried, but not any more.
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
        )
    }
}

/// The retries of one call.
#[derive(Clone, Debug)]
pub struct Retry<'p> {
    policy: &'p Policy,
    deadline: Option<Duration>,
    retries: u32,
    previous: Duration,
    renewed: bool,
}

impl<'p> Retry<'p> {
    /// A call that is about to make its first attempt.
    pub const fn new(policy: &'p Policy) -> Self {
        let deadline = policy.deadline();
        Self { policy, deadline, retries: 0, previous: Duration::ZERO, renewed: false }
    }

    /// The policy it was given.
    pub const fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// Bounds the call by `limit` as well, where that is less than the policy's `deadline`.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.lower_deadline(limit);
        self
    }

    /// [`within`](Self::within), in place.
    pub(crate) fn lower_deadline(&mut self, limit: Duration) {
        self.deadline = Some(self.deadline.map_or(limit, |deadline| deadline.min(limit)));
    }

    /// The bound on the call: the `deadline` of the policy, or a lower one of [`within`](Self::within).
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// How many retries the verdicts so far have asked for.
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether to renew the credentials after an attempt that `exchange` decides: where it is a 401
    /// (RFC 9110 §15.5.2), once a call. If that succeeds the next attempt follows at once and is no retry; else the
    /// call ends. Ask it before [`next`](Self::next), if there is a way to renew them.
    pub fn renews(&mut self, exchange: &Exchange) -> bool {
        let renews = exchange.status() == Some(StatusCode::UNAUTHORIZED)
            && !self.renewed
            && !exchange.is_settled()
            && !happened(exchange, self.policy.never())
            // What was refused was not done, but what was sent beside it may have been.
            && !self.is_repeat_forbidden(exchange);
        self.renewed |= renews;
        renews
    }

    /// Whether [`renews`](Self::renews) has said so.
    pub const fn has_renewed(&self) -> bool {
        self.renewed
    }

    /// Decides what to do after an attempt that `exchange` decides, `elapsed` after the call began. Where the call has
    /// no deadline, any `elapsed` will do.
    ///
    /// `random` is asked at most once, only where there is a wait to compute, and answers uniformly in `[0, 1)`.
    #[inline]
    pub fn next(&mut self, exchange: &Exchange, elapsed: Duration, random: impl FnOnce() -> f64) -> Verdict {
        if let Err(stop) = self.judge(exchange) {
            return Verdict::Stop(stop);
        }
        if exchange.is_settled() {
            return Verdict::Stop(Stop::Settled);
        }
        if self.is_repeat_forbidden(exchange) {
            return Verdict::Stop(Stop::Ambiguous);
        }
        if self.retries == self.policy.max() {
            return Verdict::Stop(Stop::Exhausted);
        }
        let backoff = self.policy.backoff();
        if exchange.hint().is_some_and(|hint| hint > self.policy.max_retry_after()) {
            return Verdict::Stop(Stop::HintTooLong);
        }
        let wait = match exchange.longest_hint() {
            // A zero or past hint asks for nothing.
            Some(hint) if !hint.is_zero() => backoff.wait_after_hint(hint, random()),
            _ => backoff.wait(self.retries, self.previous, random()),
        };
        // What is left after a wait to the very end is no time to send anything.
        if self.deadline.is_some_and(|deadline| elapsed.saturating_add(wait) >= deadline) {
            return Verdict::Stop(Stop::Deadline);
        }
        self.retries += 1;
        self.previous = wait;
        Verdict::Wait(wait)
    }

    fn judge(&self, exchange: &Exchange) -> Result<(), Stop> {
        if happened(exchange, self.policy.never()) {
            return Err(Stop::Never);
        }
        let safe = exchange.is_idempotent_under(self.policy.idempotent());
        let on = if safe {
            self.policy.on_safe()
        } else if exchange.is_hinted() {
            self.policy.on_careful_hinted()
        } else {
            self.policy.on_careful()
        };
        let status = exchange.should_retry().unwrap_or_else(|| is_status_in(exchange, &on));
        if status || on.failures.intersects(exchange.failures()) || exchange.is_wanted() {
            Ok(())
        } else if !safe
            && exchange.should_retry() != Some(false)
            && happened(exchange, &self.policy.on_safe())
        {
            Err(Stop::Ambiguous)
        } else {
            Err(Stop::NotRetryable)
        }
    }

    /// Whether something that must not be done twice may have been done beside `exchange`.
    fn is_repeat_forbidden(&self, exchange: &Exchange) -> bool {
        exchange.is_repeat_forbidden() && self.policy.idempotent() != Some(true)
    }
}

fn happened(exchange: &Exchange, listed: &Conditions) -> bool {
    is_status_in(exchange, listed) || listed.failures.intersects(exchange.failures())
}

fn is_status_in(exchange: &Exchange, listed: &Conditions) -> bool {
    exchange.status().is_some_and(|status| listed.statuses.contains(status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use proptest::prelude::*;
    use retry_policy::Condition;
    use retry_policy::Failure;
    use retry_policy::Jitter;

    fn verdict(policy: &Policy, method: &Method, what: impl Fn(&mut Exchange)) -> Verdict {
        let mut exchange = Exchange::sent(method, &HeaderMap::new());
        what(&mut exchange);
        Retry::new(policy).next(&exchange, Duration::ZERO, || 0.0)
    }

    fn status(status: u16) -> impl Fn(&mut Exchange) {
        move |exchange| exchange.answered(StatusCode::from_u16(status).unwrap())
    }

    fn failure(failure: Failure) -> impl Fn(&mut Exchange) {
        move |exchange| exchange.failed(failure)
    }

    const AGAIN: Verdict = Verdict::Wait(Duration::from_secs(1));

    #[test]
    fn the_defaults_depend_on_the_method() {
        let policy = Policy::DEFAULT;
        for code in 100..600 {
            let get = [408, 425, 429, 500, 502, 503, 504].contains(&code);
            let post = code == 429;
            let expected = |again, ambiguous| match (again, ambiguous) {
                (true, _) => AGAIN,
                (_, true) => Verdict::Stop(Stop::Ambiguous),
                _ => Verdict::Stop(Stop::NotRetryable),
            };
            assert_eq!(verdict(&policy, &Method::GET, status(code)), expected(get, false), "{code}");
            assert_eq!(verdict(&policy, &Method::POST, status(code)), expected(post, get), "{code}");
        }
        for kind in [Failure::Connect, Failure::Timeout, Failure::Reset, Failure::Body] {
            assert_eq!(verdict(&policy, &Method::GET, failure(kind)), AGAIN);
            let post = if kind == Failure::Connect { AGAIN } else { Verdict::Stop(Stop::Ambiguous) };
            assert_eq!(verdict(&policy, &Method::POST, failure(kind)), post, "{kind:?}");
        }
    }

    #[test]
    fn a_connection_that_is_not_made_in_time_sent_nothing() {
        let what = |exchange: &mut Exchange| {
            exchange.failed(Failure::Connect);
            exchange.failed(Failure::Timeout);
        };
        assert_eq!(verdict(&Policy::DEFAULT, &Method::POST, what), AGAIN);
        let never = Policy::builder().never(&[Condition::Failure(Failure::Timeout)]).build().unwrap();
        assert_eq!(verdict(&never, &Method::POST, what), Verdict::Stop(Stop::Never));
    }

    #[test]
    fn what_is_listed_is_honoured_whatever_the_method_and_never_wins() {
        let policy = Policy::builder()
            .on(&[Condition::Range(500, 599), Condition::Failure(Failure::Timeout)])
            .never(&[Condition::Status(501)])
            .build()
            .unwrap();
        assert_eq!(verdict(&policy, &Method::POST, status(500)), AGAIN);
        assert_eq!(verdict(&policy, &Method::POST, failure(Failure::Timeout)), AGAIN);
        assert_eq!(verdict(&policy, &Method::GET, status(501)), Verdict::Stop(Stop::Never));
        assert_eq!(verdict(&policy, &Method::GET, status(429)), Verdict::Stop(Stop::NotRetryable));
        assert_eq!(
            verdict(&policy, &Method::GET, failure(Failure::Connect)),
            Verdict::Stop(Stop::NotRetryable)
        );
    }

    #[test]
    fn a_hint_is_obeyed_up_to_the_limit_and_a_zero_hint_is_none() {
        let hinted = |seconds| {
            move |exchange: &mut Exchange| {
                status(429)(exchange);
                exchange.hinted(Duration::from_secs(seconds));
            }
        };
        let policy = Policy::DEFAULT;
        assert_eq!(
            verdict(&policy, &Method::GET, hinted(120)),
            Verdict::Wait(Duration::from_secs(120)),
            "the cap is for computed waits"
        );
        assert_eq!(verdict(&policy, &Method::GET, hinted(121)), Verdict::Stop(Stop::HintTooLong));
        assert_eq!(verdict(&policy, &Method::GET, hinted(0)), AGAIN);
    }

    fn policy() -> impl Strategy<Value = Policy> {
        let conditions = || proptest::collection::vec(condition(), 1..6).prop_map(without_repeats);
        let jitter = prop_oneof![
            Just(Jitter::None),
            Just(Jitter::Full),
            Just(Jitter::Equal),
            Just(Jitter::Decorrelated),
            (0.0..=1.0).prop_map(Jitter::Fraction),
        ];
        (1..20u32, conditions(), conditions(), 1..5000u64, 0..200_000u64, jitter).prop_filter_map(
            "the policy keeps the rules",
            |(max, on, never, base, limit, jitter)| {
                Policy::builder()
                    .max(max)
                    .on(&on)
                    .never(&never)
                    .base(Duration::from_millis(base))
                    .jitter(jitter)
                    .max_retry_after(Duration::from_millis(limit))
                    .build()
                    .ok()
            },
        )
    }

    /// Leaves out the items that another one repeats.
    fn without_repeats(items: Vec<Condition>) -> Vec<Condition> {
        let mut kept: Vec<Condition> = Vec::new();
        for item in items {
            if !kept.iter().any(|other| other.covers(item) || item.covers(*other)) {
                kept.push(item);
            }
        }
        kept
    }

    fn condition() -> impl Strategy<Value = Condition> {
        prop_oneof![
            (400..=599u16).prop_map(Condition::Status),
            (400..=599u16, 0..=99u16)
                .prop_map(|(first, more)| Condition::Range(first, (first + more).min(599))),
            a_failure().prop_map(Condition::Failure),
        ]
    }

    fn a_failure() -> impl Strategy<Value = Failure> {
        prop_oneof![Just(Failure::Connect), Just(Failure::Timeout), Just(Failure::Reset), Just(Failure::Body)]
    }

    fn exchange() -> impl Strategy<Value = Exchange> {
        let method = prop_oneof![Just(Method::GET), Just(Method::POST)];
        let answer = prop_oneof![
            (200..=599u16, proptest::option::of(0..300_000u64)).prop_map(Ok),
            a_failure().prop_map(Err)
        ];
        (method, answer).prop_map(|(method, answer)| {
            let mut exchange = Exchange::sent(&method, &HeaderMap::new());
            match answer {
                Ok((code, hint)) => {
                    exchange.answered(StatusCode::from_u16(code).unwrap());
                    if let Some(hint) = hint {
                        exchange.hinted(Duration::from_millis(hint));
                    }
                }
                Err(failure) => exchange.failed(failure),
            }
            exchange
        })
    }

    proptest! {
        #[test]
        fn any_script_keeps_the_promises(
            policy in policy(),
            script in proptest::collection::vec((exchange(), 0.0..1.0f64), 30),
        ) {
            let mut retry = Retry::new(&policy);
            for (exchange, random) in &script {
                let listed = |conditions: &Conditions| {
                    exchange.status().is_some_and(|status| conditions.statuses.contains(status.as_u16()))
                        || conditions.failures.intersects(exchange.failures())
                };
                match retry.next(exchange, Duration::ZERO, || *random) {
                    Verdict::Wait(wait) => {
                        prop_assert!(!listed(policy.never()));
                        let get = exchange.method() == Some(&Method::GET);
                        let on = match (get, exchange.is_hinted()) {
                            (true, _) => policy.on_safe(),
                            (false, true) => policy.on_careful_hinted(),
                            (false, false) => policy.on_careful(),
                        };
                        prop_assert!(listed(&on));
                        let hint = exchange.hint().unwrap_or_default();
                        prop_assert!(wait >= hint);
                        prop_assert!(hint <= policy.max_retry_after());
                        prop_assert!(hint > Duration::ZERO || wait <= Duration::from_secs(60));
                    }
                    Verdict::Stop(stop) => {
                        prop_assert_eq!(stop == Stop::Never, listed(policy.never()));
                        break;
                    }
                }
                prop_assert!(retry.retries() <= policy.max());
            }
            prop_assert!(retry.retries() <= policy.max());
        }
    }
}
