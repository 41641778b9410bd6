//! The pace at which calls come back after a hint, which is learned.
//!
//! Until the server refuses again, its capacity is unknown, and each success quickens the pace.
//! Between two refusals, a server with a limit has let through as much as it ever does, waits and
//! bursts included. That measured rate is the pace from then on, and it is probed upward, slowly at
//! first.

use std::time::Duration;

use super::lane::times;

/// The longest first interval after a hint, in seconds. After a shorter hint it is as long as that:
/// who asks for 50 ms takes more than a call a second.
const FIRST: f64 = 1.0;
/// The calls a second that each success adds to the first pace, until the server refuses again. The
/// pace grows by a factor of e in a quarter of a second.
const PER_SUCCESS: f64 = 4.0;
/// The calls a second that each refusal during the hint adds. The number of requests that were
/// under way tells how many calls are to come back.
const PER_REFUSAL: f64 = 0.01;
/// The longest interval if nothing comes through at all, in seconds. Then there is no limit to be
/// learned, but the server is down: a call every five seconds finds out when it is back, and the
/// first pace follows. See [`shortened`] for hints of less than a second.
const DOWN: f64 = 5.0;
/// The longest interval that is measured, in seconds. Where a server refuses every other request,
/// whatever it gets, each measurement halves the rate, and must not make the server look dead. See
/// [`shortened`] for hints of less than a second.
pub(super) const SLOWEST: f64 = 10.0;
/// The fastest pace, which holds back nothing.
pub(super) const FASTEST: f64 = 1e9;
/// Without a refusal the pace grows like exp(t²/2T²), with t since the hint was over, and T this
/// many seconds, and as many more as [`GROWTH_CALLS`] take: a slow client, one of a large fleet,
/// must get some responses before it asks for more.
const GROWTH: f64 = 10.0;
/// See [`GROWTH`].
const GROWTH_CALLS: f64 = 20.0;

/// The pace at which calls come back.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time at which to forget it, if no call has to queue until then.
    pub(super) idle_at: Duration,
    /// The base rate in calls a second, and the time from which it grows.
    pub(super) base_rate: f64,
    pub(super) grows_from: Duration,
    /// `true` if a refusal has measured the base rate.
    pub(super) is_measured: bool,
    /// `true` if nothing came through between the last two refusals.
    pub(super) is_down: bool,
    /// The successes since the last refusal, and the time of that.
    pub(super) successes: u32,
    pub(super) refused_at: Duration,
}

impl Pace {
    /// Returns the first pace after a `hint` that came at `now`.
    pub(super) fn first(now: Duration, hint: Duration) -> Self {
        Self {
            idle_at: now,
            base_rate: rate_of(hint.as_secs_f64().min(FIRST)),
            grows_from: now,
            is_measured: false,
            is_down: false,
            successes: 0,
            refused_at: now,
        }
    }

    /// Returns the calls a second.
    pub(super) fn rate(&self, now: Duration) -> f64 {
        let growth = GROWTH + GROWTH_CALLS / self.base_rate;
        let t = now.saturating_sub(self.grows_from).as_secs_f64() / growth;
        (self.base_rate * (t * t / 2.0).exp()).min(FASTEST)
    }

    pub(super) fn interval(&self, now: Duration) -> Duration {
        seconds(1.0 / self.rate(now))
    }

    /// Counts a success. Returns the factor by which it shortens the intervals, which is 1 if the
    /// pace is measured.
    pub(super) fn on_success(&mut self) -> f64 {
        self.successes = self.successes.saturating_add(1);
        self.is_down = false;
        self.quicken(PER_SUCCESS)
    }

    /// Counts a refusal that answers a request from before the hint. Returns the factor by which it
    /// shortens the intervals, which is 1 if the pace is measured.
    pub(super) fn on_late_refusal(&mut self) -> f64 {
        self.quicken(PER_REFUSAL)
    }

    fn quicken(&mut self, more: f64) -> f64 {
        if self.is_measured {
            return 1.0;
        }
        let before = self.base_rate;
        self.base_rate += more;
        before / self.base_rate
    }

    /// Measures the rate by the successes since the last refusal, when one comes with a `hint`. A
    /// few calls tell little, so the rate falls by half at most.
    pub(super) fn measure(&mut self, now: Duration, hint: Duration) {
        let rate = self.rate(now);
        let delivered = f64::from(self.successes) / now.saturating_sub(self.refused_at).as_secs_f64();
        self.is_down = self.successes == 0;
        self.is_measured = !self.is_down;
        let slowest = rate_of(shortened(if self.is_down { DOWN } else { SLOWEST }, hint));
        self.base_rate = delivered.max(rate / 2.0).min(rate).max(slowest);
        self.successes = 0;
        self.refused_at = now;
    }

