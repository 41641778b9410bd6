//! Holds back the calls to an upstream that asked for a wait, and lets them come back gradually.
//!
//! It is a circuit breaker, in that trade's words: *closed*, all calls pass; *open*, after a hint
//! and until that is over, none is sent; then *half-open*. If all calls went at once then, all but
//! the few that fit would be refused again, so they come back one after the other: each waits for
//! its turn, at a pace that is learned. The breaker closes when no call had to wait for a while.
//!
//! A hint is the server's word at the time it came, and a later word of the server's counts more.
//! What is sent after it came and succeeds shows that it no longer holds, so the breaker is
//! half-open; and a shorter hint that answers such a request takes its place. Requests that were
//! under way when it came show nothing.
//!
//! Calls that may not wait until the hint is over send such requests: one at a time, at the pace.
//! One that is not answered in five seconds does not keep the others from finding out.

use std::task::Waker;
use std::time::Duration;

use http::StatusCode;

use super::lane::{Lane, Turn};
use super::pace::{Pace, seconds};
use super::wakers::Wakers;

/// The time without a queue after which the pace is forgotten.
const QUIET: Duration = Duration::from_secs(10);

/// The time after which a call asks again while a probe is under way.
const PROBED: Duration = Duration::from_secs(1);

/// The time after which a probe that is not answered keeps no other from going: its request may
/// hang on one connection, or its answer may be a long download.
const UNANSWERED: Duration = Duration::from_secs(5);

/// A call's place among those that wait.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    kind: Kind,
    /// The time at which the call has waited for long enough.
    gives_up_at: Duration,
}

/// The reason for which a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The end of the hint, and then its turn.
    Patient,
    /// The turn of a call that may not wait until the hint is over.
    Probe,
}

/// The treatment of calls that may not wait until a hint is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Impatient {
    /// They are probes: one at a time, at the pace.
    Probe,
    /// They expire at once.
    Expire,
}

/// The answer to a call that asks whether it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Go,
    /// It goes to find out whether the hint still holds. No other one does until
    /// [`Cooldown::end_probe`], or for five seconds if that does not come.
    Probe,
    /// It asks again after this wait.
    Wait(Duration),
    /// It has waited for as long as it may.
    Expired,
}

#[derive(Debug)]
pub(super) struct Cooldown {
    /// The end of the hint, and the time at which that hint came, or at which the last call was
    /// admitted before the hint was known, if that was later.
    open_until: Duration,
    told_at: Duration,
    /// The time of the first turn after the hint.
    resumes_at: Duration,
    /// The status of the last refusal.
    refused: Option<StatusCode>,
    pub(super) pace: Option<Pace>,
    patient: Lane,
    probes: Lane,
    /// The time until which no other probe goes, as one is under way.
    probed_until: Duration,
}

impl Cooldown {
    /// A new cooldown holds back nothing.
    pub(super) const CLOSED: Self = Self {
        open_until: Duration::ZERO,
        told_at: Duration::ZERO,
        resumes_at: Duration::ZERO,
        refused: None,
        pace: None,
        patient: Lane::EMPTY,
        probes: Lane::EMPTY,
        probed_until: Duration::ZERO,
    };

    /// Makes one that holds back nothing, in whose queues the first call gets this number.
    pub(super) fn numbered_from(number: u64) -> Self {
        let (patient, probes) = (Lane::numbered_from(number), Lane::numbered_from(number));
        Self { patient, probes, ..Self::CLOSED }
    }

    /// Returns a number that no call has got here.
    pub(super) fn next_number(&self) -> u64 {
        self.patient.next_number().max(self.probes.next_number())
    }

    /// Returns `true` if all calls pass.
    pub(super) const fn is_closed(&self) -> bool {
        self.pace.is_none()
    }

