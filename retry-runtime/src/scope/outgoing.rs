//! Imposes time limits and idempotency keys on the requests of a call.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use retry_policy::Policy;
use uuid::Uuid;

use crate::engine::exchange::IDEMPOTENCY_KEY;
use crate::engine::recorder::hash;
use crate::env::{self, Moment, Skipped};

/// The bounds and keys of a call's requests. The bounds and keys of outer calls hold as well.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// The bound on each send.
    timeout: Bound,
    /// The end of the call.
    until: Option<Moment>,
    /// The waits that tests have skipped.
    pub(crate) skipped: Skipped,
    /// The keys, if requests are to have any.
    pub(crate) keys: Option<Box<Keys>>,
}

/// A duration in nanoseconds, in little space: all of a call is moved when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound(u64);

impl Default for Bound {
    fn default() -> Self {
        Self::NONE
    }
}

impl Bound {
    const NONE: Self = Self(u64::MAX);

    fn new(bound: Option<Duration>) -> Self {
        bound.map_or(Self::NONE, |bound| Self(u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn get(self) -> Option<Duration> {
        (self != Self::NONE).then(|| Duration::from_nanos(self.0))
    }
}

impl Outgoing {
    /// Imposes what `policy` says on a call that begins at `moment()`.
    #[inline]
    pub(crate) fn new(policy: &Policy, moment: fn() -> Moment) -> Self {
        Self {
            timeout: Bound::new(policy.timeout()),
            until: policy.deadline().and_then(|deadline| moment().after(deadline)),
            skipped: Skipped::default(),
            keys: None,
        }
    }

    /// Imposes as well what the call around does.
    pub(crate) fn inherit(&mut self, around: &Self) {
        self.timeout = self.timeout.min(around.timeout);
        let is_sooner = match (around.left(), self.left()) {
            (Some(around), Some(own)) => around < own,
            (around, None) => around.is_some(),
            (None, Some(_)) => false,
        };
        if is_sooner {
            let skipped = around.skipped.of_call();
            self.until = around.until.map(|until| until.before(skipped).unwrap_or(until));
        }
    }

    /// Gives the requests of a call keys: its own, where no call around has any.
    #[cold]
    pub(crate) fn have_keys(&mut self, call: u64) {
        self.keys.get_or_insert_with(|| Box::new(Keys::new(call)));
    }

    /// Whether anything is imposed on a request.
    #[inline]
    pub(crate) fn is_imposing(&self) -> bool {
        self.until.is_some() || self.timeout != Bound::NONE || self.keys.is_some()
    }

    /// Returns what is left of the call, where that is bounded.
    #[inline]
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.left().saturating_sub(self.skipped.of_call()))
    }

    /// Returns the bound on a request that is about to be sent: `timeout`, or what is left of the call.
    pub(crate) fn bound(&self) -> Option<Duration> {
        match (self.timeout.get(), self.left()) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        }
    }
}

/// The idempotency keys of a call.
///
/// They belong to the outermost call that has `idempotency_key`, the owner. A key is made of a secret of the owner, the
/// method and path of the request, and a number: the first such request of an attempt has the first, and so on. So a
/// request has its key on every attempt, also where an attempt leaves another request out, and no other request has it.
/// A call inside of the owner's attempt takes numbers from the owner, and takes the same ones again when it retries.
#[derive(Debug)]
pub(crate) struct Keys {
    secret: u128,
    /// The number of the call that they belong to.
    pub(crate) owner: u64,
    /// The number of the attempt around, if the keys belong to a call around.
    pub(crate) around: Option<u64>,
    /// The numbers that were given out, each with its request.
    given: Vec<(u64, u64)>,
    /// The requests of the current attempt.
    used: Vec<u64>,
}

impl Keys {
    /// Makes the keys of the call with the number `owner`.
    pub(crate) fn new(owner: u64) -> Self {
        let secret = env::random_bits();
        Self { secret, owner, around: None, given: Vec::new(), used: Vec::new() }
    }

    /// Makes the keys of a call inside of the attempt with the number `around`.
    pub(crate) fn inside(&self, around: u64) -> Self {
        let (secret, owner) = (self.secret, self.owner);
        Self { secret, owner, around: Some(around), given: Vec::new(), used: Vec::new() }
    }

    /// The next attempt begins.
    pub(crate) fn restart(&mut self) {
        self.used.clear();
    }

    /// Returns the number of the next `request` of the attempt, where the call has given it one before.
    pub(crate) fn known(&mut self, request: u64) -> Option<u64> {
        let earlier = self.used.iter().filter(|used| **used == request).count();
        self.used.push(request);
        self.given.iter().filter(|(given, _)| *given == request).map(|(_, number)| *number).nth(earlier)
    }

    /// Returns a number for one more `request`, of the owner's.
    pub(crate) fn next(&self, request: u64) -> u64 {
        self.given.iter().filter(|(given, _)| *given == request).count() as u64
    }

    /// Gives `request` this number, now and whenever the call is retried.
    pub(crate) fn give(&mut self, request: u64, number: u64) {
        self.given.push((request, number));
    }

    /// Writes the key with this number into `headers`.
    ///
    /// A bare UUID, as Stripe and Adyen document it, and not the quoted string of the draft.
    pub(crate) fn write(&self, request: u64, number: u64, headers: &mut HeaderMap) {
        let half = |side: u8| u128::from(hash(&(self.secret, request, number, side)));
        let bits = (half(0) << 64) | half(1);
        let key = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let key = HeaderValue::from_str(Uuid::hyphenated(key).encode_lower(&mut text));
        headers.extend(key.ok().map(|key| (IDEMPOTENCY_KEY, key)));
    }
}
