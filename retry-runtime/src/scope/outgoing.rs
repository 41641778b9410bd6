//! Imposes time limits and idempotency keys on the requests of a call.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::engine::compact_duration::CompactDuration;
use crate::engine::recorder::{Recorder, hash};
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
    /// The result of requests that are not to be sent. The time limit of each send is then zero.
    withheld: Option<Box<Withheld>>,
}

/// The result of the requests of an attempt, if an upstream withholds them.
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
        (self.withheld, self.timeout) = (Some(Box::new(withheld)), CompactDuration::ZERO);
    }

    /// Returns what requests end with, if they are not to be sent.
    #[inline]
    pub(crate) fn withheld(&self) -> Option<Withheld> {
        self.withheld.as_deref().copied()
    }

    /// Adds the limits of the outer call.
    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.timeout = self.timeout.min(outer.timeout);
        self.withheld.clone_from(&outer.withheld);
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

    /// Gives the requests of a call keys in the header with this name. The keys are those of the
    /// outer call, if that has keys, and else the call's own.
    #[cold]
    pub(crate) fn add_keys(&mut self, call: u64, header: &'static str) {
        match &mut self.keys {
            Some(keys) => keys.header = header,
            None => self.keys = Some(Box::new(Keys::new(call, header))),
        }
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
#[derive(Debug, Default)]
pub(crate) struct Keys {
    secret: u128,
    /// The name of the header that the keys are sent in.
    header: &'static str,
    /// The number of the owner.
    pub(crate) owner: u64,
    /// The number of the outer attempt, if an outer call is the owner.
    pub(crate) outer: Option<u64>,
    /// The assigned numbers, each behind its request.
    assigned: Vec<(u64, u64)>,
    /// The requests of the current attempt.
    used: Vec<u64>,
    /// The ids of the keys that earlier attempts have sent.
    sent: Vec<u64>,
}

impl Keys {
    /// Makes the keys of the call with the number `owner`, which sends them in the header with this
    /// name.
    pub(crate) fn new(owner: u64, header: &'static str) -> Self {
        Self { secret: env::random_bits(), header, owner, ..Self::default() }
    }

    /// Makes the keys of a call inside of the attempt with the number `outer`.
    pub(crate) fn for_inner_call(&self, outer: u64) -> Self {
        let outer = Some(outer);
        Self { secret: self.secret, header: self.header, owner: self.owner, outer, ..Self::default() }
    }

    /// Returns the key that a request has already. An empty one is none.
    pub(crate) fn own<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        headers.get(self.header).filter(|key| !key.is_empty())
    }

    /// Remembers which keys the requests of an attempt had. What has not reached the server has
    /// sent none.
    pub(crate) fn remember(&mut self, attempt: &mut Recorder) {
        let sent = attempt.exchanges().iter().filter(|recorded| recorded.may_be_processed());
        for key in sent.filter_map(|recorded| recorded.key.as_ref()) {
            if !self.has_sent(key.id) {
                self.sent.push(key.id);
            }
        }
    }

    /// Returns `true` if an earlier attempt has sent the key with this id.
    pub(crate) fn has_sent(&self, id: u64) -> bool {
        self.sent.contains(&id)
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

    /// Writes the key with this number into `headers`. Returns `None` if it cannot.
    ///
    /// The key is a bare UUID, as Stripe and Adyen document it, and not the quoted string of the
    /// draft.
    pub(crate) fn write(&self, request: u64, number: u64, headers: &mut HeaderMap) -> Option<()> {
        let name = HeaderName::from_bytes(self.header.as_bytes()).ok()?;
        let half = |side: u8| u128::from(hash(&(self.secret, request, number, side)));
        let bits = (half(0) << 64) | half(1);
        headers.insert(name, HeaderValue::try_from(uuid(bits)).ok()?);
        Some(())
    }
}

/// Writes random bits as a UUID of version 4 (RFC 9562, section 5.4).
fn uuid(random: u128) -> String {
    const VERSION: u128 = 0b0100 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let bits = random & !(0b1111 << 76) & !(0b11 << 62) | VERSION | VARIANT;
    let (time_low, time_mid, time_high) = (bits >> 96, (bits >> 80) & 0xffff, (bits >> 64) & 0xffff);
    let (clock, node) = ((bits >> 48) & 0xffff, bits & 0xffff_ffff_ffff);
    let mut text = String::with_capacity(36);
    // A `String` takes all that is written.
    _ = write!(text, "{time_low:08x}-{time_mid:04x}-{time_high:04x}-{clock:04x}-{node:012x}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exchange::Hints;
    use crate::engine::recorder::{Key, Prepared};
    use crate::engine::report::{By, Report};
    use http::{Method, StatusCode};
    use retry_policy::{Failure, FailureSet};

    /// The first is the example of RFC 9562, appendix A.3.
    #[test]
    fn a_uuid_keeps_all_bits_but_six() {
        assert_eq!(uuid(0x9191_08f7_52d1_0320_dbac_f847_db41_48a8), "919108f7-52d1-4320-9bac-f847db4148a8");
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn the_rules_and_http_agree_on_names() {
        use retry_policy::rules::is_header_name;
        for byte in u8::MIN..=u8::MAX {
            let name = format!("x{}", char::from(byte));
            assert_eq!(is_header_name(&name), HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        }
        for length in [0, 1, 65_535, 65_536] {
            let name = "x".repeat(length);
            assert_eq!(is_header_name(&name), HeaderName::from_bytes(name.as_bytes()).is_ok(), "{length}");
        }
    }

    #[test]
    fn a_key_is_written_into_its_header_unless_the_request_has_one() {
        let keys = Keys::new(1, "PayPal-Request-Id");
        let mut headers = HeaderMap::new();
        assert_eq!(keys.own(&headers), None);
        keys.write(1, 0, &mut headers).unwrap();
        assert_eq!(headers.len(), 1);
        let written = &headers["paypal-request-id"];
        assert_eq!(keys.for_inner_call(2).own(&headers), Some(written));
    }

    #[test]
    fn what_may_have_reached_the_server_was_sent() {
        let connect = FailureSet::EMPTY.with(Failure::Connect);
        let reset = FailureSet::EMPTY.with(Failure::Reset);
        let headers = HeaderMap::new();
        let status = |status| Report::response(StatusCode::from_u16(status).unwrap(), &headers);
        for (what, report, expected) in [
            ("no end", None, true),
            ("429", Some(status(429)), true),
            ("503", Some(status(503)), true),
            ("reset", Some(Report::failure(None, reset)), true),
            ("not processed", Some(Report::failure(None, reset).unprocessed()), false),
            ("connect", Some(Report::failure(None, connect)), false),
            ("unknown", Some(Report::new(By::Error)), true),
        ] {
            let (mut recorder, mut keys) = (Recorder::default(), Keys::new(1, "x-key"));
            let mut prepared = Prepared::new(&Method::POST, &headers, "http://localhost/", None);
            prepared.record_key(Key { call: Some(1), request: 2, id: 3, is_repeat: false });
            let number = recorder.on_request(prepared);
            if let Some(report) = report {
                recorder.on_report(number, &report, Hints::default(), || std::time::UNIX_EPOCH);
            }
            keys.remember(&mut recorder);
            keys.remember(&mut recorder);
            assert_eq!((keys.has_sent(3), keys.has_sent(2)), (expected, false), "{what}");
            assert!(keys.sent.len() <= 1 && !keys.for_inner_call(4).has_sent(3));
        }
    }
}
