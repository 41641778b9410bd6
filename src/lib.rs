#![doc = include_str!("links.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(retry_loom))))]

pub mod guide;

pub use retry_macros::{policy, retry, retry_http};
pub use retry_runtime::{
    Admission, Answer, Backoff, Condition, Conditions, Event, Exchange, Failure, FailureSet, HttpFailure,
    Jitter, Observer, Policy, PolicyBuilder, PolicyError, PolicyMessage, Renewal, Renewed, Retry, Safety,
    Scope, StatusSet, Step, Stop, Ticket, Upstream, Verdict, hint,
};

#[cfg(feature = "metrics")]
pub use retry_runtime::describe_metrics;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub use retry_runtime::failures_of;
#[cfg(feature = "redis")]
pub use retry_runtime::{Fleet, FleetError};

#[cfg(feature = "testing")]
pub use retry_runtime::testing;

#[doc(hidden)]
pub use retry_runtime::__private;
