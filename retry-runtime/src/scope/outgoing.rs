//! Imposes time limits and idempotency keys on the requests of a call.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::engine::exchange::IDEMPOTENCY_KEY;
use crate::engine::recorder::hash;
use crate::engine::retry::Stop;
use crate::env::{self, Clock, Moment, Skipped};
use retry_policy::Policy;

/// The time limits and keys of a call's requests. Those of outer calls hold as well.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// The time limit of each send.
    timeout: CompactDuration,
    /// The end of the call.
    until: Option<Moment>,
    /// The waits that tests have skipped.
    pub(crate) skipped: Skipped,
    /// The keys, if requests get any.
    pub(crate) keys: Option<Box<Keys>>,
    /// What requests end with that are not to be sent. The time limit of each send is then zero.
    withheld: Option<Withheld>,
}

/// What the requests of an attempt end with that an upstream withholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// They fail as at a time limit.
    TimedOut,
    /// They are answered with the server's last refusal.
    Refused(Refusal),
}

impl Withheld {
    /// Returns why the call ends.
    pub(crate) const fn stop(self) -> Stop {
        match self {
            Self::TimedOut => Stop::HeldTooLong,
            Self::Refused(_) => Stop::AnsweredLocally,
        }
    }
}

/// The server's last refusal, to be returned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The rest of the wait that it asked for.
    pub(crate) retry_after: Duration,
}

/// An optional duration in nanoseconds. It is small, as all of a call is moved when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CompactDuration(u64);

impl Default for CompactDuration {
    fn default() -> Self {
        Self::NONE
    }
}

impl CompactDuration {
    const NONE: Self = Self(u64::MAX);

    fn new(bound: Option<Duration>) -> Self {
        bound.map_or(Self::NONE, |bound| Self(u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn get(self) -> Option<Duration> {
        (self != Self::NONE).then(|| Duration::from_nanos(self.0))
    }
}

impl Outgoing {
    /// Makes the limits of a call that begins now, by its policy.
    #[inline]
    pub(crate) fn new(policy: &Policy, clock: Clock) -> Self {
        Self {
            timeout: CompactDuration::new(policy.timeout()),
            until: policy.deadline().and_then(|deadline| clock.now().after(deadline)),
            skipped: Skipped::default(),
            keys: None,
            withheld: None,
        }
    }

    /// Withholds the requests of the next attempt, which is the last.
    #[cold]
    pub(crate) fn withhold(&mut self, withheld: Withheld) {
        (self.withheld, self.timeout) = (Some(withheld), CompactDuration(0));
    }

    /// Returns what requests end with, if they are not to be sent.
    #[inline]
    pub(crate) fn withheld(&self) -> Option<Withheld> {
        self.withheld
    }

    /// Adds the limits of the outer call.
    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.timeout = self.timeout.min(outer.timeout);
        self.withheld = outer.withheld;
        let is_sooner = match (outer.left(), self.left()) {
            (Some(outer), Some(own)) => outer < own,
            (outer, None) => outer.is_some(),
            (None, Some(_)) => false,
        };
        if is_sooner {
            let skipped = outer.skipped.of_call();
            self.until = outer.until.map(|until| until.before(skipped).unwrap_or(until));
        }
    }

    /// Gives the requests of a call keys of its own, unless an outer call gives them keys.
    #[cold]
    pub(crate) fn add_keys(&mut self, call: u64) {
        self.keys.get_or_insert_with(|| Box::new(Keys::new(call)));
    }

    /// Returns whether requests get a time limit or a key.
    #[inline]
    pub(crate) fn is_imposing(&self) -> bool {
        self.until.is_some() || self.timeout != CompactDuration::NONE || self.keys.is_some()
    }

    /// Returns the time left for the call, if it is bounded.
    #[inline]
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.left().saturating_sub(self.skipped.of_call()))
    }

    /// Returns the time limit of a request that is about to be sent: the shorter of `timeout` and
    /// the time left.
    pub(crate) fn bound(&self) -> Option<Duration> {
        match (self.timeout.get(), self.left()) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        }
    }
}

/// The idempotency keys of a call.
///
/// They belong to the outermost call that has `idempotency_key`, the owner. A key is made of a
/// secret of the owner, the method and path of the request, and a number: the first such request of
/// an attempt gets the first number, and so on. So a request has its key in every attempt, even if
/// an attempt leaves another request out, and no other request has that key. A call inside of the
/// owner's attempt takes numbers from the owner, and reuses them when it retries.
#[derive(Debug)]
pub(crate) struct Keys {
    secret: u128,
    /// The number of the owner.
    pub(crate) owner: u64,
    /// The number of the outer attempt, if an outer call is the owner.
    pub(crate) outer: Option<u64>,
    /// The assigned numbers, each behind its request.
    assigned: Vec<(u64, u64)>,
    /// The requests of the current attempt.
    used: Vec<u64>,
}

impl Keys {
    /// Makes the keys of the call with the number `owner`.
    pub(crate) fn new(owner: u64) -> Self {
        let secret = env::random_bits();
        Self { secret, owner, outer: None, assigned: Vec::new(), used: Vec::new() }
    }

    /// Makes the keys of a call inside of the attempt with the number `outer`.
    pub(crate) fn for_inner_call(&self, outer: u64) -> Self {
        let (secret, owner) = (self.secret, self.owner);
        Self { secret, owner, outer: Some(outer), assigned: Vec::new(), used: Vec::new() }
    }

    /// Begins the next attempt.
    pub(crate) fn restart(&mut self) {
        self.used.clear();
    }

    /// Counts one more `request` of the attempt. Returns its number, if an earlier attempt of the
    /// call has assigned it one.
    pub(crate) fn reuse(&mut self, request: u64) -> Option<u64> {
        let earlier = self.used.iter().filter(|used| **used == request).count();
        self.used.push(request);
        self.assigned
            .iter()
            .filter(|(assigned, _)| *assigned == request)
            .map(|(_, number)| *number)
            .nth(earlier)
    }

    /// Returns the first number of `request` that the owner has not assigned.
    pub(crate) fn free_number(&self, request: u64) -> u64 {
        self.assigned.iter().filter(|(assigned, _)| *assigned == request).count() as u64
    }

    /// Assigns this number to `request`, in this attempt and all later ones.
    pub(crate) fn assign(&mut self, request: u64, number: u64) {
        self.assigned.push((request, number));
    }

    /// Writes the key with this number into `headers`.
    ///
    /// The key is a bare UUID, as Stripe and Adyen document it, and not the quoted string of the
    /// draft.
    pub(crate) fn write(&self, request: u64, number: u64, headers: &mut HeaderMap) {
        let half = |side: u8| u128::from(hash(&(self.secret, request, number, side)));
        let bits = (half(0) << 64) | half(1);
        let key = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let key = HeaderValue::from_str(Uuid::hyphenated(key).encode_lower(&mut text));
        headers.extend(key.ok().map(|key| (IDEMPOTENCY_KEY, key)));
    }
}
