//! Walks the sources of errors.

use crate::transport::AnyError;

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

/// Returns `error` as an `E`. A pointer to a shared error hides that error from its own `source()`.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub(crate) fn owned_or_shared<E: std::error::Error + 'static>(error: &AnyError) -> Option<&E> {
    use std::sync::Arc;

    error
        .downcast_ref()
        .or_else(|| error.downcast_ref::<Arc<E>>().map(|shared| &**shared))
        .or_else(|| error.downcast_ref::<Box<E>>().map(|boxed| &**boxed))
}
