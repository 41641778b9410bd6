//! The ways in which an exchange can fail without a usable answer, and sets of them.

use std::fmt;

/// A way in which a request can fail without a complete response. `on` and `never` list failures by
/// their names, beside statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// No connection was made: it was refused, the host is unreachable, its name was not resolved,
    /// or the TLS handshake broke off. The request was not sent, so it is safe to repeat, unless
    /// the connection failed after a redirect of a POST.
    Connect,
    /// A time limit of the client ran out: while connecting, waiting, or reading the response.
    Timeout,
    /// The request was sent, and the connection broke before the head of the response arrived.
    Reset,
    /// The body of the response broke off while it was being read.
    Body,
}

impl Failure {
    /// All failures.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Timeout, Self::Reset, Self::Body];

    /// Returns the name of the failure, which `on`, `never`, logs and metrics use: `connect`,
    /// `timeout`, `reset` or `body`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Body => "body",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of [`Failure`]s. It can be built in a `const`.
///
/// A request can fail in two ways at once: a connection that is not made in time is both
/// [`Failure::Connect`] and [`Failure::Timeout`].
///
/// ```
/// use retry_http::{Failure, FailureSet};
///
/// const LATE: FailureSet = FailureSet::EMPTY.with(Failure::Connect).with(Failure::Timeout);
/// assert!(LATE.contains(Failure::Timeout));
/// assert!(!LATE.contains(Failure::Reset));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FailureSet {
    bits: u8,
}

impl FailureSet {
    /// The empty set.
    pub const EMPTY: Self = Self { bits: 0 };

    /// The set of all failures.
    pub const ALL: Self =
        Self::EMPTY.with(Failure::Connect).with(Failure::Timeout).with(Failure::Reset).with(Failure::Body);

    /// Adds `failure`.
    #[must_use]
    pub const fn with(self, failure: Failure) -> Self {
        Self { bits: self.bits | failure.bit() }
    }

    /// Adds the members of `other`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits }
    }

    /// Returns `true` if `failure` is a member.
    pub const fn contains(self, failure: Failure) -> bool {
        self.bits & failure.bit() != 0
    }

    /// Returns `true` if the two sets share a member.
    pub const fn intersects(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Returns the members.
    pub fn iter(self) -> impl Iterator<Item = Failure> {
        Failure::ALL.into_iter().filter(move |failure| self.contains(*failure))
    }

    /// Returns `true` if every member of `other` is a member.
    pub const fn contains_all(self, other: Self) -> bool {
        other.bits & !self.bits == 0
    }

    /// Returns the set, or `None` if it is empty.
    pub(crate) const fn or_none(self) -> Option<Self> {
        if self.is_empty() { None } else { Some(self) }
    }

    /// Returns `true` if the set has no member.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }
}

impl fmt::Debug for FailureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl From<Failure> for FailureSet {
    fn from(failure: Failure) -> Self {
        Self::EMPTY.with(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the set whose members are the bits of `mask`, in the order of [`Failure::ALL`].
    fn set(mask: u8) -> FailureSet {
        let members = Failure::ALL.into_iter().enumerate().filter(|(at, _)| mask & 1 << at != 0);
        members.fold(FailureSet::EMPTY, |set, (_, failure)| set.with(failure))
    }

    #[test]
    fn a_set_has_the_failures_that_were_added() {
        for mask in 0..16 {
            let one = set(mask);
            let members: Vec<_> = one.iter().collect();
            let count = usize::try_from(mask.count_ones()).unwrap();
            assert_eq!(members.len(), count, "{one:?}");
            for failure in Failure::ALL {
                assert_eq!(one.contains(failure), members.contains(&failure), "{one:?}");
                assert_eq!(one.with(failure).with(failure), one.with(failure), "{one:?}");
                assert_eq!(one.with(failure) == one, members.contains(&failure), "{one:?}");
            }
            assert_eq!(one.is_empty(), mask == 0);
            assert_eq!(one.or_none(), (mask != 0).then_some(one));
        }
    }

    #[test]
    fn sets_are_compared_by_their_members() {
        for (one, other) in (0..16).flat_map(|one| (0..16).map(move |other| (one, other))) {
            let (a, b) = (set(one), set(other));
            assert_eq!(a.union(b), set(one | other), "{a:?} {b:?}");
            assert_eq!(a.intersects(b), one & other != 0, "{a:?} {b:?}");
            assert_eq!(a.contains_all(b), one | other == one, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_set_prints_its_members() {
        assert_eq!(format!("{:?}", FailureSet::from(Failure::Reset)), "{Reset}");
        assert_eq!(format!("{:?}", FailureSet::ALL), "{Connect, Timeout, Reset, Body}");
        assert_eq!(FailureSet::ALL, set(15));
    }
}
