#![doc = include_str!("../README.md")]

pub use retry_macros::{policy, retry_http};
pub use retry_runtime::{
    Backoff, Condition, Event, Exchange, Failure, FailureSet, HttpFailure, Jitter, Observer, Policy,
    PolicyBuilder, PolicyError, Renewal, Renewed, Retry, StatusSet, Step, Stop, Ticket, Upstream, Verdict,
    hint,
};

#[cfg(feature = "metrics")]
pub use retry_runtime::describe_metrics;
#[cfg(feature = "redis")]
pub use retry_runtime::{Fleet, FleetError};

#[cfg(feature = "testing")]
pub use retry_runtime::testing;

#[doc(hidden)]
pub use retry_runtime::__private;
