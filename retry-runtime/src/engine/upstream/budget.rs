//! How many retries an upstream can take: a bucket of tokens that successes fill, and each retry pays one from.
//!
//! Why successes and not requests: while a server fails, requests go on coming, and a budget that they fund goes on
//! paying for retries of what the server is already too busy to answer. Such an overload outlives its cause. Funded
//! by successes, the retries end with the answers, and come back with them.

use std::time::Duration;

/// What fills a [`Budget`], in billionths of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Funding {
    per_success: u64,
    per_second: u64,
    burst: u64,
}

/// A token in the units of a [`Budget`]: so small that rounding loses nothing that can be seen.
const TOKEN: u64 = 1_000_000_000;

impl Funding {
    pub(crate) const fn new(per_success: f64, per_second: f64, burst: u32) -> Self {
        // A bucket that cannot hold a whole token would never pay for anything.
        let burst = if burst == 0 { 1 } else { burst };
        Self {
            per_success: billionths(per_success),
            per_second: billionths(per_second),
            burst: burst as u64 * TOKEN,
        }
    }
}

/// The bucket, as what is missing from it: a new one is full.
#[derive(Debug)]
pub(crate) struct Budget {
    missing: u64,
    /// Until when the floor has been added.
    at: Duration,
}

impl Budget {
    pub(crate) const FULL: Self = Self { missing: 0, at: Duration::ZERO };

    pub(crate) const fn is_full(&self) -> bool {
        self.missing == 0
    }

    /// A success pays in its share.
    pub(crate) fn fund(&mut self, funding: &Funding, now: Duration) {
        self.refill(funding, now);
        self.missing = self.missing.saturating_sub(funding.per_success);
    }

    /// Takes a token for a retry, if there is a whole one.
    pub(crate) fn pay(&mut self, funding: &Funding, now: Duration) -> bool {
        self.refill(funding, now);
        let missing = self.missing.saturating_add(TOKEN);
        let there_is = missing <= funding.burst;
        if there_is {
            self.missing = missing;
        }
        there_is
    }

    /// Adds what the floor has paid in since the last time. A clock that was read before another thread's is late,
    /// and adds nothing.
    pub(crate) fn refill(&mut self, funding: &Funding, now: Duration) {
        let nanos = now.saturating_sub(self.at).as_nanos();
        let paid_in = nanos.saturating_mul(u128::from(funding.per_second)) / u128::from(TOKEN);
        self.missing = self.missing.saturating_sub(u64::try_from(paid_in).unwrap_or(u64::MAX));
        self.at = self.at.max(now);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "float casts saturate, and NaN is 0"
)]
const fn billionths(tokens: f64) -> u64 {
    (tokens * TOKEN as f64) as u64
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_successes_pay_for_a_retry_and_no_fewer() {
        let funding = Funding::new(0.1, 0.0, 3);
        let mut budget = Budget::FULL;
        let now = Duration::ZERO;
        assert_eq!([(); 5].map(|()| budget.pay(&funding, now)), [true, true, true, false, false]);
        for _ in 0..9 {
            budget.fund(&funding, now);
            assert!(!budget.pay(&funding, now));
        }
        budget.fund(&funding, now);
        assert!(budget.pay(&funding, now));
    }

    #[test]
    fn the_floor_pays_without_successes_and_never_above_the_burst() {
        let funding = Funding::new(0.0, 0.5, 2);
        let mut budget = Budget::FULL;
        let mut paid = |seconds| budget.pay(&funding, Duration::from_secs(seconds));
        assert_eq!(
            [paid(0), paid(0), paid(0), paid(1), paid(2), paid(2)],
            [true, true, false, false, true, false]
        );
        assert_eq!([paid(1_000_000), paid(1_000_000), paid(1_000_000)], [true, true, false]);
    }

    #[test]
    fn a_bucket_for_nothing_holds_one() {
        let funding = Funding::new(f64::NAN, -1.0, 0);
        let mut budget = Budget::FULL;
        assert!(budget.pay(&funding, Duration::MAX));
        assert!(!budget.pay(&funding, Duration::MAX));
    }

    proptest! {
        #[test]
        fn what_is_paid_out_was_paid_in(
            per_success in prop_oneof![0.0..2.0, any::<f64>()],
            per_second in prop_oneof![0.0..20.0, any::<f64>()],
            burst: u32,
            script in proptest::collection::vec((any::<bool>(), prop_oneof![0..10_000_000_000u64, any::<u64>()]), 100),
        ) {
            let funding = Funding::new(per_success, per_second, burst);
            let mut budget = Budget::FULL;
            let (mut now, mut funded, mut spent) = (Duration::ZERO, u128::from(funding.burst), 0u128);
            for (pays, nanos) in script {
                now = now.saturating_add(Duration::from_nanos(nanos));
                if pays {
                    spent += u128::from(budget.pay(&funding, now)) * u128::from(TOKEN);
                } else {
                    budget.fund(&funding, now);
                    funded += u128::from(funding.per_success);
                }
                prop_assert!(budget.missing <= funding.burst);
                let floor = now.as_nanos().saturating_mul(u128::from(funding.per_second)) / u128::from(TOKEN);
                prop_assert!(spent <= funded.saturating_add(floor));
            }
        }

        #[test]
        fn a_late_clock_changes_nothing(early: u64, late: u64, burst in 1..100u32) {
            let funding = Funding::new(0.0, 1.0, burst);
            let (early, late) = (early.min(late), early.max(late));
            let mut budget = Budget::FULL;
            prop_assert!(budget.pay(&funding, Duration::from_nanos(late)));
            let missing = budget.missing;
            budget.refill(&funding, Duration::from_nanos(early));
            prop_assert_eq!((budget.missing, budget.at), (missing, Duration::from_nanos(late)));
        }
    }
}
