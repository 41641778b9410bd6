//! Errors of users that describe their exchange.

use std::time::Duration;

use retry_policy::FailureSet;

/// An error of yours that describes the exchange that failed.
///
/// Implement this trait for an error that keeps a status or a wait of the server, but neither is a
/// `reqwest::Error` nor has one as a [`source`](std::error::Error::source). Only the implementation
/// counts then: the sources of the error are not searched.
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
    /// Returns the status of the response, if there was one.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Returns the ways in which the exchange failed, if there was no response or
    /// reading its body failed. [`failures_of`](crate::failures_of) tells them of a `reqwest::Error`.
    fn failures(&self) -> FailureSet {
        FailureSet::EMPTY
    }

    /// Returns the wait that the server asked for, counted from now.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
