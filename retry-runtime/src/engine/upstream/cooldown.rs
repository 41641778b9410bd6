//! When an upstream that asked for a wait is let alone, and how calls come back to it.
//!
//! After a hint nothing is sent until it is over. To then let everybody go at once would only fetch the next refusal
//! for all but the few that fit, so calls come back one after the other: each takes a place in a queue, and places
//! come up at a pace that is learned. Until the server refuses again nothing is known of what it can take, so each
//! success quickens the pace. Between two refusals a server with a limit has let through as much as it ever does,
//! waits and bursts included: that measured rate is the pace from then on, and it is probed upward, slowly first.
//! When for a while nobody had to queue, there is nothing left to pace.

use std::time::Duration;

/// The longest wait: no hint closes an upstream for longer than this.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Calls a second that come back first, before a success was seen.
const FIRST: f64 = 1.0;
/// What each success adds to that, in calls a second, until the server refuses again: e-fold in a quarter second.
const PER_SUCCESS: f64 = 4.0;
/// What each refusal adds that comes while it is closed already: how many requests were under way says how much there is
/// to come back.
const PER_REFUSAL: f64 = 0.01;
/// Where nothing comes through at all there is no limit to be learned, only a server that is down: then one call in five
/// seconds finds out when it is back, and from there it is as at first.
const DOWN: f64 = 0.2;
/// Never slower than one call a minute.
const SLOWEST: f64 = 1.0 / 60.0;
/// A pace that is none.
const FASTEST: f64 = 1e9;
/// Without a refusal the pace grows like exp(t²/2T²), with t since it re-opened and T this many seconds, and as long
/// as this many calls take: a slow client, one of a large fleet, must see some answers before it asks for more.
const GROWTH: f64 = 10.0;
const GROWTH_CALLS: f64 = 20.0;
/// How long nobody may have had to queue before the pace is forgotten.
const QUIET: Duration = Duration::from_secs(10);

/// A place in the queue of an upstream that lets calls come back one after the other: see
/// [`Upstream::admit`](crate::Upstream::admit). A new one has no place yet.
#[derive(Debug, Default)]
pub struct Turn {
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    /// When the call has waited for long enough.
    gives_up: Duration,
}

#[derive(Debug)]
pub(crate) struct Cooldown {
    closed_until: Duration,
    pace: Option<Pace>,
    /// The first place that nobody has taken. Never starts over: a place that was kept through a calm is in the past.
    next: u64,
}

/// How calls come back.
#[derive(Debug)]
struct Pace {
    /// The first place that has not come up, and when it does; those after it follow at `interval`.
    served: u64,
    at: Duration,
    /// When to forget all this, if nobody has to queue until then.
    calm_at: Duration,
    /// Calls a second, as measured, and since when they have grown from there.
    measured: f64,
    since: Duration,
    /// Whether a refusal has put a measure to it.
    learned: bool,
    /// Whether nothing came through between the last two refusals.
    down: bool,
    /// Successes since the last refusal, and when that was.
    delivered: u32,
    refused_at: Duration,
}

impl Cooldown {
    pub(crate) const OPEN: Self = Self { closed_until: Duration::ZERO, pace: None, next: 0 };

    pub(crate) const fn is_open(&self) -> bool {
        self.pace.is_none()
    }

