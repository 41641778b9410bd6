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
///
/// An attempt may send several requests. The event describes the *deciding* request, whose result
/// decides whether the attempt is retried. Of a URL it has only the host, of a header only the
/// name, and of a body nothing, so it is safe to log.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The function, by its path: `crate::module::function`.
    pub function: &'static str,
    /// The number of the attempt within the call, from 1.
    pub attempt: u32,
    /// The time since the call began.
    pub elapsed: Duration,
    /// The method of the deciding request, if it is known.
    pub method: Option<&'e Method>,
    /// The host in the URL of the deciding request, if it is known.
    pub host: Option<&'e str>,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// The ways in which the request failed.
    pub failures: FailureSet,
    /// The longest wait that the server asked for, in answer to the deciding request, to another
    /// failed request of the attempt, or to one with a listed 202. The wait of another request
    /// counts only up to `max_retry_after`.
    pub hint: Option<Duration>,
    /// The name of the header with the hint of the deciding request: in lower case, or as the
    /// policy writes it if the policy names the header. `None` if that request has no hint, or if
    /// an error has given it ([`HttpFailure::retry_after`](crate::HttpFailure::retry_after)).
    pub hint_header: Option<&'static str>,
    /// The step of the call.
    pub step: Step,
}

impl Event<'_> {
    /// Returns the value of OpenTelemetry's `error.type`: the status if it is an error status, or
    /// else the [`name`](crate::Failure::name) of the first failure. Returns `None` if there is
    /// neither.
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
    /// The upstream delays the next attempt. It may do so several times before one attempt.
    Held {
        /// The wait before the call asks the upstream again.
        wait: Duration,
    },
    /// A renewal of credentials ended.
    Renewed {
        /// `true` if another attempt follows with fresh credentials. That attempt begins at once,
        /// unless the server has asked for a wait in answer to another request of the last attempt.
        /// `false` if the call ends with the 401.
        succeeded: bool,
    },
    /// The call ends. A call that ends after a failed renewal emits `Renewed { succeeded: false }`
    /// as its last event instead. A call that is dropped emits no last event.
    End {
        /// The reason why no other attempt follows. [`Stop::NotRetryable`] after a success that
        /// nothing asks to retry.
        stop: Stop,
        /// `true` if the call returns an `Ok` that is not a response with an error status.
        succeeded: bool,
    },
}

impl Step {
    /// The end of a call by a plain success.
    pub(crate) const SUCCESS: Self = Self::End { stop: Stop::NotRetryable, succeeded: true };
}

/// Receives every event of a call. Closures and functions of type `Fn(&Event<'_>)` are observers,
/// and other types can implement this trait.
///
/// ```
/// use retry_http::{Event, HttpFailure, Observer, Step, retry_http};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// /// Counts retries.
/// struct Retries(AtomicU32);
///
/// impl Observer for Retries {
///     fn observe(&self, event: &Event<'_>) {
///         if let Step::Retry { .. } = event.step {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// static RETRIES: Retries = Retries(AtomicU32::new(0));
/// # struct ApiError;
/// # impl HttpFailure for ApiError {}
///
/// #[retry_http(observer = RETRIES)]
/// async fn user(id: u64) -> Result<String, ApiError> {
///     // Send a request.
///     # _ = id;
///     # Err(ApiError)
/// }
/// ```
///
/// The call waits until [`observe`](Self::observe) returns, so it should return soon. Calls on
/// several threads may use one observer at the same time.
#[diagnostic::on_unimplemented(
    message = "`observer` gets events, and `{Self}` is not an `Observer`",
    label = "not an `Observer`",
    note = "write a closure (`observer = |event| ..`), a function over `&Event<'_>`, or `impl Observer for ..`; it must be `Sync`; if it is behind a reference or an `Arc`, write `observer = *self.observer`"
)]
pub trait Observer: Sync {
    /// Receives one event.
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
