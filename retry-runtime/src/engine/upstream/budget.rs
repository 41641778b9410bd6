//! Limits the retries of an upstream: a bucket of tokens that successes fill and retries empty.
//!
//! Successes fill it, and not requests, because requests keep coming while a server fails. A budget
//! that they fill keeps paying for retries of work that the server is already too busy to do, and
//! such an overload outlives its cause. Filled by successes, retries end with the responses, and
//! come back with them.

use std::time::Duration;

/// The rates that fill a [`Budget`], in billionths of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rates {
    per_success: u64,
    per_second: u64,
    burst: u64,
}

/// A token in the units of a [`Budget`], which are so small that rounding does not matter.
const TOKEN: u64 = 1_000_000_000;

impl Rates {
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

/// The bucket, stored as what is missing from it.
#[derive(Debug)]
pub(crate) struct Budget {
    deficit: u64,
    /// The time until which `per_second` has been added.
    refilled_at: Duration,
}

impl Budget {
    /// A new bucket is full.
    pub(crate) const FULL: Self = Self { deficit: 0, refilled_at: Duration::ZERO };

    pub(crate) const fn is_full(&self) -> bool {
        self.deficit == 0
    }

    /// Deposits the share of a success.
    pub(crate) fn deposit(&mut self, rates: &Rates, now: Duration) {
        self.refill(rates, now);
        self.deficit = self.deficit.saturating_sub(rates.per_success);
    }

    /// Withdraws a token for a retry. Returns `false` if there is no whole one.
    pub(crate) fn withdraw(&mut self, rates: &Rates, now: Duration) -> bool {
        self.refill(rates, now);
        let deficit = self.deficit.saturating_add(TOKEN);
        let is_covered = deficit <= rates.burst;
        if is_covered {
            self.deficit = deficit;
        }
        is_covered
    }

    /// Puts back a token that was withdrawn for a retry that is not sent.
    pub(crate) fn put_back(&mut self) {
        self.deficit = self.deficit.saturating_sub(TOKEN);
    }

    /// Adds what `per_second` has brought in since the last time. A clock that was read before
    /// another thread's is late and adds nothing.
    pub(crate) fn refill(&mut self, rates: &Rates, now: Duration) {
        let nanos = now.saturating_sub(self.refilled_at).as_nanos();
        let added = nanos.saturating_mul(u128::from(rates.per_second)) / u128::from(TOKEN);
        self.deficit = self.deficit.saturating_sub(u64::try_from(added).unwrap_or(u64::MAX));
        self.refilled_at = self.refilled_at.max(now);
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
        let rates = Rates::new(0.1, 0.0, 3);
        let mut budget = Budget::FULL;
        let now = Duration::ZERO;
        assert_eq!([(); 5].map(|()| budget.withdraw(&rates, now)), [true, true, true, false, false]);
        for _ in 0..9 {
            budget.deposit(&rates, now);
            assert!(!budget.withdraw(&rates, now));
        }
        budget.deposit(&rates, now);
        assert!(budget.withdraw(&rates, now));
    }

    #[test]
    fn time_fills_the_bucket_without_successes_and_never_above_the_burst() {
        let rates = Rates::new(0.0, 0.5, 2);
        let mut budget = Budget::FULL;
        let mut withdraw = |seconds| budget.withdraw(&rates, Duration::from_secs(seconds));
        assert_eq!(
            [withdraw(0), withdraw(0), withdraw(0), withdraw(1), withdraw(2), withdraw(2)],
            [true, true, false, false, true, false]
        );
        assert_eq!([withdraw(1_000_000), withdraw(1_000_000), withdraw(1_000_000)], [true, true, false]);
    }

    #[test]
    fn a_bucket_for_no_token_holds_one() {
        let rates = Rates::new(f64::NAN, -1.0, 0);
        let mut budget = Budget::FULL;
        assert!(budget.withdraw(&rates, Duration::MAX));
        assert!(!budget.withdraw(&rates, Duration::MAX));
    }

    #[test]
    fn a_token_that_is_put_back_pays_for_another_retry() {
        let rates = Rates::new(0.0, 0.0, 1);
        let mut budget = Budget::FULL;
        assert!(budget.withdraw(&rates, Duration::ZERO) && !budget.is_full());
        budget.put_back();
        assert!(budget.is_full() && budget.withdraw(&rates, Duration::ZERO));
        budget.put_back();
        budget.put_back();
        assert!(budget.is_full(), "and never above the burst");
    }

    proptest! {
        #[test]
        fn withdrawals_never_exceed_deposits(
            per_success in prop_oneof![0.0..2.0, any::<f64>()],
            per_second in prop_oneof![0.0..20.0, any::<f64>()],
            burst: u32,
            script in proptest::collection::vec((any::<bool>(), prop_oneof![0..10_000_000_000u64, any::<u64>()]), 100),
        ) {
            let rates = Rates::new(per_success, per_second, burst);
            let mut budget = Budget::FULL;
            let (mut now, mut deposited, mut withdrawn) = (Duration::ZERO, u128::from(rates.burst), 0u128);
            for (withdraws, nanos) in script {
                now = now.saturating_add(Duration::from_nanos(nanos));
                if withdraws {
                    withdrawn += u128::from(budget.withdraw(&rates, now)) * u128::from(TOKEN);
                } else {
                    budget.deposit(&rates, now);
                    deposited += u128::from(rates.per_success);
                }
                prop_assert!(budget.deficit <= rates.burst);
                let floor = now.as_nanos().saturating_mul(u128::from(rates.per_second)) / u128::from(TOKEN);
                prop_assert!(withdrawn <= deposited.saturating_add(floor));
            }
        }

        #[test]
        fn a_late_clock_changes_nothing(early: u64, late: u64, burst in 1..100u32) {
            let rates = Rates::new(0.0, 1.0, burst);
            let (early, late) = (early.min(late), early.max(late));
            let mut budget = Budget::FULL;
            prop_assert!(budget.withdraw(&rates, Duration::from_nanos(late)));
            let deficit = budget.deficit;
            budget.refill(&rates, Duration::from_nanos(early));
            prop_assert_eq!((budget.deficit, budget.refilled_at), (deficit, Duration::from_nanos(late)));
        }
    }
}
