//! The arithmetic of waits. Randomness is an argument.
//!
//! Delays are computed in nanoseconds as `f64`, which is exact up to 2⁵³ ns (104 days), above any
//! `cap` that a policy accepts. Casts from `f64` to an integer saturate.

use std::time::Duration;

/// The spread of a computed delay, so that clients that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// The delay as it is. Clients come back in lockstep.
    None,
    /// `U(0, delay)`.
    Full,
    /// `delay/2 + U(0, delay/2)`.
    Equal,
    /// `U(base, 3 · previous wait)`, starting from `base`; `factor` plays no part.
    Decorrelated,
    /// `delay + U(0, j · delay)` for j in 0..=1: never earlier than the delay itself.
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

/// Exponential backoff: `delay(n) = base · factorⁿ`, jittered, and never above `cap`, jitter
/// included.
///
/// A validated part of a [`Policy`](crate::Policy); get one with
/// [`Policy::backoff`](crate::Policy::backoff).
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

    /// Returns the number by which each wait is multiplied to get the next one.
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// Returns the longest computed wait, jitter included. A server's hint may ask for a longer
    /// one.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// Returns how waits are spread.
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// Returns the delay before retry `n` (0 is the first), without jitter. Saturates at `cap`.
    pub fn delay(&self, n: u32) -> Duration {
        let exponent = i32::try_from(n).unwrap_or(i32::MAX);
        self.capped(nanos(self.base) * self.factor.powi(exponent))
    }

    /// Returns the wait before retry `n` (0 is the first).
    ///
    /// `previous` is the wait before the last retry, which only [`Jitter::Decorrelated`] uses.
    /// `random` should be uniform in `[0, 1)`. Values outside `0..=1` are clamped, and NaN counts
    /// as 0.
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

    /// Returns the wait after a `hint` of the server: never less than that, and up to the jitter's
    /// share of `base` more, so that clients with one hint do not come back in lockstep.
    ///
    /// `random` should be uniform in `[0, 1)`. Values outside `0..=1` are clamped, and NaN counts
    /// as 0. The result may be above `cap`, which bounds computed waits only.
    pub fn wait_after_hint(&self, hint: Duration, random: f64) -> Duration {
        let spread = nanos(self.base) * self.jitter.above_hint() * unit(random);
        hint.saturating_add(whole(spread))
    }

    /// Returns the longest that `retries` computed waits can be together.
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
    duration.as_nanos() as f64
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
