#![doc = include_str!("../README.md")]

pub use retry_macros::{policy, retry_http};
pub use retry_runtime::{
    Backoff, Condition, Exchange, Failure, FailureSet, HttpFailure, Jitter, Policy, PolicyBuilder,
    PolicyError, Renewal, Renewed, Retry, StatusSet, Stop, Turn, Upstream, Verdict, hint,
};

#[cfg(feature = "redis")]
pub use retry_runtime::{Fleet, FleetError};

#[doc(hidden)]
pub use retry_runtime::__private;
