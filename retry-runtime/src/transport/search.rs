//! Searches an error and its sources for one that says something about an exchange.

use crate::engine::report::{By, Report};
use crate::transport::sources::sources;
use crate::transport::{AnyError, HttpError, reqwest};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use retry_policy::FailureSet;

/// Returns the report of the first error of a known type, among `error` and its sources.
pub(crate) fn search(error: &AnyError) -> Report<'_> {
    sources(error).find_map(report_of).unwrap_or(Report::new(By::Error))
}

/// Returns the report of `error` itself, if it is reqwest's or tokio's `Elapsed`.
fn report_of(error: &AnyError) -> Option<Report<'_>> {
    reqwest::report_of(error)
        .or_else(|| error.downcast_ref::<tokio::time::error::Elapsed>().map(HttpError::report))
}

/// Reading a blocking response as `std::io::Read` fails with it.
impl HttpError for std::io::Error {
    fn report(&self) -> Report<'_> {
        search(self)
    }
}

/// Returns the ways in which a request failed, from the first `reqwest::Error` among `error` and
/// its sources.
///
/// Returns an empty set if there is no such error, or if it is about something else,
/// such as a status.
///
/// Use this function to implement [`HttpFailure::failures`](crate::HttpFailure::failures) for an
/// error that contains a `reqwest::Error`.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub fn failures_of(error: &AnyError) -> FailureSet {
    sources(error).find_map(reqwest::failures).unwrap_or_default()
}
