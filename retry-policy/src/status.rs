//! The set of HTTP statuses that a policy names.

use std::fmt;

/// A set of HTTP statuses from 100 to 599 (RFC 9110 §15). It can be built in a `const`.
///
/// ```
/// use retry_http::StatusSet;
///
/// const OUTAGE: StatusSet = StatusSet::EMPTY.with(429).with_range(500, 504);
/// assert!(OUTAGE.contains(503));
/// assert!(!OUTAGE.contains(505));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StatusSet {
    // Bit n of the whole stands for status 100 + n.
    words: [u64; 8],
}

impl StatusSet {
    /// The empty set.
    pub const EMPTY: Self = Self { words: [0; 8] };

    /// Adds `status`. Ignores a status outside 100 to 599.
    #[must_use]
    pub const fn with(mut self, status: u16) -> Self {
        if is_status(status) {
            let bit = status - 100;
            self.words[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        self
    }

    /// Returns the set of these statuses. Ignores statuses outside 100 to 599.
    ///
    /// The policies of most functions call this while they are compiled, and each step of a
    /// constant function is slow. So this calls no other function.
    pub(crate) const fn of<const N: usize>(statuses: [u16; N]) -> Self {
        let mut words = Self::EMPTY.words;
        let mut i = 0;
        while i < N {
            let status = statuses[i];
            if status >= 100 && status <= 599 {
                let bit = status - 100;
                words[(bit / 64) as usize] |= 1 << (bit % 64);
            }
            i += 1;
        }
        Self { words }
    }

    /// Adds every status from `first` to `last`, both included. Ignores statuses outside 100 to
    /// 599, and a range that ends before it starts.
    #[must_use]
    pub const fn with_range(mut self, first: u16, last: u16) -> Self {
        let first = if first < 100 { 100 } else { first };
        let last = if last > 599 { 599 } else { last };
        if first > last {
            return self;
        }
        // By words, not by bits: constants are computed while compiling, and that is slow.
        let (from, to) = (first - 100, last - 100);
        let mut word = from / 64;
        while word <= to / 64 {
            let low = if word == from / 64 { from % 64 } else { 0 };
            let high = if word == to / 64 { to % 64 } else { 63 };
            self.words[word as usize] |= (u64::MAX >> (63 - high)) & (u64::MAX << low);
            word += 1;
        }
        self
    }

    /// Adds the members of `other`.
    #[must_use]
    pub const fn union(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < self.words.len() {
            self.words[word] |= other.words[word];
            word += 1;
        }
        self
    }

    /// Returns `true` if `status` is a member.
    pub const fn contains(&self, status: u16) -> bool {
        if !is_status(status) {
            return false;
        }
        let bit = status - 100;
        self.words[(bit / 64) as usize] & (1 << (bit % 64)) != 0
    }

    /// Returns `true` if every member of `other` is a member.
    pub const fn contains_all(&self, other: Self) -> bool {
        let mut word = 0;
        while word < self.words.len() {
            if other.words[word] & !self.words[word] != 0 {
                return false;
            }
            word += 1;
        }
        true
    }

    /// Returns `true` if the set has no member.
    pub const fn is_empty(&self) -> bool {
        Self::EMPTY.contains_all(*self)
    }

    /// Returns the members, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (100..=599).filter(|&status| self.contains(status))
    }
}

/// Returns `true` if HTTP defines a class for `status` (RFC 9110 §15).
pub(crate) const fn is_status(status: u16) -> bool {
    status >= 100 && status <= 599
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_lists_its_members_in_order() {
        let set = StatusSet::EMPTY.with_range(500, 502).with(429);
        assert_eq!(set.iter().collect::<Vec<_>>(), [429, 500, 501, 502]);
        assert_eq!(format!("{set:?}"), "{429, 500, 501, 502}");
        assert!(!set.is_empty() && StatusSet::EMPTY.is_empty());
    }

    proptest! {
        #[test]
        fn holds_exactly_what_was_put_in(statuses in proptest::collection::vec(0u16..1000, 0..40)) {
            let set = statuses.iter().fold(StatusSet::EMPTY, |set, &status| set.with(status));
            for status in 0..1100 {
                prop_assert_eq!(set.contains(status), is_status(status) && statuses.contains(&status));
                let with = set.with(status);
                prop_assert!(with.contains_all(set));
                prop_assert_eq!(set.contains_all(with), set == with);
            }
        }

        #[test]
        fn a_set_of_statuses_holds_these(statuses: [u16; 4], listed in proptest::array::uniform4(90u16..610)) {
            for statuses in [statuses, listed] {
                let set = statuses.iter().fold(StatusSet::EMPTY, |set, &status| set.with(status));
                prop_assert_eq!(StatusSet::of(statuses), set);
            }
        }

        #[test]
        fn a_range_is_its_members(first in 0u16..700, last in 0u16..700) {
            let set = StatusSet::EMPTY.with_range(first, last);
            for status in 0..700 {
                prop_assert_eq!(set.contains(status), is_status(status) && first <= status && status <= last);
            }
        }
    }
}
