//! Tells the causes of reqwest's errors apart, by the types of their sources.

use std::io::{self, ErrorKind};

use h2::Reason;

use crate::transport::AnyError;

/// Returns whether a failure to connect, with these `sources`, may pass: it is one of the socket,
/// of DNS, or of a TLS handshake that the peer broke off. A handshake that was refused for what was
/// said in it does not pass: rustls reports that as `InvalidData`.
pub(crate) fn is_passing<'e>(sources: impl Iterator<Item = &'e AnyError>) -> bool {
    // Connectors wrap an `io::Error` in another one, of kind `Other`.
    let innermost = sources.filter_map(|error| error.downcast_ref::<io::Error>()).last();
    innermost.is_some_and(|error| error.kind() != ErrorKind::InvalidData)
}

/// Returns whether `error` says that a compressed body ended early.
pub(crate) fn is_end(error: &AnyError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
}

/// Returns whether `error` says that the server has not processed the request (RFC 9113 §8.7).
///
/// A `GOAWAY` fails only the requests that it names as not processed. Those that it covers fail
/// with the connection, if they do.
pub(crate) fn is_refusal(error: &AnyError) -> bool {
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        error.is_remote()
            && match error.reason() {
                Some(Reason::REFUSED_STREAM) => error.is_reset(),
                Some(Reason::NO_ERROR) => error.is_go_away(),
                _ => false,
            }
    })
}
