//! The arithmetic of waits. Randomness is an argument.
//!
//! Delays are computed in nanoseconds as `f64`, which is exact up to 2⁵³ ns (104 days), above any
//! `cap` that a policy accepts. Casts from `f64` to an integer saturate.

use std::time::Duration;

/// Spreads computed waits at random, so that clients that failed together do not retry together.
///
/// Each variant says how the wait is drawn from the delay before a retry. No wait is longer than
/// `cap`.
///
/// ```
/// use retry_http::{Jitter, Policy};
/// use std::time::Duration;
///
/// let policy = Policy::builder().jitter(Jitter::Full).build()?;
/// // The delay before the first retry is 1 s, and 0.25 stands for the random number.
/// let wait = policy.backoff().wait(0, Duration::ZERO, 0.25);
/// assert_eq!(wait, Duration::from_millis(250));
/// # Ok::<(), retry_http::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// Waits for exactly the delay. Clients that failed together retry together.
    None,
    /// Draws the wait uniformly from 0 to the delay.
    Full,
    /// Draws the wait uniformly from half of the delay to the whole delay.
    Equal,
    /// Draws the wait uniformly from `base` to three times the previous wait, or to three times
    /// `base` before the first retry. `factor` is not used.
    Decorrelated,
    /// Adds a random time from 0 to j times the delay, for a j from 0 to 1. The wait is never
    /// shorter than the delay.
    Fraction(f64),
}

impl Jitter {
    /// Returns the share of `base` that is spread above a hint.
    const fn above_hint(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Equal => 0.5,
            Self::Full | Self::Decorrelated => 1.0,
            Self::Fraction(j) => j,
        }
    }
}

/// Computes the waits of a policy by exponential backoff.
///
/// The delay before retry n, counted from 0, is `base · factorⁿ`. The [`Jitter`] then spreads it at
/// random. Neither the delay nor the wait is ever longer than `cap`.
///
/// A `Backoff` is part of a [`Policy`](crate::Policy), which has checked its values.
/// [`Policy::backoff`](crate::Policy::backoff) returns it.
///
/// ```
/// use retry_http::Policy;
/// use std::time::Duration;
///
/// let backoff = Policy::DEFAULT.backoff();
/// assert_eq!(backoff.delay(2), Duration::from_secs(4));
/// // The default jitter adds up to half of the delay.
/// assert_eq!(backoff.wait(2, Duration::ZERO, 0.5), Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    pub(crate) base: Duration,
    pub(crate) factor: f64,
    pub(crate) cap: Duration,
    pub(crate) jitter: Jitter,
}

impl Backoff {
    pub(crate) const DEFAULT: Self = Self {
        base: Duration::from_secs(1),
        factor: 2.0,
        cap: Duration::from_secs(60),
        jitter: Jitter::Fraction(0.5),
    };

    /// Returns the wait before the first retry, without jitter.
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// Returns the number by which each delay is multiplied to get the next one.
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// Returns the longest computed wait, jitter included. The wait that a server asks for may be
    /// longer.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// Returns the jitter, which spreads waits at random.
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// Returns the delay before retry `n`, without jitter. `n` is 0 for the first retry. The delay
    /// is at most `cap`.
    pub fn delay(&self, n: u32) -> Duration {
        let exponent = i32::try_from(n).unwrap_or(i32::MAX);
        self.capped(nanos(self.base) * self.factor.powi(exponent))
    }

    /// Returns the wait before retry `n`, jitter included. `n` is 0 for the first retry.
    ///
    /// `previous` is the wait before the last retry, or zero if there was none. Only
    /// [`Jitter::Decorrelated`] uses it.
    ///
    /// `random` is a random number that is uniform in `[0, 1)`. Numbers outside `0..=1` are
    /// clamped, and NaN counts as 0.
    pub fn wait(&self, n: u32, previous: Duration, random: f64) -> Duration {
        let random = unit(random);
        let delay = nanos(self.delay(n));
        self.capped(match self.jitter {
            Jitter::None => delay,
            Jitter::Full => delay * random,
            Jitter::Equal => delay / 2.0 * (1.0 + random),
            Jitter::Fraction(j) => delay * (1.0 + j * random),
            Jitter::Decorrelated => {
                let base = nanos(self.base);
                let reach = 3.0 * nanos(previous).max(base) - base;
                base + reach * random
            }
        })
    }

