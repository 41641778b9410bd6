//! The units of durations.

/// The units, and how many nanoseconds they are, from the smallest.
pub(crate) const UNITS: [(&str, u64); 5] =
    [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
