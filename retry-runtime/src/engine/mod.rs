//! The pure core: what is retried, when, and for how long. Time and chance are arguments; nothing here does I/O.

pub(crate) mod decide;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
pub(crate) mod exchange;
pub mod hint;
pub(crate) mod http_failure;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
pub(crate) mod recorder;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod upstream;
