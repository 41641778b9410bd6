//! Holds back the calls to an upstream that asked for a wait, and lets them come back gradually.
//!
//! After a hint nothing is sent until it is over. If all calls went at once then, all but the few
//! that fit would be refused again. So calls come back one after the other: each takes a place in a
//! queue, and places become due at a pace that is learned. Until the server refuses again, its
//! capacity is unknown, and each success quickens the pace. Between two refusals, a server with a
//! limit has let through as much as it ever does, waits and bursts included. That measured rate is
//! the pace from then on, and it is probed upward, slowly at first. The pace is forgotten when no
//! call had to queue for a while.

use std::time::Duration;

/// The longest wait: no hint holds an upstream back for longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The first pace after a hint, in calls a second.
const FIRST: f64 = 1.0;
/// The calls a second that each success adds to the first pace, until the server refuses again. The
/// pace grows by a factor of e in a quarter of a second.
const PER_SUCCESS: f64 = 4.0;
/// The calls a second that each refusal during the hint adds. The number of requests that were
/// under way tells how many calls are to come back.
const PER_REFUSAL: f64 = 0.01;
/// The pace if nothing comes through at all. Then there is no limit to be learned, but the server
/// is down: a call every five seconds finds out when it is back, and the first pace follows.
const DOWN: f64 = 0.2;
/// The slowest pace: a call a minute.
const SLOWEST: f64 = 1.0 / 60.0;
/// The fastest pace, which holds back nothing.
const FASTEST: f64 = 1e9;
/// Without a refusal the pace grows like exp(t²/2T²), with t since the hint was over, and T this
/// many seconds, and as many more as [`GROWTH_CALLS`] take: a slow client, one of a large fleet,
/// must get some responses before it asks for more.
const GROWTH: f64 = 10.0;
/// See [`GROWTH`].
const GROWTH_CALLS: f64 = 20.0;
/// The time without a queue after which the pace is forgotten.
const QUIET: Duration = Duration::from_secs(10);

/// A call's ticket for the queue of an upstream: see [`Upstream::admit`](crate::Upstream::admit). A
/// new one has no place in the queue yet.
#[derive(Debug, Default)]
pub struct Ticket {
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    /// The time at which the call has waited for long enough.
    gives_up_at: Duration,
}

#[derive(Debug)]
pub(crate) struct Cooldown {
    blocked_until: Duration,
    pace: Option<Pace>,
    /// The first place that is not taken. It never starts over, so a place that outlives the pace
    /// is in the past.
    next_place: u64,
}

/// The pace at which calls come back.
#[derive(Debug)]
struct Pace {
    /// The first place that is not due yet, and the time at which it will be. The places after it
    /// follow at `interval`.
    next_due: u64,
    due_at: Duration,
    /// The time at which to forget the pace, if no call has to queue until then.
    idle_at: Duration,
    /// The base rate in calls a second, and the time from which it grows.
    base_rate: f64,
    grows_from: Duration,
    /// `true` if a refusal has measured the base rate.
    is_measured: bool,
    /// `true` if nothing came through between the last two refusals.
    is_down: bool,
    /// The successes since the last refusal, and the time of that.
    successes: u32,
    refused_at: Duration,
}

impl Cooldown {
    /// A new cooldown holds back nothing.
    pub(crate) const IDLE: Self = Self { blocked_until: Duration::ZERO, pace: None, next_place: 0 };

    pub(crate) const fn is_idle(&self) -> bool {
        self.pace.is_none()
    }

    /// Returns the time during which nothing is to be sent.
    pub(crate) fn remaining(&self, now: Duration) -> Option<Duration> {
        self.blocked_until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Returns the wait until the call with this ticket asks again, or `None` if it may go: because
    /// its place is due, or because it has waited `at_most` since it first asked. A call that may
    /// not wait as long as the server asked for goes at once.
    pub(crate) fn admit(
        &mut self,
        ticket: &mut Ticket,
        now: Duration,
        at_most: Duration,
    ) -> Option<Duration> {
        self.forget_if_idle(now);
        let blocked = self.remaining(now).unwrap_or_default();
        let pace = self.pace.as_mut()?;
        pace.advance(now, self.next_place);
        let Place { number, gives_up_at } = ticket
            .place
            .take()
            .unwrap_or_else(|| Place { number: self.next_place, gives_up_at: now.saturating_add(at_most) });
        let patience = gives_up_at.saturating_sub(now);
        if blocked > patience {
            return None;
        }
        self.next_place = self.next_place.max(number.saturating_add(1));
        let due_at = pace.due_at(number, now);
        pace.advance(now, self.next_place);
        let wait = pace.poll_delay(number, due_at.saturating_sub(now)).min(patience);
        if wait.is_zero() {
            return None;
        }
        ticket.place = Some(Place { number, gives_up_at });
        pace.idle_at = pace.idle_at.max(now.saturating_add(wait).saturating_add(QUIET));
        Some(wait)
    }

    /// Returns `true` if nothing came through between the last two refusals.
    pub(crate) fn is_down(&self) -> bool {
        self.pace.as_ref().is_some_and(|pace| pace.is_down)
    }

    /// Records that a call got through.
    pub(crate) fn on_success(&mut self, now: Duration) {
        self.forget_if_idle(now);
        if let Some(pace) = &mut self.pace {
            pace.advance(now, self.next_place);
            pace.successes = pace.successes.saturating_add(1);
            pace.is_down = false;
            if !pace.is_measured {
                pace.base_rate += PER_SUCCESS;
            }
        }
    }

    /// Records that the server refused a call and asked to wait until `until`.
    ///
    /// A refusal during the cooldown answers a request from before, and does not measure the pace.
    /// `random` places this client within the first interval, so that the clients of a fleet do not
    /// come back in lockstep.
    pub(crate) fn on_refusal(&mut self, now: Duration, until: Duration, random: f64) {
        let is_blocked = self.remaining(now).is_some();
        if let Some(pace) = &mut self.pace {
            if !is_blocked {
                pace.advance(now, self.next_place);
                pace.measure(now);
            } else if !pace.is_measured {
                pace.quicken(PER_REFUSAL, self.blocked_until);
            }
        }
        self.extend(now, until, random);
    }

    /// Lets nothing be sent before `until`. Never shortens the cooldown.
    pub(crate) fn extend(&mut self, now: Duration, until: Duration, random: f64) {
        let until = until.min(now.saturating_add(LONGEST));
        if until <= now || until <= self.blocked_until {
            return;
        }
        self.blocked_until = until;
        let next_place = self.next_place;
        let pace = self.pace.get_or_insert_with(|| Pace::first(now, next_place));
        pace.advance(now, next_place);
        pace.grows_from = until;
        pace.due_at = pace.due_at.max(until.saturating_add(seconds(random / pace.base_rate)));
        pace.idle_at = pace.idle_at.max(pace.due_at.saturating_add(QUIET));
    }

    fn forget_if_idle(&mut self, now: Duration) {
        if self.pace.as_ref().is_some_and(|pace| pace.idle_at <= now) {
            self.pace = None;
        }
    }
}

impl Pace {
    const fn first(now: Duration, next_place: u64) -> Self {
        Self {
            next_due: next_place,
            due_at: now,
            idle_at: now,
            base_rate: FIRST,
            grows_from: now,
            is_measured: false,
            is_down: false,
            successes: 0,
            refused_at: now,
        }
    }