    /// Returns the time after which a call asks again whose turn is due after `wait`, with so many
    /// `turns` of others before.
    ///
    /// The pace may quicken while it waits, so it asks again half-way. If that is long, it asks
    /// earlier: in the time that the wait takes at eight times the pace, or at a thousand calls a
    /// second if the pace is not measured yet.
    pub(super) fn poll_delay(&self, turns: u64, wait: Duration) -> Duration {
        const NOT_WORTH_IT: Duration = Duration::from_millis(100);
        const SOON: Duration = Duration::from_millis(250);
        if wait <= NOT_WORTH_IT {
            return wait;
        }
        let at_best = if self.is_measured { wait / 8 } else { times(Duration::from_millis(1), turns) };
        at_best.max(SOON).min(wait / 2)
    }
}

/// Shortens an interval in seconds after a hint of less than a second: by the square of that, but
/// to no less than the hint. Who asks for 50 ms is not asked only once in seconds.
fn shortened(interval: f64, hint: Duration) -> f64 {
    let hint = hint.as_secs_f64();
    (interval * hint * hint).max(hint).min(interval)
}

/// Returns the calls a second of an interval in seconds.
fn rate_of(interval: f64) -> f64 {
    (1.0 / interval).min(FASTEST)
}

/// Converts seconds. Saturates, and takes NaN for zero.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_rate_grows_slowly_at_first_and_slower_for_slow_clients() {
        let rate = |base_rate, seconds| {
            let pace = Pace { base_rate, ..Pace::first(s(1.0), s(9.0)) };
            pace.rate(s(1.0 + seconds))
        };
        for (base_rate, seconds, expected) in [
            (10.0, 0.0, 10.0),
            (10.0, 12.0, 10.0 * 0.5f64.exp()),
            (10.0, 24.0, 10.0 * 2f64.exp()),
            (2.0, 20.0, 2.0 * 0.5f64.exp()),
            (1.0, 1e6, FASTEST),
        ] {
            let rate = rate(base_rate, seconds);
            assert!((rate / expected - 1.0).abs() < 1e-9, "{base_rate} {seconds}: {rate}");
        }
        assert_eq!(Pace { base_rate: 4.0, ..Pace::first(s(0.0), s(9.0)) }.interval(s(0.0)), s(0.25));
    }

    #[test]
    fn a_waiting_call_asks_again_earlier_than_its_turn_is_due() {
        let mut pace = Pace::first(s(1.0), s(9.0));
        for (turns, wait, expected) in
            [(0, 0.1, 0.1), (0, 0.2, 0.1), (0, 10.0, 0.25), (1000, 10.0, 1.0), (9000, 10.0, 5.0)]
        {
            assert_eq!(pace.poll_delay(turns, s(wait)), s(expected), "{turns} {wait}");
        }
        pace.is_measured = true;
        for (wait, expected) in [(0.1, 0.1), (0.4, 0.2), (1.0, 0.25), (10.0, 1.25)] {
            assert_eq!(pace.poll_delay(9000, s(wait)), s(expected), "{wait}");
        }
    }

    #[test]
    fn short_hints_make_short_intervals() {
        for (hint, first, down, slowest) in [
            (0.0, 0.0, 0.0, 0.0),
            (0.05, 0.05, 0.05, 0.05),
            (0.5, 0.5, 1.25, 2.5),
            (1.0, 1.0, 5.0, 10.0),
            (60.0, 1.0, 5.0, 10.0),
        ] {
            let mut pace = Pace { grows_from: Duration::MAX, ..Pace::first(s(0.0), s(hint)) };
            let check = |pace: &Pace, expected| {
                let interval = pace.interval(s(0.0));
                assert!(interval.abs_diff(s(expected)) < Duration::from_micros(1), "{hint}: {interval:?}");
            };
            check(&pace, first);
            // The rate falls by half at most.
            (0..9).for_each(|_| pace.measure(s(0.0), s(hint)));
            check(&pace, down);
            for refusal in 1..40 {
                pace.on_success();
                pace.measure(s(f64::from(refusal) * 1e6), s(hint));
            }
            assert!(!pace.is_down);
            check(&pace, slowest);
        }
    }

    #[test]
    fn successes_quicken_a_pace_that_is_not_measured() {
        let mut pace = Pace::first(s(0.0), s(9.0));
        assert!((pace.on_success() - 0.2).abs() < 1e-9);
        assert!((pace.base_rate - 5.0).abs() < 1e-9);
        pace.is_measured = true;
        assert_eq!(pace.on_success().to_bits(), 1f64.to_bits());
        assert!((pace.base_rate - 5.0).abs() < 1e-9 && pace.successes == 2);
    }

    #[test]
    fn conversion_saturates() {
        assert_eq!([seconds(1.5), seconds(-1.0), seconds(f64::NAN)], [s(1.5), s(0.0), s(0.0)]);
        assert_eq!(seconds(f64::INFINITY), Duration::MAX);
    }
}
