//! Errors of the user's that say what happened to their request.

use retry_policy::FailureSet;
use std::time::Duration;

/// An error of yours that describes the exchange that failed.
///
/// Implement it where an error keeps what the server or the transport said, but is not, and has not as a
/// [`source`](std::error::Error::source), the `reqwest::Error` it came from. Where it is implemented it is
/// what counts, and the sources of the error are not looked at.
///
/// ```
/// use retry_http::HttpFailure;
/// use std::time::Duration;
///
/// struct ApiError {
///     code: u16,
///     wait: Option<Duration>,
/// }
///
/// impl HttpFailure for ApiError {
///     fn status(&self) -> Option<u16> {
///         Some(self.code)
///     }
///
///     fn retry_after(&self) -> Option<Duration> {
///         self.wait
///     }
/// }
/// ```
pub trait HttpFailure {
    /// The status that the server answered with, if it answered.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Returns the ways in which the exchange failed, if there was no answer or reading it failed. See [`failures_of`](crate::failures_of) for
    /// errors that keep a `reqwest::Error`.
    fn failures(&self) -> FailureSet {
        FailureSet::EMPTY
    }

    /// The wait that the server asked for, counted from now.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
