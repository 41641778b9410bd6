//! The runtime of [`retry-http`](https://docs.rs/retry-http): policy, state machine, backoff, hints.
//!
//! Depend on `retry-http`, which re-exports all of this, and not on this crate.
//!
//! [`Retry`], [`Policy`], [`Backoff`] and [`hint`] have no I/O, no clock and no randomness of their own and
//! can be used by hand, see [`Retry`]. What joins them to the world is used by the code that the attribute
//! generates, and by nobody else.

mod ambient;
mod backoff;
mod call;
mod exchange;
mod failure;
pub mod hint;
mod http_date;
mod nesting;
mod outcome;
mod policy;
mod probe;
mod reqwest;
#[cfg(feature = "reqwest-middleware-0-5")]
mod reqwest_middleware;
mod retry;
#[cfg(feature = "serde")]
mod serde;
mod status;
mod transport;

pub use backoff::{Backoff, Jitter};
pub use exchange::Exchange;
pub use failure::{Failure, FailureSet, HttpFailure};
pub use policy::{Condition, Policy, PolicyBuilder, PolicyError};
pub use retry::{Retry, Stop, Verdict};
pub use status::StatusSet;

/// What generated code calls. Not part of the public API: anything in it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::Call;
    pub use crate::nesting::{Outcome, attempt};
    pub use crate::outcome::{Again, Informs, Keep, again, collect, informs, is_wanted, keep, once};
    pub use crate::probe::{Giving, Look, Plain, Probe};
    pub use crate::{
        __body as body, __executing as executing, __fresh as fresh, __get as get, __informs as informs,
        __pause as pause, __send as send, __settle as settle, __settle_error as settle_error,
        __watch as watch,
    };

    #[cfg(feature = "blocking")]
    pub use crate::__block as block;
    #[cfg(feature = "blocking")]
    pub use crate::nesting::attempt_blocking;
}
