//! The pure core: decides what is retried, when, and for how long.
//!
//! Time and chance are arguments. Nothing here has I/O, a clock or randomness of its own.

pub(crate) mod compact_duration;
pub(crate) mod decide;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "only a transport fills exchanges in")
)]
pub(crate) mod exchange;
pub mod hint;
pub(crate) mod http_failure;
pub(crate) mod origin;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "only a transport records")
)]
pub(crate) mod recorder;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "only a transport reports")
)]
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod upstream;