    /// Returns the wait after a `hint`, the wait that the server asked for. The result is never
    /// shorter than the hint. A random part of `base` is added, so that clients with the same hint
    /// do not retry together: up to j times `base` with [`Jitter::Fraction`], up to all of it with
    /// [`Jitter::Full`] and [`Jitter::Decorrelated`], up to half of it with [`Jitter::Equal`], and
    /// nothing with [`Jitter::None`].
    ///
    /// `random` is a random number that is uniform in `[0, 1)`. Numbers outside `0..=1` are
    /// clamped, and NaN counts as 0. The result may be longer than `cap`, which limits computed
    /// waits only.
    pub fn wait_after_hint(&self, hint: Duration, random: f64) -> Duration {
        let spread = nanos(self.base) * self.jitter.above_hint() * unit(random);
        hint.saturating_add(whole(spread))
    }

    /// Returns the largest possible sum of the first `retries` computed waits. Hints are not
    /// included.
    pub fn longest_total(&self, retries: u32) -> Duration {
        // Beyond these a wait hardly grows, and the bound is `cap`.
        const SUMMED: u32 = 10_000;
        let (mut total, mut previous) = (Duration::ZERO, Duration::ZERO);
        for n in 0..retries.min(SUMMED) {
            let wait = self.wait(n, previous, 1.0);
            if wait == previous {
                return total.saturating_add(wait.saturating_mul(retries - n));
            }
            (total, previous) = (total.saturating_add(wait), wait);
        }
        total.saturating_add(self.cap.saturating_mul(retries.saturating_sub(SUMMED)))
    }

