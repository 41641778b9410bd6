//! The only file that knows reqwest's types, of either version, async and blocking.

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use std::sync::Arc;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use std::time::Duration;

use crate::failure::FailureSet;
use crate::seen::Seen;
use crate::transport::{AnyError, Failing};

/// Tells `seen` what `error` says, where it is reqwest's.
fn tell(error: &AnyError, seen: &mut Seen) -> bool {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = owned_or_shared(error) {
        v0_13::tell(error, seen);
        return true;
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = owned_or_shared(error) {
        v0_12::tell(error, seen);
        return true;
    }
    #[cfg(feature = "reqwest-middleware-0-5")]
    if let Some(error) = owned_or_shared::<reqwest_middleware::Error>(error) {
        error.tell(seen);
        return true;
    }
    _ = (error, seen);
    false
}

/// The ways in which the exchange behind `error` failed, where it is reqwest's.
fn failures(error: &AnyError) -> Option<FailureSet> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = owned_or_shared(error) {
        return Some(v0_13::failures(error));
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = owned_or_shared(error) {
        return Some(v0_12::failures(error));
    }
    _ = error;
    None
}

/// `error` and its sources. An `io::Error` hides what it wraps from its own `source()`.
pub(crate) fn sources(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    // No honest chain is this long; one that leads back to itself must not hang the caller.
    const LONGEST: usize = 64;
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|error| error as &AnyError).or_else(|| error.source())
    })
    .take(LONGEST)
}

/// Tells `seen` of the first reqwest error among `error` and its sources.
pub(crate) fn search(error: &AnyError, seen: &mut Seen) {
    sources(error).any(|error| tell(error, seen));
}

/// What reading a blocking response as `std::io::Read` fails with.
impl Failing for std::io::Error {
    fn tell(&self, seen: &mut Seen) {
        search(self, seen);
    }
}

impl FailureSet {
    /// The ways in which the exchange behind `error` failed: what the first reqwest error among it and its
    /// sources says. Empty where there is none, or where it is about something else, such as a status.
    ///
    /// For impls of [`HttpFailure`](crate::HttpFailure) that keep such an error.
    pub fn of(error: &AnyError) -> Self {
        sources(error).find_map(failures).unwrap_or_default()
    }
}

/// `error` as an `E`; errors that are shared hide what they share from their own `source()`.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
fn owned_or_shared<E: std::error::Error + 'static>(error: &AnyError) -> Option<&E> {
    error
        .downcast_ref()
        .or_else(|| error.downcast_ref::<Arc<E>>().map(|shared| &**shared))
        .or_else(|| error.downcast_ref::<Box<E>>().map(|boxed| &**boxed))
}

/// How much of a failed response to drain at the most, in bytes: two megabytes take about as long as a new
/// TLS connection.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
const LARGEST_DRAIN: u64 = 2 * 1024 * 1024;

