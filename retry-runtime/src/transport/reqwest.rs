//! The only file that knows reqwest's types, of either version, async and blocking.

use retry_policy::FailureSet;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use std::sync::Arc;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use std::time::Duration;

use crate::engine::report::{By, Report};
use crate::transport::{AnyError, Failing};

/// Returns what `error` says, where it is reqwest's, or tokio's `Elapsed`.
fn report_of(error: &AnyError) -> Option<Report<'_>> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = owned_or_shared::<reqwest_0_13::Error>(error) {
        return Some(error.report());
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = owned_or_shared::<reqwest_0_12::Error>(error) {
        return Some(error.report());
    }
    #[cfg(feature = "reqwest-middleware-0-5")]
    if let Some(error) = owned_or_shared::<reqwest_middleware::Error>(error) {
        return Some(error.report());
    }
    error.downcast_ref::<tokio::time::error::Elapsed>().map(Failing::report)
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

/// Returns what the first error that is known says, among `error` and its sources.
pub(crate) fn search(error: &AnyError) -> Report<'_> {
    sources(error).find_map(report_of).unwrap_or(Report::new(By::Error))
}

/// Reading a blocking response as `std::io::Read` fails with it.
impl Failing for std::io::Error {
    fn report(&self) -> Report<'_> {
        search(self)
    }
}