    fn capped(&self, delay: f64) -> Duration {
        whole(delay).min(self.cap)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 104 days, and only ever compared with a cap beyond"
)]
fn nanos(duration: Duration) -> f64 {
    duration.as_secs() as f64 * 1e9 + f64::from(duration.subsec_nanos())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, and NaN is 0"
)]
fn whole(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

fn unit(random: f64) -> f64 {
    if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jitter() -> impl Strategy<Value = Jitter> {
        prop_oneof![
            Just(Jitter::None),
            Just(Jitter::Full),
            Just(Jitter::Equal),
            Just(Jitter::Decorrelated),
            (0.0..=1.0).prop_map(Jitter::Fraction),
        ]
    }

    fn backoff() -> impl Strategy<Value = Backoff> {
        const DAY: u64 = 86_400_000_000_000;
        (1..=DAY, 1.0..1000.0, jitter()).prop_flat_map(|(base, factor, jitter)| {
            (base..=DAY).prop_map(move |cap| Backoff {
                base: Duration::from_nanos(base),
                factor,
                cap: Duration::from_nanos(cap),
                jitter,
            })
        })
    }

    const S: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);

    /// Returns waits of 100 ms, 300 ms, 900 ms and so on up to 60 s, before jitter.
    fn tripling(jitter: Jitter) -> Backoff {
        Backoff { base: 100 * MS, factor: 3.0, cap: 60 * S, jitter }
    }

    #[test]
    fn a_backoff_returns_its_options() {
        let backoff = tripling(Jitter::Equal);
        assert_eq!((backoff.base(), backoff.cap()), (100 * MS, 60 * S));
        assert_eq!(backoff.factor().to_string(), "3");
        assert_eq!(backoff.jitter(), Jitter::Equal);
    }

    #[test]
    fn each_delay_is_the_one_before_times_the_factor() {
        let delays = [0, 1, 2, 3, 5, 6, u32::MAX].map(|n| tripling(Jitter::None).delay(n));
        assert_eq!(delays, [100, 300, 900, 2700, 24_300, 60_000, 60_000].map(Duration::from_millis));
    }

    #[test]
    fn each_jitter_draws_its_wait_from_the_delay() {
        for (jitter, random, expected) in [
            (Jitter::None, 0.25, 900),
            (Jitter::Full, 0.25, 225),
            (Jitter::Equal, 0.25, 562),
            (Jitter::Fraction(0.5), 0.25, 1012),
        ] {
            let wait = tripling(jitter).wait(2, Duration::ZERO, random);
            assert_eq!(wait.as_millis(), expected, "{jitter:?}");
        }
        // From 100 ms to three times the wait before, or to 300 ms.
        let decorrelated = tripling(Jitter::Decorrelated);
        assert_eq!(decorrelated.wait(0, Duration::ZERO, 0.5), 200 * MS);
        assert_eq!(decorrelated.wait(1, 400 * MS, 0.5), 650 * MS);
        assert_eq!(decorrelated.wait(1, 400 * MS, 1.0), 1200 * MS);
    }

    #[test]
    fn each_jitter_adds_its_share_of_the_base_to_a_hint() {
        for (jitter, spread) in [
            (Jitter::None, 0),
            (Jitter::Full, 50),
            (Jitter::Decorrelated, 50),
            (Jitter::Equal, 25),
            (Jitter::Fraction(0.2), 10),
        ] {
            let wait = tripling(jitter).wait_after_hint(7 * S, 0.5);
            assert_eq!(wait, 7 * S + spread * MS, "{jitter:?}");
        }
    }

    #[test]
    fn a_random_number_out_of_range_is_clamped() {
        for (random, wait) in [(f64::NAN, 0), (-3.0, 0), (0.5, 50), (7.0, 100)] {
            let backoff = tripling(Jitter::Full);
            assert_eq!(backoff.wait(0, Duration::ZERO, random), wait * MS, "{random}");
            assert_eq!(backoff.wait_after_hint(S, random), S + wait * MS, "{random}");
        }
    }

    #[test]
    fn the_longest_total_is_the_sum_of_the_longest_waits() {
        let total =
            |factor, jitter, retries| Backoff { base: S, factor, cap: 10 * S, jitter }.longest_total(retries);
        assert_eq!(total(2.0, Jitter::None, 0), Duration::ZERO);
        assert_eq!(total(2.0, Jitter::None, 3), 7 * S);
        assert_eq!(total(2.0, Jitter::None, 7), 45 * S, "1, 2, 4, 8, 10, 10 and 10 s");
        assert_eq!(total(2.0, Jitter::Fraction(0.5), 4), 20_500 * MS, "1.5, 3, 6 and 10 s");
        assert_eq!(total(1.0, Jitter::None, 1_000_000), 1_000_000 * S);
        // Waits that still grow after the first 10,000 count as the longest from there on.
        let slow = |retries| total(1.000_01, Jitter::None, retries);
        assert_eq!(slow(10_003), slow(10_000) + 30 * S);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_above_the_cap(b in backoff(), n: u32, previous: u64, random: f64) {
            prop_assert!(b.wait(n, Duration::from_nanos(previous), random) <= b.cap);
        }

        #[test]
        fn delays_grow_from_base_to_cap(b in backoff(), n in 0..10_000u32) {
            prop_assert_eq!(b.delay(0), b.base);
            prop_assert!(b.delay(n) <= b.delay(n + 1));
        }

        #[test]
        fn each_jitter_keeps_its_bounds(b in backoff(), n in 0..40u32, previous in 0..1u64 << 46, random in 0.0..1.0) {
            let (delay, previous) = (b.delay(n), Duration::from_nanos(previous));
            let wait = b.wait(n, previous, random);
            let slack = Duration::from_nanos(1);
            let (low, high) = match b.jitter {
                Jitter::None => (delay, delay),
                Jitter::Full => (Duration::ZERO, delay),
                Jitter::Equal => (delay / 2, delay),
                Jitter::Fraction(j) => (delay, delay + delay.mul_f64(j)),
                Jitter::Decorrelated => (b.base, b.base.max(previous) * 3),
            };
            prop_assert!(wait + slack >= low.min(b.cap), "{wait:?} < {low:?}");
            prop_assert!(wait <= high.min(b.cap) + slack, "{wait:?} > {high:?}");
        }

        #[test]
        fn a_hint_is_a_floor(b in backoff(), hint: u64, random: f64) {
            let hint = Duration::new(hint, 0);
            let wait = b.wait_after_hint(hint, random);
            prop_assert!(wait >= hint);
            prop_assert!(wait <= hint.saturating_add(b.base));
            if b.jitter == Jitter::None {
                prop_assert_eq!(wait, hint);
            }
        }
    }
}