    /// How long nobody is to send.
    pub(crate) fn closed(&self, now: Duration) -> Option<Duration> {
        self.closed_until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// How long until it is this call's turn, or until it has waited `at_most` since it first asked. Where the server
    /// itself asked for a longer wait, it goes at once.
    pub(crate) fn admit(&mut self, turn: &mut Turn, now: Duration, at_most: Duration) -> Option<Duration> {
        self.forget(now);
        let closed = self.closed(now).unwrap_or_default();
        let pace = self.pace.as_mut()?;
        pace.advance(now, self.next);
        let Place { number, gives_up } = turn
            .place
            .take()
            .unwrap_or_else(|| Place { number: self.next, gives_up: now.saturating_add(at_most) });
        let patience = gives_up.saturating_sub(now);
        if closed > patience {
            return None;
        }
        self.next = self.next.max(number.saturating_add(1));
        let comes_up = pace.comes_up(number, now);
        pace.advance(now, self.next);
        let wait = pace.ask_again(number, comes_up.saturating_sub(now)).min(patience);
        if wait.is_zero() {
            return None;
        }
        turn.place = Some(Place { number, gives_up });
        pace.calm_at = pace.calm_at.max(now.saturating_add(wait).saturating_add(QUIET));
        Some(wait)
    }

    /// Whether nothing comes through at all, as far as refusals tell.
    pub(crate) fn is_down(&self) -> bool {
        self.pace.as_ref().is_some_and(|pace| pace.down)
    }

    /// A call got through.
    pub(crate) fn succeeded(&mut self, now: Duration) {
        self.forget(now);
        if let Some(pace) = &mut self.pace {
            pace.advance(now, self.next);
            pace.delivered = pace.delivered.saturating_add(1);
            pace.down = false;
            if !pace.learned {
                pace.measured += PER_SUCCESS;
            }
        }
    }

    /// The server refused and asked for a wait. Refusals while closed are answers to what was sent before, and tell
    /// nothing new of the pace. `random` is where in its first interval this client comes back: a fleet that was told
    /// the same must not come back in lockstep.
    pub(crate) fn refused(&mut self, now: Duration, until: Duration, random: f64) {
        let closed = self.closed(now).is_some();
        if let Some(pace) = &mut self.pace {
            if !closed {
                pace.advance(now, self.next);
                pace.learn(now);
            } else if !pace.learned {
                pace.quicken(PER_REFUSAL, self.closed_until);
            }
        }
        self.close(now, until, random);
    }

    /// Nobody sends before `until`; what is there already is never shortened.
    pub(crate) fn close(&mut self, now: Duration, until: Duration, random: f64) {
        let until = until.min(now.saturating_add(LONGEST));
        if until <= now || until <= self.closed_until {
            return;
        }
        self.closed_until = until;
        let next = self.next;
        let pace = self.pace.get_or_insert_with(|| Pace::first(now, next));
        pace.advance(now, next);
        pace.since = until;
        pace.at = pace.at.max(until.saturating_add(seconds(random / pace.measured)));
        pace.calm_at = pace.calm_at.max(pace.at.saturating_add(QUIET));
    }

    fn forget(&mut self, now: Duration) {
        if self.pace.as_ref().is_some_and(|pace| pace.calm_at <= now) {
            self.pace = None;
        }
    }
}

impl Pace {
    const fn first(now: Duration, next: u64) -> Self {
        Self {
            served: next,
            at: now,
            calm_at: now,
            measured: FIRST,
            since: now,
            learned: false,
            down: false,
            delivered: 0,
            refused_at: now,
        }
    }

    /// Calls a second.
    fn rate(&self, now: Duration) -> f64 {
        let growth = GROWTH + GROWTH_CALLS / self.measured;
        let t = now.saturating_sub(self.since).as_secs_f64() / growth;
        (self.measured * (t * t / 2.0).exp()).min(FASTEST)
    }

    fn interval(&self, now: Duration) -> Duration {
        seconds(1.0 / self.rate(now))
    }

    /// Before anything is known of it. Places that have not begun to come up begin as much earlier.
    fn quicken(&mut self, more: f64, opens: Duration) {
        let before = self.measured;
        self.measured += more;
        let late = self.at.saturating_sub(opens).mul_f64(before / self.measured);
        self.at = self.at.min(opens.saturating_add(late));
    }

    /// Measures: what came through since the last refusal. A few calls tell little, so at most half is believed.
    fn learn(&mut self, now: Duration) {
        let rate = self.rate(now);
        let delivered = f64::from(self.delivered) / now.saturating_sub(self.refused_at).as_secs_f64();
        self.down = self.delivered == 0;
        self.learned = !self.down;
        self.measured = delivered.max(rate / 2.0).min(rate).max(if self.down { DOWN } else { SLOWEST });
        self.delivered = 0;
        self.refused_at = now;
    }

    /// Lets the places come up that are due. A place that nobody has taken comes up now at the earliest: time in
    /// which nobody came is not made up for.
    fn advance(&mut self, now: Duration, next: u64) {
        let Some(late) = now.checked_sub(self.at) else { return };
        let taken = next.saturating_sub(self.served);
        let interval = self.interval(now);
        let due =
            u64::try_from(late.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u64::MAX).saturating_add(1);
        let served = due.min(taken);
        self.served = self.served.saturating_add(served);
        self.at = self.at.saturating_add(times(interval, served));
        if self.served == next {
            self.at = self.at.max(now);
        }
    }

