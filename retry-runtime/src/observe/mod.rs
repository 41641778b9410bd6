//! Events of calls, for observers, logs and metrics.
//!
//! An event borrows its values, and has none that could be a secret: the host of a URL, the name of
//! a header, nothing of a body.

#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg(feature = "tracing")]
pub(crate) mod tracing;

use std::time::Duration;

use http::{Method, StatusCode};
use retry_policy::{Failure, FailureSet};

use crate::engine::retry::Stop;

/// Something that happened in a call of an annotated function.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The function, by its path: `crate::module::function`.
    pub function: &'static str,
    /// The number of the attempt within the call, from 1.
    pub attempt: u32,
    /// The time since the call began. Zero if the function has neither an observer nor a deadline.
    pub elapsed: Duration,
    /// The method of the deciding request, if it is known.
    pub method: Option<&'e Method>,
    /// The host of the request's URL, if it is known. Never the path or query.
    pub host: Option<&'e str>,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// The ways in which the request failed.
    pub failures: FailureSet,
    /// The longest wait that the server asked for: in answer to the deciding request, or to another
    /// failed request of the attempt. A wait for another request counts up to `max_retry_after`.
    pub hint: Option<Duration>,
    /// The name, in lower case, of the header with the deciding request's own hint. `None` if that
    /// request has no hint, or an error of the user's gave it.
    pub hint_header: Option<&'static str>,
    /// The step of the call.
    pub step: Step,
}

impl Event<'_> {
    /// Returns OpenTelemetry's `error.type`: the status if it is that of an error, else the
    /// [`name`](crate::Failure::name) of the first failure; `None` if there is neither.
    pub fn error_type(&self) -> Option<&str> {
        match &self.status {
            Some(status) if status.is_client_error() || status.is_server_error() => Some(status.as_str()),
            _ => self.failures.iter().next().map(Failure::name),
        }
    }
}

/// A step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// An attempt failed, and another one follows after `wait`.
    Retry {
        /// The wait before the next attempt.
        wait: Duration,
    },
    /// The upstream delays the next attempt.
    Held {
        /// The wait before the call asks the upstream again.
        wait: Duration,
    },
    /// A renewal of credentials ended.
    Renewed {
        /// `true` if another attempt follows with fresh credentials. If the server asked another
        /// request of the attempt to wait, it follows after that wait. `false` if the call ends
        /// with the 401.
        succeeded: bool,
    },
    /// The call ends. Not emitted after a failed renewal, where `Renewed { succeeded: false }` is
    /// the last event, nor if the call is dropped.
    End {
        /// The reason why no other attempt follows.
        stop: Stop,
        /// `true` if the call returns an `Ok` that is not a response with an error status.
        succeeded: bool,
    },
}

/// Observes every event of a call: a closure or function over [`Event`], or a type of yours.
///
/// The call waits until it returns, so it should return soon. Calls on several threads may use it
/// at the same time.
#[diagnostic::on_unimplemented(
    message = "`observer` is told of events, and `{Self}` cannot be",
    label = "no `Observer`",
    note = "write a closure (`observer = |event| ..`), a function over `&Event<'_>`, or `impl Observer for ..`; it must be `Sync`; behind a reference or `Arc`, name what is there: `observer = *self.observer`"
)]
pub trait Observer: Sync {
    /// Observes one event.
    fn observe(&self, event: &Event<'_>);
}

#[diagnostic::do_not_recommend]
impl<F: Fn(&Event<'_>) + Sync> Observer for F {
    fn observe(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Returns a closure as it is, with the type of its argument inferred.
pub fn observer<F: Fn(&Event<'_>) + Sync>(observer: F) -> F {
    observer
}
