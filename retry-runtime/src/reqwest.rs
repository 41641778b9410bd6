//! The only file that knows reqwest's types, of either version, async and blocking.

use crate::call::Call;
use crate::failure::FailureSet;
use crate::probe::AnyError;

/// Tells `call` what `error` says, where it is reqwest's.
pub(crate) fn tell(error: &AnyError, call: &mut Call<'_>) -> bool {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = error.downcast_ref() {
        v0_13::tell(error, call);
        return true;
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = error.downcast_ref() {
        v0_12::tell(error, call);
        return true;
    }
    _ = (error, call);
    false
}

/// The ways in which the exchange behind `error` failed, where it is reqwest's.
pub(crate) fn failures(error: &AnyError) -> Option<FailureSet> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = error.downcast_ref() {
        return Some(v0_13::failures(error));
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = error.downcast_ref() {
        return Some(v0_12::failures(error));
    }
    _ = error;
    None
}

/// How much of a failed response to drain at the most, in bytes: two megabytes take about as long as a new
/// TLS connection.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
const LARGEST_DRAIN: u64 = 2 * 1024 * 1024;

/// What reqwest's async and its blocking API have in common, under the path of either.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! transport {
    ($($path:tt)+) => {
        use $($path)+::{Client, Request, RequestBuilder, Response};

        /// A request, the client that is to send it, and the call that wants to know.
        #[derive(Debug)]
        pub struct Armed<'c, 'p> {
            client: Client,
            // Errors of the builder are kept for when it is sent, as reqwest does.
            request: Result<Request, Error>,
            call: &'c mut Call<'p>,
        }

        impl Sender for RequestBuilder {
            type Armed<'c, 'p: 'c> = Armed<'c, 'p>;

            #[inline]
            fn arm<'c, 'p>(self, call: &'c mut Call<'p>) -> Armed<'c, 'p> {
                let (client, request) = self.build_split();
                if let Ok(request) = &request {
                    call.sending(request.method(), request.headers());
                }
                Armed { client, request, call }
            }
        }

        impl Executor for Client {
            type Request = Request;
            type Result = Result<Response, Error>;

            #[inline]
            fn sending(request: &Request, call: &mut Call<'_>) {
                call.sending(request.method(), request.headers());
            }

            #[inline]
            fn note(result: &Result<Response, Error>, call: &mut Call<'_>) {
                match result {
                    Ok(response) => response.tell(call),
                    Err(error) => tell(error, call),
                }
            }
        }

        impl Answer for Response {
            #[inline]
            fn tell(&self, call: &mut Call<'_>) {
                call.answered(self.status(), self.headers());
            }
        }
    };
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! version {
    ($version:ident, $reqwest:ident) => {
        mod $version {
            use $reqwest::Error;

            use super::LARGEST_DRAIN;
            use crate::call::Call;
            use crate::failure::{Failure, FailureSet};
            use crate::probe::{Answer, AnyError, Drain, Executor, Failing, Sender, sources};

            transport!($reqwest);

            impl Armed<'_, '_> {
                /// Sends the request.
                ///
                /// # Errors
                ///
                /// Those of reqwest's `RequestBuilder::send`.
                pub async fn send(self) -> Result<Response, Error> {
                    let result = self.client.execute(self.request?).await;
                    Client::note(&result, self.call);
                    result
                }
            }

            impl Drain for Response {
                async fn drain(mut self) {
                    let mut left = LARGEST_DRAIN;
                    if self.content_length().is_some_and(|length| length > left) {
                        return;
                    }
                    while let Ok(Some(chunk)) = self.chunk().await {
                        left = left.saturating_sub(chunk.len() as u64);
                        if left == 0 {
                            return;
                        }
                    }
                }
            }

            impl Failing for Error {
                fn tell(&self, call: &mut Call<'_>) {
                    tell(self, call);
                }
            }

            pub(super) fn tell(error: &Error, call: &mut Call<'_>) {
                if let Some(status) = error.status() {
                    call.answered_with(status);
                }
                failures(error).iter().for_each(|failure| call.failed(failure));
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

            /// A truncated body is a decode error with a body error below it; malformed JSON is not.
            fn broke_off(error: &Error) -> bool {
                below(error).any(|error| error.downcast_ref::<Error>().is_some_and(Error::is_body))
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

                use super::{Answer, Call, Error, Executor, LARGEST_DRAIN, Sender, tell};
                use crate::probe::DrainBlocking;

                transport!($reqwest::blocking);

                impl Armed<'_, '_> {
                    /// Sends the request.
                    ///
                    /// # Errors
                    ///
                    /// Those of reqwest's `blocking::RequestBuilder::send`.
                    pub fn send(self) -> Result<Response, Error> {
                        let result = self.client.execute(self.request?);
                        Client::note(&result, self.call);
                        result
                    }
                }

                impl DrainBlocking for Response {
                    fn drain(self) {
                        if self.content_length().is_none_or(|length| length <= LARGEST_DRAIN) {
                            // Only the connection is wanted: how reading ends says nothing more.
                            let _: std::io::Result<u64> =
                                std::io::copy(&mut self.take(LARGEST_DRAIN), &mut std::io::sink());
                        }
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