/// Returns the ways in which the exchange behind `error` failed, by the first reqwest error among `error` and its sources.
/// Returns no failure if there is none, or if that is about something else, such as a status.
///
/// For impls of [`HttpFailure`](crate::HttpFailure) that keep such an error.
pub fn failures_of(error: &AnyError) -> FailureSet {
    sources(error).find_map(failures).unwrap_or_default()
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

/// Defines for reqwest's async or its blocking API, under the path of either, what both have.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! transport {
    ($($path:ident)::+, $own_timeout:item, $drain:item) => {
        use $($path)::+::{Body, Client, Request, RequestBuilder, Response};

        /// Arms the request that is passed to `execute`.
        pub struct Arming {
            idempotent: Option<bool>,
            own_timeout: Option<Duration>,
            tracked: Tracked,
        }

        impl Executor for Client {
            type Arming = Arming;

            #[inline]
            fn arming(&self, idempotent: Option<bool>) -> Arming {
                // It is not to be had later, and costs too much where nobody bounds the request.
                let own_timeout = scope::bound().and_then(|_| own_timeout(self));
                Arming { idempotent, own_timeout, tracked: Tracked::nothing() }
            }
        }

        $own_timeout

        /// Bounds a request that is about to be sent, and gives it its key.
        #[inline]
        pub(crate) fn prepare(
            request: &mut Request,
            own: impl FnOnce() -> Option<Duration>,
            idempotent: Option<bool>,
        ) -> Tracked {
            let (method, url) = (request.method(), request.url().as_str());
            let mut prepared = Prepared::new(method, request.headers(), url, idempotent);
            if scope::is_imposing() {
                impose(request, own, &mut prepared);
            }
            Tracked::new(prepared)
        }

        /// Does to a request what the calls around ask for. Apart, so that the way of all others is short.
        #[cold]
        fn impose(request: &mut Request, own: impl FnOnce() -> Option<Duration>, prepared: &mut Prepared) {
            if let Some(bound) = scope::bound() {
                let own = request.timeout().copied().or_else(own);
                *request.timeout_mut() = Some(own.map_or(bound, |own| own.min(bound)));
            }
            if !prepared.needs_no_key() {
                let (method, path) = (request.method().clone(), request.url().path().to_owned());
                if let Some(key) = scope::give_key(&method, &path, request.headers_mut()) {
                    prepared.give_key(key);
                }
            }
        }

        impl Answer for Response {
            #[inline]
            fn report(&self) -> Report<'_> {
                Report::response(self.status(), self.headers()).about(Some(self.url().as_str()))
            }

            fn host(&self) -> Option<&str> {
                self.url().host_str()
            }

            $drain
        }

        impl TryClone for Request {
            fn try_clone(&self) -> Option<Self> {
                Request::try_clone(self)
            }
        }

        impl TryClone for Body {
            fn try_clone(&self) -> Option<Self> {
                self.as_bytes().map(|bytes| Body::from(bytes.to_vec()))
            }
        }

        impl TryClone for RequestBuilder {
            fn try_clone(&self) -> Option<Self> {
                RequestBuilder::try_clone(self)
            }
        }

        impl Readable for Response {
            #[inline]
            fn answer(&self) -> usize {
                address(self.url().as_str())
            }
        }
    };
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! version {
    ($version:ident, $reqwest:ident) => {
        pub(crate) mod $version {
            use std::future::Future;
            use std::time::Duration;

            use $reqwest::Error;

            use super::{LARGEST_DRAIN, printed_timeout, sources};
            use crate::engine::recorder::{Prepared, address};
            use crate::engine::report::{By, Report};
            use crate::scope;
            use crate::transport::sending::{Sending, Tracked};
            use crate::transport::{
                Answer, AnyError, Armed, Executor, Failing, OfTransport, Readable, Sender, TryClone, Work,
            };
            use retry_policy::{Failure, FailureSet};

            transport!(
                $reqwest,
                fn own_timeout(client: &Client) -> Option<Duration> {
                    printed_timeout(&format!("{client:?}"))
                },
                fn drain(self) -> Option<Work> {
                    Some(Box::pin(drain(self)))
                }
            );

            impl Sender for RequestBuilder {
                type Response = Response;
                type Error = Error;

                // Always, or the request is moved once more.
                #[inline(always)]
                fn arm(
                    self,
                    idempotent: Option<bool>,
                ) -> Armed<impl Future<Output = Result<Response, Error>>, Error> {
                    let (client, request) = self.build_split();
                    // Errors of the builder are kept for when it is awaited, as reqwest does.
                    let sending = match request {
                        Ok(mut request) => {
                            let tracked = prepare(&mut request, || own_timeout(&client), idempotent);
                            Sending::new(client.execute(request), tracked)
                        }
                        Err(error) => Sending::failed(error),
                    };
                    Armed { sending }
                }
            }

            impl Arming {
                /// The request, armed.
                #[inline]
                pub fn arm_request(&mut self, mut request: Request) -> Request {
                    self.tracked = prepare(&mut request, || self.own_timeout, self.idempotent);
                    request
                }

                /// The future that sends it, recorded.
                #[inline]
                pub fn watch<F>(self, future: F) -> Sending<F, Error>
                where
                    F: Future<Output = Result<Response, Error>>,
                {
                    Sending::new(future, self.tracked)
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

            impl OfTransport for Error {}

            impl Failing for Error {
                fn report(&self) -> Report<'_> {
                    if self.is_builder() {
                        return Report::new(By::Unsent);
                    }
                    Report::failure(self.status(), failures(self)).about(self.url().map(|url| url.as_str()))
                }

                fn host(&self) -> Option<&str> {
                    self.url().and_then(|url| url.host_str())
                }
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

                use crate::transport::{BlockingSender, BlockingWork};

                use super::{
                    Answer, Error, Executor, LARGEST_DRAIN, Prepared, Readable, Report, Tracked, TryClone,
                    address, scope,
                };

                transport!(
                    $reqwest::blocking,
                    // A blocking client does not tell.
                    fn own_timeout(_: &Client) -> Option<Duration> {
                        None
                    },
                    fn drain_blocking(self) -> Option<BlockingWork> {
                        Some(Box::new(|| drain(self)))
                    }
                );

                /// A request, and the client that is to send it. Not `Debug`: a request has secrets.
                pub struct Armed {
                    client: Client,
                    // Errors of the builder are kept for when it is sent, as reqwest does.
                    request: Result<Request, Error>,
                    tracked: Tracked,
                }

                impl BlockingSender for RequestBuilder {
                    type Armed = Armed;

                    fn arm(self, idempotent: Option<bool>) -> Armed {
                        let (client, mut request) = self.build_split();
                        let tracked = match &mut request {
                            Ok(request) => prepare(request, || own_timeout(&client), idempotent),
                            Err(_) => Tracked::nothing(),
                        };
                        Armed { client, request, tracked }
                    }
                }

                impl Armed {
                    /// Sends the request.
                    ///
                    /// # Errors
                    ///
                    /// Those of reqwest's `blocking::RequestBuilder::send`.
                    pub fn send(mut self) -> Result<Response, Error> {
                        let request = self.request?;
                        self.tracked.send();
                        let result = self.client.execute(request);
                        self.tracked.end(&result);
                        result
                    }
                }

                impl Arming {
                    /// The request, armed. It is sent right after.
                    #[inline]
                    pub fn arm_request(&mut self, mut request: Request) -> Request {
                        self.tracked = prepare(&mut request, || self.own_timeout, self.idempotent);
                        self.tracked.send();
                        request
                    }

                    /// The result, recorded.
                    #[inline]
                    pub fn watch(mut self, result: Result<Response, Error>) -> Result<Response, Error> {
                        self.tracked.end(&result);
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