/// The timeout in the debug output of a client, the only place where reqwest tells it. A request with a timeout
/// overrides it, and must not be given a longer one.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub(crate) fn printed_timeout(client: &str) -> Option<Duration> {
    // After the default headers, whose values are quoted and may be anything.
    let client = client.rsplit_once('"').map_or(client, |(_, rest)| rest);
    // The name of a type, or of a field in older versions.
    let (_, value) = client.rsplit_once("TotalTimeout: ").or_else(|| client.rsplit_once(" timeout: "))?;
    let end = value.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = value.split_at(end);
    let unit = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)]
        .into_iter()
        .find_map(|(name, seconds)| unit.starts_with(name).then_some(seconds))?;
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// What reqwest's async and its blocking API have in common, under the path of either.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! transport {
    ($($path:ident)::+, $own_timeout:item, $drain:item) => {
        use $($path)::+::{Client, Request, RequestBuilder, Response};

        /// A request, and the client that is to send it. Not `Debug`: a request has secrets.
        pub struct Armed<'s> {
            seen: &'s mut Seen,
            client: Client,
            // Errors of the builder are kept for when it is sent, as reqwest does.
            request: Result<Request, Error>,
        }

        impl Sender for RequestBuilder {
            type Armed<'s> = Armed<'s>;

            // Always, or the request is moved twice more.
            #[inline(always)]
            fn arm(self, seen: &mut Seen) -> Armed<'_> {
                let (client, mut request) = self.build_split();
                match &mut request {
                    Ok(request) => Client::sending(request, || client.own_timeout(), seen),
                    Err(_) => seen.sending_nothing(),
                }
                Armed { seen, client, request }
            }
        }

        impl Executor for Client {
            type Request = Request;
            type Result = Result<Response, Error>;

            $own_timeout

            #[inline]
            fn sending(request: &mut Request, own: impl FnOnce() -> Option<Duration>, seen: &mut Seen) {
                if seen.has_orders() {
                    order(request, own, seen);
                }
                seen.sending(request.method(), request.headers(), request.url().as_str());
            }

            #[inline]
            fn note(result: &Result<Response, Error>, seen: &mut Seen) {
                match result {
                    Ok(response) => {
                        seen.came_from(Some(response.url().as_str()));
                        response.tell(seen);
                        seen.at(|| response.url().host_str());
                    }
                    Err(error) => {
                        seen.came_from(error.url().map(|url| url.as_str()));
                        tell(error, seen);
                        seen.at(|| error.url().and_then(|url| url.host_str()));
                    }
                }
            }
        }

        /// Bounds the request, and gives it its key. Apart, so that the way of all others is short.
        #[cold]
        fn order(request: &mut Request, own: impl FnOnce() -> Option<Duration>, seen: &mut Seen) {
            if let Some(bound) = seen.bounded(|| request.timeout().copied().or_else(own)) {
                *request.timeout_mut() = Some(bound);
            }
            let (method, path) = (request.method().clone(), request.url().path().to_owned());
            seen.key(&method, &path, request.headers_mut());
        }

        impl Answer for Response {
            #[inline]
            fn tell(&self, seen: &mut Seen) {
                seen.answered(self.status(), self.headers());
            }

            $drain
        }
    };
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! version {
    ($version:ident, $reqwest:ident) => {
        mod $version {
            use std::time::Duration;

            use $reqwest::Error;

            use super::{LARGEST_DRAIN, printed_timeout, sources};
            use crate::failure::{Failure, FailureSet};
            use crate::seen::Seen;
            use crate::transport::{Answer, AnyError, Executor, Failing, Sender, Work};

            transport!(
                $reqwest,
                fn own_timeout(&self) -> Option<Duration> {
                    printed_timeout(&format!("{self:?}"))
                },
                fn drain(self) -> Option<Work> {
                    Some(Box::pin(drain(self)))
                }
            );

            impl Armed<'_> {
                /// Sends the request.
                ///
                /// # Errors
                ///
                /// Those of reqwest's `RequestBuilder::send`.
                pub async fn send(self) -> Result<Response, Error> {
                    let result = match self.request {
                        Ok(request) => self.client.execute(request).await,
                        Err(error) => Err(error),
                    };
                    Client::note(&result, self.seen);
                    result
                }
            }

            async fn drain(mut response: Response) {
                let mut left = LARGEST_DRAIN;
                if response.content_length().is_some_and(|length| length > left) {
                    return;
                }
                while let Ok(Some(chunk)) = response.chunk().await {
                    left = left.saturating_sub(chunk.len() as u64);
                    if left == 0 {
                        return;
                    }
                }
            }

            impl Failing for Error {
                fn tell(&self, seen: &mut Seen) {
                    tell(self, seen);
                }
            }

            pub(super) fn tell(error: &Error, seen: &mut Seen) {
                if let Some(status) = error.status() {
                    seen.answered_with(status);
                }
                failures(error).iter().for_each(|failure| seen.failed(failure));
            }

            pub(super) fn failures(error: &Error) -> FailureSet {
                let mut failures = FailureSet::EMPTY;
                if error.is_connect() {
                    failures = failures.with(Failure::Connect);
                }
                if error.is_timeout() {
                    failures = failures.with(Failure::Timeout);
                }
                if !failures.is_empty() {
                    failures
                } else if error.is_body() || (error.is_decode() && broke_off(error)) {
                    failures.with(Failure::Body)
                } else if error.is_request() && !misunderstood(error) {
                    failures.with(Failure::Reset)
                } else {
                    failures
                }
            }

            /// A truncated body is a decode error with an error of the transport below it; malformed JSON is not.
            fn broke_off(error: &Error) -> bool {
                // With a read timeout set reqwest puts an error of its own in between.
                below(error).any(|error| {
                    error.is::<hyper::Error>() || error.downcast_ref::<Error>().is_some_and(Error::is_body)
                })
            }

            /// The connection lived, but the answer was not HTTP, or the user's own body could not be sent.
            fn misunderstood(error: &Error) -> bool {
                below(error)
                    .filter_map(|error| error.downcast_ref::<hyper::Error>())
                    .any(|error| (error.is_parse() && !error.is_incomplete_message()) || error.is_user())
            }

            fn below(error: &Error) -> impl Iterator<Item = &AnyError> {
                std::error::Error::source(error).into_iter().flat_map(sources)
            }

            #[cfg(feature = "blocking")]
            mod blocking {
                use std::io::Read;
                use std::time::Duration;

                use crate::transport::BlockingWork;

                use super::{Answer, Error, Executor, LARGEST_DRAIN, Seen, Sender, tell};

                transport!(
                    $reqwest::blocking,
                    // A blocking client does not tell.
                    fn own_timeout(&self) -> Option<Duration> {
                        None
                    },
                    fn drain_blocking(self) -> Option<BlockingWork> {
                        Some(Box::new(|| drain(self)))
                    }
                );

                impl Armed<'_> {
                    /// Sends the request.
                    ///
                    /// # Errors
                    ///
                    /// Those of reqwest's `blocking::RequestBuilder::send`.
                    pub fn send(self) -> Result<Response, Error> {
                        let result = self.request.and_then(|request| self.client.execute(request));
                        Client::note(&result, self.seen);
                        result
                    }
                }

                fn drain(response: Response) {
                    if response.content_length().is_none_or(|length| length <= LARGEST_DRAIN) {
                        // Only the connection is wanted: how reading ends says nothing more.
                        let _: std::io::Result<u64> =
                            std::io::copy(&mut response.take(LARGEST_DRAIN), &mut std::io::sink());
                    }
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-0-13")]
version!(v0_13, reqwest_0_13);
#[cfg(feature = "reqwest-0-12")]
version!(v0_12, reqwest_0_12);
