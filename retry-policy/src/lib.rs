//! The policies of [`retry-http`](https://docs.rs/retry-http): their options, the grammar of
//! values, and the rules with their messages.
//!
//! Depend on `retry-http`, which re-exports the types. The macro, [`Policy::builder`] and the
//! deserialisation of a policy all read and check options with this crate, so that they accept and
//! refuse the same.

#![cfg_attr(docsrs, feature(doc_cfg))]

// Here and not in `retry-http`, since this crate is compiled first: it has no dependencies that
// fail on such a target with an error of their own.
#[cfg(target_family = "wasm")]
compile_error!(
    "retry-http does not support WebAssembly: `std` has no clock there, and the errors of reqwest for browsers do not tell \
     what failed"
);

mod backoff;
mod builder;
mod condition;
#[cfg(feature = "serde")]
mod config;
mod failure;
#[cfg(feature = "serde")]
mod intern;
pub mod keys;
mod message;
mod policy;
pub mod rules;
mod status;
pub mod text;
mod units;
pub mod words;

pub use backoff::{Backoff, Jitter};
pub use builder::PolicyBuilder;
pub use condition::{Answer, Condition, Conditions, Safety};
pub use failure::{Failure, FailureSet};
pub use message::PolicyMessage;
pub use policy::{IDEMPOTENCY_KEY, Policy};
pub use rules::PolicyError;
pub use status::StatusSet;
