//! What `Policy::DEFAULT` is, for rules and docs: the macro runs before there is one.

use std::time::Duration;

pub(crate) const MAX: u32 = 3;
pub(crate) const BASE: Duration = Duration::from_secs(1);
pub(crate) const FACTOR: f64 = 2.0;
pub(crate) const CAP: Duration = Duration::from_secs(60);
pub(crate) const JITTER: f64 = 0.5;
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use retry_runtime::{Jitter, Policy};

    #[test]
    fn they_are_those_of_the_policy() {
        assert_eq!(super::MAX, Policy::DEFAULT.max());
        assert_eq!(super::MAX_RETRY_AFTER, Policy::DEFAULT.max_retry_after());
        let built = Policy::builder()
            .base(super::BASE)
            .factor(super::FACTOR)
            .cap(super::CAP)
            .jitter(Jitter::Fraction(super::JITTER));
        assert_eq!(built.build(), Ok(Policy::DEFAULT));
    }
}
