//! The core of `retry-runtime` once more, whose tests of an `Upstream` run every interleaving of
//! calls on several threads, by loom.

#![allow(dead_code, unused_imports, reason = "the tests use a part of the files")]

#[path = "../../../retry-runtime/src/engine/mod.rs"]
mod engine;
#[path = "../../../retry-runtime/src/env.rs"]
mod env;

use engine::exchange::Exchange;
use engine::hint;
use engine::http_failure::HttpFailure;
use engine::retry::{Retry, Stop, Verdict};
use engine::upstream::{Admission, Scope, Ticket, Upstream};
use retry_policy::{
    Answer, Backoff, Condition, Conditions, Failure, FailureSet, Jitter, Policy, PolicyBuilder, PolicyError,
    PolicyMessage, Safety, StatusSet,
};
