//! Walks the sources of errors, in search of one that says something about an exchange.

use crate::engine::report::{By, Report};
use crate::transport::{AnyError, HttpError, reqwest};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use retry_policy::FailureSet;

/// Iterates over `error` and its sources. An `io::Error` hides the error that it wraps from its own
/// `source()`.
pub(crate) fn sources(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    // No honest chain is this long, and a chain that leads back to itself must not hang the caller.
    const LONGEST: usize = 64;
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|error| error as &AnyError).or_else(|| error.source())
    })
    .take(LONGEST)
}

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

/// Returns the ways in which the exchange behind `error` failed, by the first reqwest error among
/// `error` and its sources. Returns no failure if there is no such error, or if it is about
/// something else, such as a status.
///
/// For impls of [`HttpFailure`](crate::HttpFailure) that keep such an error.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub fn failures_of(error: &AnyError) -> FailureSet {
    sources(error).find_map(reqwest::failures).unwrap_or_default()
}

/// Returns `error` as an `E`. A pointer to a shared error hides that error from its own `source()`.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub(crate) fn owned_or_shared<E: std::error::Error + 'static>(error: &AnyError) -> Option<&E> {
    use std::sync::Arc;

    error
        .downcast_ref()
        .or_else(|| error.downcast_ref::<Arc<E>>().map(|shared| &**shared))
        .or_else(|| error.downcast_ref::<Box<E>>().map(|boxed| &**boxed))
}
