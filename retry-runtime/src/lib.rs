//! The runtime of [`retry-http`](https://docs.rs/retry-http): policy, state machine, backoff, hints.
//!
//! Depend on `retry-http`, which re-exports all of this, and not on this crate.
//!
//! [`Retry`], [`Policy`], [`Backoff`] and [`hint`] have no I/O, no clock and no randomness of their own and
//! can be used by hand, see [`Retry`]. What joins them to the world is used by the code that the attribute
//! generates, and by nobody else.

mod call;
#[cfg(feature = "serde")]
mod config;
mod engine;
mod env;
#[cfg(feature = "redis")]
mod fleet;
mod observe;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod scope;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg_attr(
    not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")),
    allow(dead_code, reason = "of a transport")
)]
mod transport;

pub use engine::exchange::Exchange;
pub use engine::hint;
pub use engine::policy::backoff::{Backoff, Jitter};
pub use engine::policy::condition::Condition;
pub use engine::policy::failure::{Failure, FailureSet, HttpFailure};
pub use engine::policy::rules::PolicyError;
pub use engine::policy::status::StatusSet;
pub use engine::policy::{Policy, PolicyBuilder};
pub use engine::retry::{Retry, Stop, Verdict};
pub use engine::upstream::{Ticket, Upstream};
#[cfg(feature = "redis")]
pub use fleet::{Fleet, FleetError};
#[cfg(feature = "metrics")]
pub use observe::metrics::describe_metrics;
pub use observe::{Event, Observer, Step};
pub use scope::renewal::{Renewal, Renewed};

/// What generated code calls. Not part of the public API: anything in it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::Call;
    pub use crate::call::arguments::{
        Again, Giving, Keep, Requests, Slot, again, collect, is_wanted, keep, once,
    };
    pub use crate::call::attempt::{Outcome, attempt, typed};
    pub use crate::call::function::{Function, Sends};
    pub use crate::observe::observer;
    pub use crate::scope::renewal::Renewed;
    pub use crate::transport::kind::{Look, Reads, SendsAsync};
    pub use crate::{
        __answer as answer, __arm as arm, __executing as executing, __fresh as fresh, __request as request,
        __settle as settle,
    };

    #[cfg(feature = "blocking")]
    pub use crate::call::attempt::attempt_blocking;

    /// The rules over constant expressions, each called with the span of the expression.
    pub mod rules {
        pub use crate::engine::policy::rules::{
            base, base_and_cap, base_and_deadline, cap, deadline, factor, idempotency_key, jitter, listed,
            max, max_retry_after_and_deadline, not_never, reauth, timeout, timeout_and_deadline, uphold,
        };
    }
}
