//! The runtime of [`retry-http`](https://docs.rs/retry-http): policy, state machine, backoff,
//! hints.
//!
//! Depend on `retry-http`, which re-exports all of this, and not on this crate.
//!
//! [`Retry`], [`Policy`], [`Backoff`] and [`hint`] use no I/O, no clock and no randomness of their
//! own, so they also work without the attribute: see [`Retry`]. The rest of this crate connects
//! them to the clock and to requests, for the code that the attribute generates.

#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(retry_loom))))]

mod call;
mod engine;
mod env;
#[cfg(feature = "redis")]
mod fleet;
mod observe;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, unused_imports, reason = "only transports use it")
)]
mod scope;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, unused_imports, reason = "only transports use it")
)]
mod transport;

pub use engine::exchange::Exchange;
pub use engine::hint;
pub use engine::http_failure::HttpFailure;
pub use engine::retry::{Retry, Stop, Verdict};
pub use engine::upstream::{Admission, Scope, Ticket, Upstream};
#[cfg(feature = "redis")]
pub use fleet::{Fleet, FleetError};
#[cfg(feature = "metrics")]
pub use observe::metrics::describe_metrics;
pub use observe::{Event, Observer, Step};
pub use retry_policy::{
    Answer, Backoff, Condition, Conditions, Failure, FailureSet, Jitter, Policy, PolicyBuilder, PolicyError,
    PolicyMessage, Safety, StatusSet,
};
pub use scope::renewal::{Renewal, Renewed};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub use transport::search::failures_of;

/// Everything that generated code calls. Not part of the public API: anything in it may change in
/// any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::arguments::{
        ArgumentKind, CloneArgument, CloneFile, Files, OwnArgument, RequestKind, Slot, call_once,
        clone_argument, collect_items, own_argument,
    };
    pub use crate::call::attempt::{attempt, attempt_blocking, unreachable_value};
    pub use crate::call::lent::Lent;
    pub use crate::call::outcome::Outcome;
    pub use crate::call::{Call, Declaration};
    pub use crate::env::Clock;
    pub use crate::observe::observer;
    pub use crate::scope::function::{Function, HasRecorded};
    pub use crate::scope::renewal::Renewed;
    pub use crate::transport::kind::body::{AwaitedBodyKind, BodyKind};
    pub use crate::transport::kind::outcome::{ErrorKind, SuccessKind};
    pub use crate::transport::kind::{ClientKind, Kind, SenderKind, UpstreamKind};
    pub use crate::{__argument as argument, __request as request};

    /// The rules over constant expressions, each called with the span of the expression.
    pub use retry_policy::rules;
}
