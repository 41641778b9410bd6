//! The runtime of [`retry-http`](https://docs.rs/retry-http): policy, state machine, backoff, hints.
//!
//! Depend on `retry-http`, which re-exports all of this, and not on this crate.
//!
//! [`Retry`], [`Policy`], [`Backoff`] and [`hint`] have no I/O, no clock and no randomness of their own and
//! can be used by hand, see [`Retry`]. What joins them to the world is used by the code that the attribute
//! generates, and by nobody else.

mod ambient;
mod attempt;
mod backoff;
mod call;
mod condition;
#[cfg(feature = "metrics")]
mod count;
mod decide;
mod event;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod exchange;
mod failure;
mod function;
pub mod hint;
mod http_date;
#[cfg(feature = "tracing")]
mod log;
mod outcome;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod outgoing;
mod policy;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod probe;
mod rate_limit;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod recorder;
mod renewal;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod report;
mod reqwest;
#[cfg(feature = "reqwest-middleware-0-5")]
mod reqwest_middleware;
mod retry;
mod rules;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod scope;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod sending;
#[cfg(feature = "serde")]
mod serde;
mod settle;
mod shared;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod upstream;

pub use backoff::{Backoff, Jitter};
pub use condition::Condition;
#[cfg(feature = "metrics")]
pub use count::describe_metrics;
pub use event::{Event, Observer, Step};
pub use exchange::Exchange;
pub use failure::{Failure, FailureSet, HttpFailure};
pub use policy::{Policy, PolicyBuilder};
pub use renewal::{Renewal, Renewed};
pub use retry::{Retry, Stop, Verdict};
pub use rules::PolicyError;
pub use status::StatusSet;
#[cfg(feature = "redis")]
pub use upstream::{Fleet, FleetError};
pub use upstream::{Turn, Upstream};

/// What generated code calls. Not part of the public API: anything in it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::attempt::{Outcome, attempt, typed};
    pub use crate::call::Call;
    pub use crate::event::observer;
    pub use crate::function::{Function, Sends};
    pub use crate::outcome::{Again, Keep, Slot, again, collect, is_wanted, keep, once};
    pub use crate::probe::{Giving, Look, Reads, Requests, SendsAsync};
    pub use crate::renewal::Renewed;
    pub use crate::{
        __answer as answer, __arm as arm, __executing as executing, __fresh as fresh, __request as request,
        __settle as settle,
    };

    #[cfg(feature = "blocking")]
    pub use crate::attempt::attempt_blocking;

    /// The rules over constant expressions, each called with the span of the expression.
    pub mod rules {
        pub use crate::rules::{
            base, base_and_cap, base_and_deadline, cap, deadline, factor, idempotency_key, jitter, listed,
            max, max_retry_after_and_deadline, not_never, reauth, timeout, timeout_and_deadline, uphold,
        };
    }
}
