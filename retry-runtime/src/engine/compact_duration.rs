//! An optional duration in eight bytes, as every annotated function holds some in its future.

use std::time::Duration;

/// An optional duration in nanoseconds. One of more than 584 years is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CompactDuration(u64);

impl Default for CompactDuration {
    fn default() -> Self {
        Self::NONE
    }
}

impl CompactDuration {
    pub(crate) const NONE: Self = Self(u64::MAX);
    pub(crate) const ZERO: Self = Self(0);

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the comparison is before it")]
    pub(crate) const fn new(duration: Option<Duration>) -> Self {
        match duration {
            Some(duration) if duration.as_nanos() < u64::MAX as u128 => Self(duration.as_nanos() as u64),
            _ => Self::NONE,
        }
    }

    #[inline]
    pub(crate) const fn get(self) -> Option<Duration> {
        match self {
            Self(u64::MAX) => None,
            Self(nanos) => Some(Duration::from_nanos(nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_kept_to_the_nanosecond_up_to_584_years() {
        let longest = Duration::from_nanos(u64::MAX - 1);
        for duration in [None, Some(Duration::ZERO), Some(Duration::new(3, 7)), Some(longest)] {
            assert_eq!(CompactDuration::new(duration).get(), duration);
        }
        for duration in [longest + Duration::from_nanos(1), Duration::MAX] {
            assert_eq!(CompactDuration::new(Some(duration)).get(), None);
        }
        assert!(CompactDuration::ZERO < CompactDuration::NONE, "none is the longest bound");
    }
}
