//! The options of a policy, as they are collected and checked.

use std::time::Duration;

use crate::backoff::{Backoff, Jitter};
use crate::condition::{Condition, Conditions, On};
use crate::policy::{IDEMPOTENCY_KEY, Policy};
use crate::rules::{self, PolicyError};

impl Policy {
    /// Returns a builder that starts from [`Policy::DEFAULT`].
    pub const fn builder() -> PolicyBuilder<'static> {
        PolicyBuilder::DEFAULT
    }

    /// Returns a builder that starts from this policy.
    pub const fn to_builder(&self) -> PolicyBuilder<'static> {
        PolicyBuilder::new(self)
    }
}

/// Builds a [`Policy`] from options, which [`build`](Self::build) checks. An option that is not set
/// keeps the value of the policy from which the builder starts.
///
/// ```
/// use retry_http::{Condition, Failure, Policy};
/// use std::time::Duration;
///
/// let policy = Policy::builder()
///     .max(5)
///     .on(&[Condition::Default, Condition::Status(529)])
///     .never(&[Condition::Failure(Failure::Timeout)])
///     .deadline(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(policy.max(), 5);
///
/// let patient = policy.to_builder().deadline(Duration::from_secs(300)).build()?;
/// assert_eq!(patient.max(), 5);
/// # Ok::<(), retry_http::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PolicyBuilder<'a> {
    policy: Policy,
    on: Option<&'a [Condition]>,
    never: Option<&'a [Condition]>,
    hint: Option<&'static [&'static str]>,
}

impl PolicyBuilder<'static> {
    /// Each declaration of a function starts from this while it is compiled.
    const DEFAULT: Self = Self::new(&Policy::DEFAULT);
}

impl<'a> PolicyBuilder<'a> {
    pub(crate) const fn new(policy: &Policy) -> Self {
        Self { policy: *policy, on: None, never: None, hint: None }
    }

    /// Sets the number of retries after the first attempt. 0 turns retries off. The default is 3.
    pub const fn max(mut self, max: u32) -> Self {
        self.policy.max = max;
        self
    }

    /// Sets what is retried. The list must not be empty. If it has only statuses, the default
    /// failures are still retried; if it has only failures, the default statuses are.
    /// [`Condition::Default`] in the list keeps both defaults. The defaults depend on whether the
    /// request is safe to repeat: see [`Policy::on`].
    pub const fn on(mut self, on: &'a [Condition]) -> Self {
        self.on = Some(on);
        self
    }

    /// Sets what is never retried. This list wins over `on`: with 5xx in `on` and 501 in `never`, a
    /// 501 is not retried. The default is an empty list.
    pub const fn never(mut self, never: &'a [Condition]) -> Self {
        self.never = Some(never);
        self
    }

    /// Sets what is retried, as [`on`](Self::on) does, for the macro. An array by value costs less
    /// compile time in each function than a reference, which is a constant of its own.
    #[doc(hidden)]
    pub const fn __on<const N: usize>(mut self, on: [Condition; N]) -> Self {
        self.policy.on = On::of(&on);
        self
    }

    /// Sets what is never retried, as [`never`](Self::never) does, for the macro.
    #[doc(hidden)]
    pub const fn __never<const N: usize>(mut self, never: [Condition; N]) -> Self {
        self.policy.never = Conditions::of(&never);
        self
    }

    /// Sets the statuses that are retried, as [`on`](Self::on) does, for the macro. There must be
    /// one.
    #[doc(hidden)]
    pub const fn __on_statuses<const N: usize>(mut self, on: [u16; N]) -> Self {
        self.policy.on = On::of_statuses(on);
        self
    }

    /// Sets the statuses that are never retried, as [`never`](Self::never) does, for the macro.
    #[doc(hidden)]
    pub const fn __never_statuses<const N: usize>(mut self, never: [u16; N]) -> Self {
        self.policy.never = Conditions::of_statuses(never);
        self
    }