    /// Returns the time during which nothing is to be sent.
    pub(super) fn remaining(&self, now: Duration) -> Option<Duration> {
        self.open_until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Returns the status of the last refusal.
    pub(super) const fn refused(&self) -> Option<StatusCode> {
        self.refused
    }

    /// Answers a call that may wait `at_most` since it first asked. A call that is to ask again
    /// holds a place, and any other answer takes that away.
    pub(super) fn admit(
        &mut self,
        held: &mut Option<Place>,
        now: Duration,
        at_most: Duration,
        impatient: Impatient,
        calls: &mut Wakers,
    ) -> Answer {
        self.close_if_quiet(now);
        let Some(pace) = &mut self.pace else {
            self.remove(held, calls);
            return Answer::Go;
        };
        let gives_up_at = held.as_ref().map_or_else(|| now.saturating_add(at_most), |held| held.gives_up_at);
        let is_patient = self.open_until <= now.max(gives_up_at);
        let kind = if is_patient { Kind::Patient } else { Kind::Probe };
        let old = held.take_if(|held| held.kind != kind);
        match old {
            Some(Place { number, kind: Kind::Patient, .. }) => self.patient.remove(number, calls),
            Some(Place { number, kind: Kind::Probe, .. }) => self.probes.remove(number, calls),
            None => {}
        }
        if kind == Kind::Probe && impatient == Impatient::Expire {
            return Answer::Expired;
        }
        let (lane, from) = match kind {
            Kind::Patient => (&mut self.patient, self.resumes_at),
            Kind::Probe => (&mut self.probes, Duration::ZERO),
        };
        let number = match held {
            Some(Place { number, .. }) if lane.contains(*number) => *number,
            // A scope that was forgotten meanwhile has a new queue.
            _ => lane.join(now),
        };
        let (patience, interval) = (gives_up_at.saturating_sub(now), pace.interval(now));
        let turn = if kind == Kind::Probe && now < self.probed_until {
            // The end of the present probe calls the next one, so there is no need to ask often.
            lane.rest(number);
            Turn::In { wait: interval.max(PROBED), turns: 0 }
        } else {
            lane.ask(number, now, from, interval, calls)
        };
        match turn {
            Turn::Now => {
                *held = None;
                if kind == Kind::Patient {
                    return Answer::Go;
                }
                self.probed_until = now.saturating_add(UNANSWERED);
                Answer::Probe
            }
            Turn::In { .. } if patience.is_zero() => {
                *held = None;
                lane.leave(number, calls);
                Answer::Expired
            }
            Turn::In { wait, turns } => {
                *held = Some(Place { number, kind, gives_up_at });
                pace.idle_at = pace.idle_at.max(now.saturating_add(QUIET));
                Answer::Wait(pace.poll_delay(turns, wait).min(patience))
            }
        }
    }

    /// Gives back the place of a call that leaves.
    pub(super) fn leave(&mut self, place: &Place, calls: &mut Wakers) {
        self.lane(place.kind).leave(place.number, calls);
    }

    /// Sets the waker of a call that sleeps. Returns `true` if it is to ask again instead.
    pub(super) fn set_waker(&mut self, place: &Place, waker: Waker, calls: &mut Wakers) -> bool {
        self.lane(place.kind).set_waker(place.number, waker, calls)
    }

    /// Records that the request of the probe that went at `went_at` is answered, or dropped.
    pub(super) fn end_probe(&mut self, went_at: Duration, calls: &mut Wakers) {
        // Another one may be under way, if this one took long.
        if self.probed_until == went_at.saturating_add(UNANSWERED) {
            self.probed_until = Duration::ZERO;
            self.probes.call_next(calls);
        }
    }

    /// Returns `true` if nothing came through between the last two refusals.
    pub(super) fn is_down(&self) -> bool {
        self.pace.as_ref().is_some_and(|pace| pace.is_down)
    }

    /// Records that a request that was sent at `sent_at` got through. Returns `true` if that ends a
    /// hint.
    pub(super) fn on_success(&mut self, sent_at: Duration, now: Duration, calls: &mut Wakers) -> bool {
        self.close_if_quiet(now);
        let is_open = self.remaining(now).is_some();
        let Some(pace) = &mut self.pace else { return false };
        let factor = pace.on_success();
        let ends = is_open && sent_at > self.told_at;
        if ends {
            (self.open_until, self.resumes_at) = (now, now);
            self.told_at = now;
            pace.grows_from = now;
            pace.idle_at = pace.idle_at.max(now.saturating_add(QUIET));
        }
        self.hasten(now, factor, calls);
        if ends {
            // Those that could not wait may, and the pace is the same for all.
            self.patient.call_next(calls);
            self.probes.call_all(calls);
        }
        ends
    }

    /// Records that the server refused a request that was sent at `sent_at`, and asked to wait
    /// until `until`. Returns `true` if the hint counts.
    ///
    /// A refusal of a request from before a hint does not measure the pace. `random` places this
    /// client within the first interval, so that the clients of a fleet do not come back in
    /// lockstep.
    pub(super) fn on_refusal(
        &mut self,
        refusal: Refusal,
        now: Duration,
        random: f64,
        calls: &mut Wakers,
    ) -> bool {
        let Refusal { status, sent_at, told_at, until } = refusal;
        let is_late = self.remaining(now).is_some() && sent_at <= self.told_at;
        if let Some(pace) = &mut self.pace {
            if is_late {
                let factor = pace.on_late_refusal();
                self.hasten(now, factor, calls);
            } else {
                pace.measure(now, until.saturating_sub(now));
            }
        }
        if until <= now || (until <= self.open_until && is_late) {
            return false;
        }
        self.refused = status;
        self.open(now, told_at, until, random, calls);
        true
    }

    /// Lets nothing be sent before `until`, by the latest word of the server.
    pub(super) fn open(
        &mut self,
        now: Duration,
        told_at: Duration,
        until: Duration,
        random: f64,
        calls: &mut Wakers,
    ) {
        let is_shorter = until < self.open_until;
        (self.open_until, self.told_at) = (until, told_at);
        let pace = self.pace.get_or_insert_with(|| Pace::first(now, until.saturating_sub(now)));
        let spread = seconds(random / pace.base_rate).min(until.saturating_sub(now));
        self.resumes_at = until.saturating_add(spread);
        pace.grows_from = until;
        pace.idle_at = self.resumes_at.max(self.patient.due_at).saturating_add(QUIET);
        self.probes.due_at = self.probes.due_at.max(now.saturating_add(pace.interval(now)));
        if is_shorter {
            self.patient.call_next(calls);
            // They may be able to wait now.
            self.probes.call_all(calls);
        }
    }

    /// Ends a hint by the word of another process.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet hears of it"))]
    pub(super) fn end_hint(&mut self, now: Duration, calls: &mut Wakers) {
        if self.remaining(now).is_some() {
            (self.open_until, self.resumes_at, self.told_at) = (now, now, now);
            if let Some(pace) = &mut self.pace {
                pace.grows_from = now;
                pace.idle_at = pace.idle_at.max(now.saturating_add(QUIET));
            }
            self.patient.call_next(calls);
            self.probes.call_all(calls);
        }
    }

    /// Makes the turns due earlier, as the intervals are shorter by `factor`.
    fn hasten(&mut self, now: Duration, factor: f64, calls: &mut Wakers) {
        if factor < 1.0 {
            let late = self.resumes_at.saturating_sub(self.open_until).mul_f64(factor);
            self.resumes_at = self.resumes_at.min(self.open_until.saturating_add(late));
            self.patient.hasten(now.max(self.resumes_at), factor, calls);
            self.probes.hasten(now, factor, calls);
        }
    }

    /// Calls all calls to ask again.
    pub(super) fn call_all(&mut self, calls: &mut Wakers) {
        self.patient.call_all(calls);
        self.probes.call_all(calls);
    }

    /// Closes the breaker if no call had to wait for a while. Returns `true` if it is closed.
    pub(super) fn close_if_quiet(&mut self, now: Duration) -> bool {
        let is_quiet = self.pace.as_ref().is_some_and(|pace| pace.idle_at <= now);
        if is_quiet && self.patient.is_empty() && self.probes.is_empty() {
            (self.pace, self.probed_until) = (None, Duration::ZERO);
        }
        self.is_closed()
    }

    #[cfg(all(test, retry_loom))]
    pub(super) fn is_waited_for(&self) -> bool {
        !self.patient.is_empty() || !self.probes.is_empty()
    }

    #[cfg(all(test, not(retry_loom)))]
    pub(super) fn has_patient_calls(&self) -> bool {
        !self.patient.is_empty()
    }

    fn remove(&mut self, place: &mut Option<Place>, calls: &mut Wakers) {
        if let Some(Place { number, kind, .. }) = place.take() {
            self.lane(kind).remove(number, calls);
        }
    }

    fn lane(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Patient => &mut self.patient,
            Kind::Probe => &mut self.probes,
        }
    }
}

/// A refusal of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    /// The status, if there was one.
    pub(super) status: Option<StatusCode>,
    /// The time at which the request was sent, or an earlier one.
    pub(super) sent_at: Duration,
    /// The time at which the refusal came, or the time of the last admission before it was known,
    /// if that is later.
    pub(super) told_at: Duration,
    /// The time until which the server asks to wait.
    pub(super) until: Duration,
}

#[cfg(all(test, not(retry_loom)))]
mod tests;
