//! Tells the causes of reqwest's errors apart, by the types of their sources.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use h2::Reason;
use hyper_util::client::legacy::pool;

use crate::transport::AnyError;

/// Returns whether a failure to connect, with these `sources`, may pass: it is one of the socket,
/// of DNS, or of a TLS handshake that the peer broke off. A handshake that was refused for what was
/// said in it does not pass: rustls reports that as `InvalidData`.
///
/// The pool fails a request that waits for a connection which another request does not bring about.
/// That may pass, as the reason is not known: the next attempt meets it.
pub(crate) fn is_passing<'e>(sources: impl Iterator<Item = &'e AnyError>) -> bool {
    // Connectors wrap an `io::Error` in another one, of kind `Other`.
    let mut innermost = None;
    for error in sources {
        if error.is::<pool::Error>() {
            return true;
        }
        innermost = error.downcast_ref::<io::Error>().or(innermost);
    }
    innermost.is_some_and(|error| error.kind() != ErrorKind::InvalidData)
}

/// Returns whether a request failed for what the user made of it: the body could not be read, which
/// is an `E`, or the headers contradict each other, which has no source.
///
/// hyper also calls it the user's error if the task of the connection ends before the answer. Its
/// source is a text, and the connection is lost.
pub(crate) fn is_of_user<E: StdError + 'static>(error: &hyper::Error) -> bool {
    error.is_user() && error.source().is_none_or(<dyn StdError>::is::<E>)
}

/// Returns whether `error` says that a compressed body ended early.
pub(crate) fn is_end(error: &AnyError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
}

/// Returns whether `error` says that the server has not processed the request (RFC 9113 §8.7).
///
/// A `GOAWAY` says so of the requests that it does not cover, but its error does not tell which
/// they are: hyper also fails a request with it that it covers (`tests/faults/tests/goaway.rs`).
pub(crate) fn is_refusal(error: &AnyError) -> bool {
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        error.is_remote() && error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM)
    })
}