    /// Sets the wait before the first retry. It must be above zero and at most `cap`. The default
    /// is 1 s.
    pub const fn base(mut self, base: Duration) -> Self {
        self.policy.backoff.base = base;
        self
    }

    /// Sets the number by which each delay is multiplied to get the next one. It must be from 1 to
    /// 100. The default is 2.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.policy.backoff.factor = factor;
        self
    }

    /// Sets the longest computed wait, jitter included. It must be above zero and at most a day.
    /// The default is 60 s.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.policy.backoff.cap = cap;
        self
    }

    /// Sets the jitter, which spreads waits at random. The default is
    /// [`Jitter::Fraction(0.5)`](Jitter::Fraction).
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.policy.backoff.jitter = jitter;
        self
    }

    /// Sets the longest wait that the server may ask for. If the server asks for a longer one, the
    /// call ends at once. The limit must be at most `deadline`. The default is 2 minutes.
    pub const fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.policy.max_retry_after = Some(max_retry_after);
        self
    }

    /// Sets the names of further headers that ask for a wait. The list must have 1 to 16 names. It
    /// replaces the list of the policy from which the builder starts. By default no further headers
    /// are read.
    ///
    /// The headers are read like `X-RateLimit-Reset`: only if `Retry-After` asks for no wait.
    /// Numbers are seconds, or milliseconds if the name of the header ends in `-ms`. The case of a
    /// name does not matter, and events show the name as it is written here.
    pub const fn hint(mut self, names: &'static [&'static str]) -> Self {
        self.hint = Some(names);
        self
    }

    /// Sets the longest time that a call may take, requests and waits included. It must be longer
    /// than `base` and than `timeout`, and not shorter than `max_retry_after` if that is set. A
    /// wait that would not end before the deadline is not begun: the call ends instead. By default
    /// there is no limit.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = Some(deadline);
        self
    }

    /// Removes the `deadline` of the policy from which the builder starts.
    pub const fn without_deadline(mut self) -> Self {
        self.policy.deadline = None;
        self
    }

    /// Sets the longest time that one request may take, reading the response's body included. It
    /// must be above zero and shorter than `deadline`. By default there is no limit.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Removes the `timeout` of the policy from which the builder starts.
    pub const fn without_timeout(mut self) -> Self {
        self.policy.timeout = None;
        self
    }

    /// Declares that all requests are safe to repeat, or that none is, whatever their method. By
    /// default the method and the idempotency key decide (RFC 9110 §9.2.2). If a `transparent` or
    /// an annotated function declares this for its own requests, that declaration takes precedence
    /// over the policy of the caller.
    ///
    /// If the body of the function makes an idempotency key, every attempt sends a new key, and
    /// repeating a POST is not safe. Use [`idempotency_key`](Self::idempotency_key) instead, or
    /// make the key before the call.
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.policy.idempotent = Some(idempotent);
        self
    }

    /// Sets whether each request that is not safe to repeat is sent with an `Idempotency-Key`
    /// header (draft-ietf-httpapi-idempotency-key-header). Every attempt of a call sends the same
    /// key, so repeating the request is safe. A request that already has the header keeps its own
    /// key. A 409 in answer to a key that an earlier attempt has sent is retried, unless `never`
    /// lists 409. The default is `false`.
    ///
    /// This overrides an earlier [`idempotency_header`](Self::idempotency_header): `true` sends
    /// keys in `Idempotency-Key`, and `false` sends none.
    pub const fn idempotency_key(mut self, wanted: bool) -> Self {
        self.policy.idempotency_header = if wanted { Some(IDEMPOTENCY_KEY) } else { None };
        self
    }

    /// Sends keys as [`idempotency_key`](Self::idempotency_key) does, in the header with this name,
    /// such as `PayPal-Request-Id`. The name must be a valid header name (RFC 9110 §5.1) without
    /// digits, and must not be a standard header with another meaning, such as `Authorization`. Its
    /// case does not matter.
    pub const fn idempotency_header(mut self, name: &'static str) -> Self {
        self.policy.idempotency_header = Some(name);
        self
    }

    /// Checks the options, and returns the policy.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the options break.
    pub const fn build(self) -> Result<Policy, PolicyError> {
        match self.broken() {
            Some(error) => Err(error),
            None => Ok(self.__trusted()),
        }
    }

    /// Returns the policy without a check: the macro has checked each rule by itself, and reported
    /// a broken one at its value.
    #[doc(hidden)]
    pub const fn __trusted(self) -> Policy {
        let mut policy = self.policy;
        if let Some(on) = self.on {
            policy.on = On::of(on);
        }
        if let Some(never) = self.never {
            policy.never = Conditions::of(never);
        }
        if let Some(hint) = self.hint {
            policy.hint = hint;
        }
        policy
    }

    /// Returns the policy for options that were checked while compiling, on a policy that is only
    /// known at run time: where `base` is above `cap`, `cap` holds, and bounds that disagree only
    /// bound more.
    ///
    /// # Panics
    ///
    /// If an option breaks a rule about itself.
    #[doc(hidden)]
    #[must_use]
    pub fn __fitted(mut self) -> Policy {
        let backoff = &mut self.policy.backoff;
        backoff.base = backoff.base.min(backoff.cap);
        rules::uphold(self.broken_alone());
        self.__trusted()
    }

    /// Returns the first rule that is broken.
    const fn broken(&self) -> Option<PolicyError> {
        let alone = self.broken_alone();
        if alone.is_some() {
            return alone;
        }
        let Policy {
            never, backoff, max_retry_after, deadline, timeout, idempotent, idempotency_header, ..
        } = self.__trusted();
        first(&[
            match self.on {
                Some(on) => rules::none_never(on, &never),
                None => None,
            },
            rules::nothing_left(&never),
            rules::base_and_cap(backoff.base, backoff.cap),
            rules::base_and_deadline(backoff.base, deadline),
            rules::timeout_and_deadline(timeout, deadline),
            rules::max_retry_after_and_deadline(max_retry_after, deadline),
            rules::idempotency_key(idempotency_header, idempotent),
        ])
    }

    /// Returns the first rule about one option that is broken.
    const fn broken_alone(&self) -> Option<PolicyError> {
        let Backoff { base, factor, cap, jitter } = self.policy.backoff;
        first(&[
            match self.on {
                Some(on) if on.is_empty() => rules::on(on),
                Some(on) => rules::list(on),
                None => None,
            },
            match self.never {
                Some(never) => rules::never(never),
                None => None,
            },
            match self.hint {
                Some(names) => rules::hint(names),
                None => None,
            },
            rules::base(base),
            rules::factor(factor),
            rules::cap(cap),
            rules::jitter(jitter),
            rules::deadline(or_endless(self.policy.deadline)),
            rules::timeout(or_endless(self.policy.timeout)),
            match self.policy.idempotency_header {
                Some(name) => rules::idempotency_header(name),
                None => None,
            },
        ])
    }
}