    /// The pace may quicken while a call waits, so it asks again half-way, and earlier where that is long: in the time
    /// it takes at eight times the pace, or, while nothing is known of it, at a thousand a second.
    fn ask_again(&self, place: u64, wait: Duration) -> Duration {
        const NOT_WORTH_IT: Duration = Duration::from_millis(100);
        const SOON: Duration = Duration::from_millis(250);
        if wait <= NOT_WORTH_IT {
            return wait;
        }
        let at_best = if self.learned {
            wait / 8
        } else {
            times(Duration::from_millis(1), place.saturating_sub(self.served))
        };
        at_best.max(SOON).min(wait / 2)
    }

    fn comes_up(&self, place: u64, now: Duration) -> Duration {
        match place.checked_sub(self.served) {
            Some(before) => self.at.saturating_add(times(self.interval(now), before)),
            None => Duration::ZERO,
        }
    }
}

fn times(interval: Duration, n: u64) -> Duration {
    let nanos = interval.as_nanos().saturating_mul(u128::from(n));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Not negative, not NaN, and not too much.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Duration = Duration::from_secs(120);

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// When a call goes that asks for the first time at `now`.
    fn goes(cooldown: &mut Cooldown, mut now: Duration, at_most: Duration) -> Duration {
        let mut turn = Turn::default();
        while let Some(wait) = cooldown.admit(&mut turn, now, at_most) {
            now += wait;
        }
        now
    }

    #[test]
    fn nobody_goes_before_the_hint_is_over_and_then_one_by_one() {
        let mut cooldown = Cooldown::OPEN;
        cooldown.refused(s(1.0), s(3.0), 0.0);
        assert_eq!(cooldown.closed(s(1.0)), Some(s(2.0)));
        let mut turns = [(); 3].map(|()| Turn::default());
        for turn in &mut turns {
            assert!(cooldown.admit(turn, s(1.0), PATIENCE).is_some());
        }
        // The first at once, and one a second while nothing is known.
        for (second, turn) in [3.0, 4.0, 5.0].into_iter().zip(&mut turns) {
            assert!(cooldown.admit(turn, s(second - 0.01), PATIENCE).is_some());
            assert_eq!(cooldown.admit(turn, s(second), PATIENCE), None);
        }
        assert_eq!(cooldown.closed(s(3.0)), None);
    }

    #[test]
    fn a_hint_is_never_shortened_and_lasts_an_hour_at_most() {
        let mut cooldown = Cooldown::OPEN;
        cooldown.refused(s(0.0), s(9.0), 0.0);
        cooldown.refused(s(0.0), s(3.0), 0.0);
        cooldown.close(s(1.0), s(0.5), 0.0);
        assert_eq!(cooldown.closed(s(1.0)), Some(s(8.0)));
        cooldown.refused(s(1.0), Duration::MAX, 0.0);
        assert_eq!(cooldown.closed(s(1.0)), Some(LONGEST));
    }

    #[test]
    fn successes_quicken_the_pace_until_a_refusal_measures_it() {
        let mut cooldown = Cooldown::OPEN;
        cooldown.refused(s(0.0), s(1.0), 0.0);
        // A hundred go through in the second after.
        (0..100).for_each(|n| cooldown.succeeded(s(1.0 + 0.01 * f64::from(n))));
        assert!(cooldown.pace.as_ref().unwrap().measured > 400.0);
        // That was 50 a second, pause and all; at most half is believed.
        cooldown.refused(s(2.0), s(3.0), 0.0);
        let measured = cooldown.pace.as_ref().unwrap().measured;
        assert!((200.0..210.0).contains(&measured), "{measured}");
        // Others that were refused meanwhile tell nothing new.
        cooldown.refused(s(2.1), s(3.1), 0.0);
        assert_eq!(cooldown.pace.as_ref().unwrap().measured.to_bits(), measured.to_bits());
    }

    #[test]
    fn a_call_goes_when_its_patience_ends_and_at_once_where_a_hint_outlasts_it() {
        let mut cooldown = Cooldown::OPEN;
        cooldown.refused(s(0.0), s(10.0), 0.0);
        assert_eq!(goes(&mut cooldown, s(0.0), s(5.0)), s(0.0));
        // It took no place.
        assert_eq!(goes(&mut cooldown, s(0.0), s(20.0)), s(10.0));
        for _ in 0..50 {
            assert!(cooldown.admit(&mut Turn::default(), s(10.0), PATIENCE).is_some());
        }
        assert_eq!(goes(&mut cooldown, s(10.0), s(4.0)), s(14.0));
    }

    #[test]
    fn when_nobody_had_to_queue_for_a_while_it_is_open() {
        let mut cooldown = Cooldown::OPEN;
        cooldown.refused(s(0.0), s(2.0), 0.0);
        assert_eq!(goes(&mut cooldown, s(1.0), PATIENCE), s(2.0));
        cooldown.succeeded(s(11.9));
        assert!(!cooldown.is_open());
        cooldown.succeeded(s(12.0));
        assert!(cooldown.is_open());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit { at_most: u64 },
        Again,
        Succeeded,
        Refused { hint: u64, random: f64 },
        Close { until: u64, random: f64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let nanos = || prop_oneof![0..100_000_000_000u64, any::<u64>()];
        let random = || prop_oneof![0.0..1.0, any::<f64>()];
        prop_oneof![
            nanos().prop_map(|at_most| Step::Admit { at_most }),
            Just(Step::Again),
            Just(Step::Succeeded),
            (nanos(), random()).prop_map(|(hint, random)| Step::Refused { hint, random }),
            (nanos(), random()).prop_map(|(until, random)| Step::Close { until, random }),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_a_pause_is_kept_and_ends(
            script in proptest::collection::vec((prop_oneof![0..9_000_000_000u64, any::<u64>()], step()), 60),
        ) {
            let mut cooldown = Cooldown::OPEN;
            let (mut now, mut turn) = (Duration::ZERO, Turn::default());
            for (nanos, step) in script {
                now = now.saturating_add(Duration::from_nanos(nanos));
                let before = cooldown.closed(now);
                match step {
                    Step::Admit { at_most } => {
                        turn = Turn::default();
                        let at_most = Duration::from_nanos(at_most);
                        match cooldown.admit(&mut turn, now, at_most) {
                            Some(wait) => prop_assert!(!wait.is_zero() && wait <= at_most),
                            None => prop_assert!(before.is_none_or(|closed| closed >= at_most)),
                        }
                    }
                    Step::Again => drop(cooldown.admit(&mut turn, now, PATIENCE)),
                    Step::Succeeded => cooldown.succeeded(now),
                    Step::Refused { hint, random } => {
                        let hint = Duration::from_nanos(hint);
                        cooldown.refused(now, now.saturating_add(hint), random);
                        prop_assert!(cooldown.closed(now).unwrap_or_default() >= hint.min(LONGEST));
                    }
                    Step::Close { until, random } => cooldown.close(now, Duration::from_nanos(until), random),
                }
                let after = cooldown.closed(now);
                prop_assert!(after >= before);
                prop_assert!(after.unwrap_or_default() <= LONGEST);
                if let Some(pace) = &cooldown.pace {
                    prop_assert!(pace.measured >= SLOWEST && pace.served <= cooldown.next);
                }
            }
            // Nobody waits longer than it wants to, and in the end it is open.
            let went = goes(&mut cooldown, now, PATIENCE);
            prop_assert!(went <= now + PATIENCE);
            cooldown.admit(&mut Turn::default(), Duration::MAX, PATIENCE);
            prop_assert!(cooldown.is_open());
        }

        #[test]
        fn a_queue_keeps_its_order_and_ends(random in 0.0..1.0, callers in 1..40usize) {
            let mut cooldown = Cooldown::OPEN;
            cooldown.refused(s(0.0), s(1.0), random);
            let mut turns: Vec<_> = (0..callers).map(|_| Turn::default()).collect();
            for turn in &mut turns {
                prop_assert!(cooldown.admit(turn, s(0.0), PATIENCE).is_some());
            }
            let mut last = 0.0;
            for turn in &mut turns {
                // As if each were asked all the time.
                while cooldown.admit(turn, s(last), PATIENCE).is_some() {
                    last += 0.01;
                }
                prop_assert!((1.0..120.0).contains(&last));
            }
        }
    }
}