    /// Returns the calls a second.
    fn rate(&self, now: Duration) -> f64 {
        let growth = GROWTH + GROWTH_CALLS / self.base_rate;
        let t = now.saturating_sub(self.grows_from).as_secs_f64() / growth;
        (self.base_rate * (t * t / 2.0).exp()).min(FASTEST)
    }

    fn interval(&self, now: Duration) -> Duration {
        seconds(1.0 / self.rate(now))
    }

    /// Raises a rate that is not measured yet. Places that are not due before `blocked_until`
    /// become due earlier in proportion.
    fn quicken(&mut self, more: f64, blocked_until: Duration) {
        let before = self.base_rate;
        self.base_rate += more;
        let late = self.due_at.saturating_sub(blocked_until).mul_f64(before / self.base_rate);
        self.due_at = self.due_at.min(blocked_until.saturating_add(late));
    }

    /// Measures the rate by the successes since the last refusal. A few calls tell little, so the
    /// rate falls by half at most.
    fn measure(&mut self, now: Duration) {
        let rate = self.rate(now);
        let delivered = f64::from(self.successes) / now.saturating_sub(self.refused_at).as_secs_f64();
        self.is_down = self.successes == 0;
        self.is_measured = !self.is_down;
        let slowest = if self.is_down { DOWN } else { SLOWEST };
        self.base_rate = delivered.max(rate / 2.0).min(rate).max(slowest);
        self.successes = 0;
        self.refused_at = now;
    }

    /// Advances over the places that are due. A place that is not taken becomes due now at the
    /// earliest, so time in which no call came is not made up for.
    fn advance(&mut self, now: Duration, next_place: u64) {
        let Some(late) = now.checked_sub(self.due_at) else { return };
        let taken = next_place.saturating_sub(self.next_due);
        let interval = self.interval(now);
        let due =
            u64::try_from(late.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u64::MAX).saturating_add(1);
        let passed = due.min(taken);
        self.next_due = self.next_due.saturating_add(passed);
        self.due_at = self.due_at.saturating_add(times(interval, passed));
        if self.next_due == next_place {
            self.due_at = self.due_at.max(now);
        }
    }

    /// Returns the time after which a call that waits for its place asks again.
    ///
    /// The pace may quicken while it waits, so it asks again half-way. If that is long, it asks
    /// earlier: in the time that the wait takes at eight times the pace, or at a thousand calls a
    /// second if the pace is not measured yet.
    fn poll_delay(&self, place: u64, wait: Duration) -> Duration {
        const NOT_WORTH_IT: Duration = Duration::from_millis(100);
        const SOON: Duration = Duration::from_millis(250);
        if wait <= NOT_WORTH_IT {
            return wait;
        }
        let at_best = if self.is_measured {
            wait / 8
        } else {
            times(Duration::from_millis(1), place.saturating_sub(self.next_due))
        };
        at_best.max(SOON).min(wait / 2)
    }

    /// Returns the time at which a place is due, zero if it was due already.
    fn due_at(&self, place: u64, now: Duration) -> Duration {
        match place.checked_sub(self.next_due) {
            Some(before) => self.due_at.saturating_add(times(self.interval(now), before)),
            None => Duration::ZERO,
        }
    }
}

/// Returns `n` intervals. Saturates.
fn times(interval: Duration, n: u64) -> Duration {
    let nanos = interval.as_nanos().saturating_mul(u128::from(n));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Converts seconds. Saturates, and takes NaN for zero.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(all(test, not(retry_loom)))]
mod tests;