const fn or_endless(bound: Option<Duration>) -> Duration {
    match bound {
        Some(bound) => bound,
        None => Duration::MAX,
    }
}

const fn first(broken: &[Option<PolicyError>]) -> Option<PolicyError> {
    let mut i = 0;
    while i < broken.len() {
        if broken[i].is_some() {
            return broken[i];
        }
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::failure::FailureSet;
    use crate::keys::Key;
    use crate::status::StatusSet;

    const S429: Condition = Condition::Status(429);

    #[expect(clippy::large_types_passed_by_value, reason = "as it is built")]
    fn error(builder: PolicyBuilder<'_>) -> PolicyError {
        builder.build().unwrap_err()
    }

    #[test]
    fn the_default_is_what_an_empty_builder_builds() {
        assert_eq!(Policy::builder().build(), Ok(Policy::DEFAULT));
        assert_eq!(Policy::DEFAULT.to_builder().build(), Ok(Policy::DEFAULT));
    }

    #[test]
    fn each_rule_is_checked() {
        let p = Policy::builder;
        let s = Duration::from_secs;
        assert!(p().max(0).build().is_ok(), "retries are off");
        assert_eq!(error(p().on(&[])), PolicyError::OnEmpty);
        for status in [0, 99, 100, 200, 204, 301, 399, 600, u16::MAX] {
            assert_eq!(error(p().on(&[Condition::Status(status)])), PolicyError::Status(status));
            assert_eq!(error(p().never(&[Condition::Status(status)])), PolicyError::Status(status));
        }
        assert!(p().on(&[Condition::Status(202)]).build().is_ok());
        assert_eq!(
            error(p().on(&[Condition::Range(504, 500)])),
            PolicyError::RangeEmpty { first: 504, last: 500 }
        );
        assert_eq!(error(p().on(&[Condition::Range(500, 600)])), PolicyError::Status(600));
        assert_eq!(error(p().on(&[Condition::Range(202, 500)])), PolicyError::RangeBelowErrors { last: 500 });
        assert_eq!(error(p().on(&[Condition::Range(202, 204)])), PolicyError::Status(204));
        assert_eq!(error(p().on(&[Condition::Range(200, 500)])), PolicyError::Status(200));
        assert!(p().on(&[Condition::Range(500, 500)]).build().is_ok());
        assert_eq!(error(p().on(&[S429, S429])), PolicyError::Repeated(S429));
        let class = Condition::Range(400, 499);
        for list in [[S429, class], [class, S429]] {
            assert_eq!(error(p().never(&list)), PolicyError::Covered { item: S429, by: class });
        }
        assert_eq!(error(p().on(&[S429]).never(&[class])), PolicyError::OnIsNever(S429));
        let halves = [Condition::Range(500, 549), Condition::Range(550, 599)];
        let fives = Condition::Range(500, 599);
        assert_eq!(error(p().on(&[fives]).never(&halves)), PolicyError::OnIsNever(fives));
        assert!(p().on(&[fives]).never(&[Condition::Status(501)]).build().is_ok());
        let all = Failure::ALL.map(Condition::Failure);
        let everything = [&[class, fives][..], &all].concat();
        assert_eq!(error(p().never(&everything)), PolicyError::NothingLeft);
        assert_eq!(error(p().base(Duration::ZERO)), PolicyError::Zero(Key::Base));
        assert_eq!(error(p().cap(Duration::ZERO)), PolicyError::Zero(Key::Cap));
        assert_eq!(error(p().base(s(61))), PolicyError::BaseAboveCap { base: s(61), cap: s(60) });
        assert_eq!(error(p().cap(s(86_401))), PolicyError::AboveDay(Key::Cap));
        assert_eq!(error(p().cap(Duration::new(86_400, 1))), PolicyError::AboveDay(Key::Cap));
        assert!(p().base(s(86_400)).cap(s(86_400)).build().is_ok());
        for factor in [0.999, 0.0, -1.0, 101.0, f64::NAN, f64::INFINITY] {
            assert_eq!(error(p().factor(factor)), PolicyError::Factor, "{factor}");
        }
        for jitter in [-0.1, 1.1, f64::NAN] {
            assert_eq!(error(p().jitter(Jitter::Fraction(jitter))), PolicyError::Jitter, "{jitter}");
        }
        assert_eq!(error(p().deadline(Duration::ZERO)), PolicyError::Zero(Key::Deadline));
        assert_eq!(error(p().timeout(Duration::ZERO)), PolicyError::Zero(Key::Timeout));
        let within = PolicyError::DeadlineWithinBase { deadline: s(1), base: s(1) };
        assert_eq!(error(p().deadline(s(1))), within);
        let beyond = PolicyError::TimeoutBeyondDeadline { timeout: s(9), deadline: s(9) };
        assert_eq!(error(p().deadline(s(9)).timeout(s(9))), beyond);
        let beyond = PolicyError::HintBeyondDeadline { limit: s(10), deadline: s(9) };
        assert_eq!(error(p().deadline(s(9)).max_retry_after(s(10))), beyond);
        assert!(p().deadline(s(9)).max_retry_after(s(9)).build().is_ok());
        assert!(
            p().deadline(s(9)).timeout(s(8)).build().is_ok(),
            "the default of `max_retry_after` is no wish"
        );
        assert_eq!(error(p().idempotency_key(true).idempotent(false)), PolicyError::KeyNotIdempotent);
        assert_eq!(error(p().idempotency_header("x-key").idempotent(false)), PolicyError::KeyNotIdempotent);
        let malformed = PolicyError::HeaderName(Key::IdempotencyKey);
        for name in ["", "X Key", "X-Key:", "x-k\u{e9}y", "x-key\r\nhost: a"] {
            assert_eq!(error(p().idempotency_header(name)), malformed, "{name}");
        }
        for (name, taken) in
            [("content-length", "Content-Length"), ("HOST", "Host"), ("if-match", "If-Match")]
        {
            assert_eq!(error(p().idempotency_header(name)), PolicyError::TakenHeader(taken));
        }
        for (name, word) in [("true", "true"), ("Off", "off"), ("0", "0")] {
            assert_eq!(error(p().idempotency_header(name)), PolicyError::FlagHeader(word));
        }
        for name in ["order-7", "7", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"] {
            assert_eq!(error(p().idempotency_header(name)), PolicyError::KeyAsHeader);
        }
    }

    #[test]
    fn options_are_fitted_to_a_policy_that_bounds_them() {
        let s = Duration::from_secs;
        let bounded = Policy::builder().base(s(1)).cap(s(5)).deadline(s(3)).build().unwrap();
        let fitted = bounded.to_builder().base(s(9)).max(7).timeout(s(4)).__fitted();
        assert_eq!((fitted.backoff().base(), fitted.backoff().cap(), fitted.max()), (s(5), s(5), 7));
        assert_eq!((fitted.deadline(), fitted.timeout()), (Some(s(3)), Some(s(4))));
    }

    #[test]
    #[should_panic(expected = "`factor` is a number from 1 to 100")]
    fn an_option_that_breaks_its_own_rule_fits_no_policy() {
        _ = Policy::builder().factor(0.5).__fitted();
    }

    #[test]
    fn the_lists_of_the_macro_are_those_of_the_builder() {
        let policy = |builder: PolicyBuilder<'_>| builder.__trusted();
        let builder = Policy::builder;
        let (on, never) = ([429, 503, 99], [401]);
        let (on_items, never_items) = (on.map(Condition::Status), never.map(Condition::Status));
        let expected = policy(builder().on(&on_items).never(&never_items));
        assert_eq!(policy(builder().__on_statuses(on).__never_statuses(never)), expected);
        assert_eq!(policy(builder().__on(on_items).__never(never_items)), expected);
        let items = [
            Condition::Default,
            Condition::Failure(Failure::Timeout),
            Condition::Range(500, 599),
            Condition::IfHinted(403, 403),
        ];
        assert_eq!(policy(builder().__on(items)), policy(builder().on(&items)));
        assert_eq!(policy(builder().__on([]).__never([])), policy(builder().on(&[]).never(&[])));
    }

    #[test]
    fn the_last_word_on_the_key_counts() {
        const NAMED: Policy = Policy::builder().idempotency_header("PayPal-Request-Id").__trusted();
        assert!(NAMED.idempotency_key());
        assert_eq!(NAMED.idempotency_header(), Some("PayPal-Request-Id"));
        let header = |builder: PolicyBuilder<'_>| builder.build().unwrap().idempotency_header();
        assert_eq!(header(NAMED.to_builder().idempotency_key(true)), Some("Idempotency-Key"));
        assert_eq!(header(NAMED.to_builder().idempotency_key(false)), None);
        assert_eq!(header(Policy::builder()), None);
    }

    #[test]
    fn the_names_of_headers_are_checked() {
        const ONE: Policy = match Policy::builder().hint(&["X-My-Reset", "x-my-reset-ms"]).build() {
            Ok(policy) => policy,
            Err(_) => panic!(),
        };
        static MANY: [&str; 17] =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
        let p = Policy::builder;
        assert_eq!(ONE.hint(), ["X-My-Reset", "x-my-reset-ms"]);
        assert_eq!(ONE.to_builder().max(1).build().unwrap().hint(), ONE.hint());
        assert_eq!(ONE.to_builder().hint(&["other"]).build().unwrap().hint(), ["other"]);
        assert_eq!(Policy::DEFAULT.hint(), [""; 0]);
        assert_eq!(error(p().hint(&[])), PolicyError::HintEmpty);
        assert!(p().hint(&MANY[..16]).build().is_ok());
        assert_eq!(error(p().hint(&MANY)), PolicyError::HintTooLong);
        assert_eq!(error(p().hint(&["a", "b", "A"])), PolicyError::HintRepeated("A"));
        for name in ["", " ", "x reset", "x-reset:", "x-réset", "\"x\"", "x\0", "x,y"] {
            assert_eq!(error(p().hint(Box::leak(Box::new([name])))), PolicyError::HeaderName(Key::Hint));
        }
        let message = PolicyError::HeaderName(Key::Hint).message();
        assert!(message.contains("write `hint = [\"x-my-reset\"]`"));
    }

    #[test]
    fn a_half_that_on_leaves_out_keeps_its_default() {
        use crate::condition::{
            Answer::Plain,
            Safety::{Careful, Safe},
        };

        let policy = Policy::builder().on(&[S429]).build().unwrap();
        assert_eq!(policy.on(Safe, Plain).failures, FailureSet::ALL);
        assert_eq!(policy.on(Careful, Plain).failures, FailureSet::EMPTY.with(Failure::Connect));
        assert_eq!(policy.on(Careful, Plain).statuses, StatusSet::EMPTY.with(429));
        let policy = Policy::builder().on(&[Condition::Failure(Failure::Body)]).build().unwrap();
        assert_eq!(policy.on(Safe, Plain).statuses, Conditions::SAFE.statuses);
        assert_eq!(policy.on(Careful, Plain).failures, FailureSet::EMPTY.with(Failure::Body));
    }

    #[test]
    fn the_default_may_be_listed_and_added_to() {
        use crate::condition::{
            Answer::{Hinted, Plain},
            Safety::{Careful, Safe},
        };

        let on = [Condition::Default, Condition::Status(529), Condition::Status(403).if_hinted()];
        let policy = Policy::builder().on(&on).build().unwrap();
        for (safety, default) in [(Safe, Conditions::SAFE), (Careful, Conditions::CAREFUL)] {
            let plain = policy.on(safety, Plain);
            assert_eq!(plain.statuses, default.statuses.with(529));
            assert_eq!(plain.failures, default.failures);
        }
        assert!(policy.on(Safe, Hinted).statuses.contains(403));
        let hinted = policy.on(Careful, Hinted);
        assert_eq!(hinted.statuses, Conditions::CAREFUL_HINTED.statuses.with(529).with(403));
        // Without the default, the condition of a hint is a status of the half that it is in.
        let policy = Policy::builder().on(&[Condition::Status(403).if_hinted()]).build().unwrap();
        assert_eq!(policy.on(Safe, Plain).statuses, StatusSet::EMPTY);
        assert_eq!(policy.on(Safe, Hinted).statuses, StatusSet::EMPTY.with(403));
        assert_eq!(policy.on(Safe, Plain).failures, FailureSet::ALL);
        let twice = [Condition::Default, Condition::Default];
        assert_eq!(error(Policy::builder().on(&twice)), PolicyError::Repeated(Condition::Default));
        let hinted = S429.if_hinted();
        assert_eq!(
            error(Policy::builder().on(&[S429, hinted])),
            PolicyError::Covered { item: hinted, by: S429 }
        );
        for item in [Condition::Default, hinted] {
            assert_eq!(error(Policy::builder().never(&[item])), PolicyError::OnlyOn(item));
        }
        let never = [S429];
        assert_eq!(error(Policy::builder().on(&[hinted]).never(&never)), PolicyError::OnIsNever(hinted));
    }
}
