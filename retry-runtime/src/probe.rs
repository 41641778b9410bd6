//! The only file that knows reqwest's types: what a value of any type says about an exchange.
//!
//! The macro does not know types, so the generated code asks `Probe::of(&value).question()` and lets method
//! resolution decide. A [`Probe`] derefs through a chain of wrappers, one for each kind of knowledge, most
//! specific first; each implements the question only for the types it knows, and the last one for all.
//! Inherent methods found by autoderef need no trait in scope, so nothing is imported into the user's
//! function. Questions that take a value answer with a tag first, which then takes it.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use http::StatusCode;

use crate::ambient;
use crate::call::Call;
use crate::failure::{Failure, FailureSet, HttpFailure};

type SharedError = dyn StdError + Send + Sync + 'static;
type SendError = dyn StdError + Send + 'static;
type AnyError = dyn StdError + 'static;

macro_rules! chain {
    ($($(#[$doc:meta])* $name:ident -> $next:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<'a, T>($next<'a, T>);

        impl<'a, T> $name<'a, T> {
            /// Asks about `value`.
            #[inline]
            pub fn of(value: &'a T) -> Self {
                Self($next::of(value))
            }
        }

        impl<'a, T> Deref for $name<'a, T> {
            type Target = $next<'a, T>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

chain! {
    /// Knows reqwest's own types, and a few of the standard library.
    Probe -> Own;
    /// Knows errors with an own [`HttpFailure`] impl.
    Own -> Shared;
    /// Knows `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
    Shared -> Sendable;
    /// Knows `Box<dyn Error + Send>`.
    Sendable -> Boxed;
    /// Knows `Box<dyn Error>`.
    Boxed -> Sourced;
    /// Knows every other error by its sources.
    Sourced -> Opaque;
}

/// Knows nothing: the end of the chain.
pub struct Opaque<'a, T>(&'a T);

impl<T> fmt::Debug for Opaque<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opaque").finish_non_exhaustive()
    }
}

/// The answer of a type that may say something about an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Known;

/// The answer of a type that says nothing about any exchange.
#[derive(Debug)]
pub struct Unknown<T>(PhantomData<T>);

/// Takes what it is given as it is.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl<'a, T> Opaque<'a, T> {
    #[inline]
    fn of(value: &'a T) -> Self {
        Self(value)
    }

    /// What `.send()` is called on: not reqwest's, so all that is ever known is the outcome.
    #[inline]
    pub fn arming(&self) -> Plain {
        Plain
    }

    /// What `.execute(..)` is called on, as above.
    #[inline]
    pub fn executing(&self) -> Plain {
        Plain
    }

    /// The two sides of a result; neither where it is none.
    #[inline]
    pub fn sides(&self) -> (Option<&'a ()>, Option<&'a ()>) {
        (None, None)
    }

    /// What a success says about its exchange.
    #[inline]
    pub fn answer(&self, _: &mut Call<'_>) {}

    /// What an error says about its exchange.
    #[inline]
    pub fn failure(&self, _: &mut Call<'_>) {}

    /// What the result of reading a body says about its exchange.
    #[inline]
    pub fn broken(&self, _: &mut Call<'_>) {}

    /// Whether a success can say anything.
    #[inline]
    pub fn answer_known(&self) -> Unknown<T> {
        Unknown(PhantomData)
    }

    /// Whether an error can say anything.
    #[inline]
    pub fn failure_known(&self) -> Unknown<T> {
        Unknown(PhantomData)
    }

    /// How an outcome that is not returned is disposed of, and the wait spent.
    #[inline]
    pub fn pausing(&self) -> Plain {
        Plain
    }
}

impl Plain {
    /// The sender or request as it is. Generic, so that its type may still be inferred.
    #[inline]
    pub fn arm<T>(self, operand: T, _: &mut Call<'_>) -> T {
        operand
    }

    /// The result as it is.
    #[inline]
    pub fn noted<R>(self, result: R, _: &mut Call<'_>) -> R {
        result
    }

    /// Drops the outcome at once, then waits.
    pub fn pause<T>(self, _outcome: Option<T>, wait: Duration) -> impl Future<Output = ()> + Send {
        ambient::sleep(wait)
    }

    /// Drops the outcome at once, then blocks.
    #[cfg(feature = "blocking")]
    pub fn block<T>(self, _outcome: Option<T>, wait: Duration) {
        ambient::blocking::sleep_until(ambient::blocking::now(), wait);
    }
}

impl<'a, T, E> Probe<'a, Result<T, E>> {
    /// The two sides of a result.
    #[inline]
    pub fn sides(&self) -> (Option<&'a T>, Option<&'a E>) {
        match self.value() {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        }
    }
}

impl<'a, T> Probe<'a, T> {
    #[inline]
    fn value(&self) -> &'a T {
        self.0.0.0.0.0.0.0
    }
}

impl<B> Probe<'_, http::Response<B>> {
    /// A response as the `http` crate has it.
    #[inline]
    pub fn answer(&self, call: &mut Call<'_>) {
        call.answered(self.value().status(), self.value().headers());
    }

    /// Says its status and headers.
    #[inline]
    pub fn answer_known(&self) -> Known {
        Known
    }
}

impl Probe<'_, std::io::Error> {
    /// What reading a `reqwest::blocking::Response` as `std::io::Read` fails with.
    pub fn failure(&self, call: &mut Call<'_>) {
        search(self.value(), call);
    }

    /// Says what is inside of it.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

impl<E: HttpFailure> Own<'_, E> {
    /// What the error says of itself counts, and nothing else.
    pub fn failure(&self, call: &mut Call<'_>) {
        let error = self.0.0.0.0.0.0;
        if let Some(status) = error.status().and_then(|status| StatusCode::from_u16(status).ok()) {
            call.answered_with(status);
        }
        if let Some(failure) = error.failure() {
            call.failed(failure);
        }
        if let Some(wait) = error.retry_after() {
            call.hinted(wait);
        }
    }

    /// Says what it is asked.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

macro_rules! dynamic {
    ($($wrapper:ident, $error:ty, |$this:ident| $value:expr;)+) => {$(
        impl<E: AsRef<$error>> $wrapper<'_, E> {
            /// Looks at the error and its sources.
            pub fn failure(&self, call: &mut Call<'_>) {
                let $this = self;
                search($value.as_ref(), call);
            }

            /// Says what is inside of it.
            #[inline]
            pub fn failure_known(&self) -> Known {
                Known
            }
        }
    )+};
}

dynamic! {
    Shared, SharedError, |this| this.0.0.0.0.0;
    Sendable, SendError, |this| this.0.0.0.0;
    Boxed, AnyError, |this| this.0.0.0;
}

impl<E: StdError> Sourced<'_, E> {
    /// Looks at the sources only: an error with a lifetime cannot be looked at by type.
    pub fn failure(&self, call: &mut Call<'_>) {
        if let Some(source) = self.0.0.source() {
            search(source, call);
        }
    }

    /// Says what its sources are.
    #[inline]
    pub fn failure_known(&self) -> Known {
        Known
    }
}

/// Tells `call` of the first reqwest error among `error` and its sources.
fn search(error: &AnyError, call: &mut Call<'_>) {
    sources(error).any(|error| tell(error, call));
}

/// `error` and its sources. An `io::Error` hides what it wraps from its own `source()`.
fn sources(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    // No honest chain is this long; one that leads back to itself must not hang the caller.
    const LONGEST: usize = 64;
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|error| error as &AnyError).or_else(|| error.source())
    })
    .take(LONGEST)
}

/// Tells `call` what `error` says, where it is one of reqwest's.
fn tell(error: &AnyError, call: &mut Call<'_>) -> bool {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = error.downcast_ref() {
        reqwest_0_13::tell(error, call);
        return true;
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = error.downcast_ref() {
        reqwest_0_12::tell(error, call);
        return true;
    }
    _ = (error, call);
    false
}

/// What a failed response is worth, so that its connection can be used again: at most this much is read and
/// thrown away, for at most this long.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod drain {
    use std::time::Duration;

    /// Bytes. A megabyte takes about as long as a new TLS connection.
    pub(super) const MOST: u64 = 2 * 1024 * 1024;
    pub(super) const LONGEST: Duration = Duration::from_secs(1);
}

/// What reqwest's async and its blocking API have in common, under the path of either.
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

        /// Arms what reqwest sends.
        #[derive(Clone, Copy, Debug)]
        pub struct ArmBuilder;

        impl Probe<'_, RequestBuilder> {
            /// `.send()` is called on reqwest's builder.
            #[inline]
            pub fn arming(&self) -> ArmBuilder {
                ArmBuilder
            }
        }

        impl ArmBuilder {
            /// The builder, as something to `.send()` that tells `call`.
            #[inline]
            pub fn arm<'c, 'p>(self, builder: RequestBuilder, call: &'c mut Call<'p>) -> Armed<'c, 'p> {
                let (client, request) = builder.build_split();
                if let Ok(request) = &request {
                    call.sending(request.method(), request.headers());
                }
                Armed { client, request, call }
            }
        }

        /// Arms what is passed to reqwest's `Client::execute`.
        #[derive(Clone, Copy, Debug)]
        pub struct ArmRequest;

        macro_rules! executing {
            ($client:ty) => {
                impl Probe<'_, $client> {
                    /// `.execute(..)` is called on reqwest's client.
                    #[inline]
                    pub fn executing(&self) -> ArmRequest {
                        ArmRequest
                    }
                }
            };
        }
        executing!(Client);
        executing!(&Client);
        executing!(Arc<Client>);
        executing!(&Arc<Client>);

        impl ArmRequest {
            /// The request, of which `call` is told.
            #[inline]
            pub fn arm(self, request: Request, call: &mut Call<'_>) -> Request {
                call.sending(request.method(), request.headers());
                request
            }

            /// The result, of which `call` is told.
            #[inline]
            pub fn noted(self, result: Result<Response, Error>, call: &mut Call<'_>) -> Result<Response, Error> {
                note(&result, call);
                result
            }
        }

        #[inline]
        fn note(result: &Result<Response, Error>, call: &mut Call<'_>) {
            match result {
                Ok(response) => call.answered(response.status(), response.headers()),
                Err(error) => tell(error, call),
            }
        }

        impl Probe<'_, Response> {
            /// A response.
            #[inline]
            pub fn answer(&self, call: &mut Call<'_>) {
                call.answered(self.value().status(), self.value().headers());
            }

            /// Says its status and headers.
            #[inline]
            pub fn answer_known(&self) -> Known {
                Known
            }
        }

        /// Drains a failed response while waiting.
        #[derive(Clone, Copy, Debug)]
        pub struct Drain;

        impl Probe<'_, Option<Response>> {
            /// The connection can be used again once the response is read.
            #[inline]
            pub fn pausing(&self) -> Drain {
                Drain
            }
        }
    };
}

macro_rules! version {
    ($version:ident) => {
        mod $version {
            use std::error::Error as StdError;
            use std::future::Future;
            use std::sync::Arc;
            use std::time::Duration;

            use $version::Error;

            use super::{Known, Probe, ambient, drain, sources};
            use crate::call::Call;
            use crate::failure::{Failure, FailureSet};

            transport!($version);

            impl Armed<'_, '_> {
                /// Sends the request.
                ///
                /// # Errors
                ///
                /// Those of reqwest's `RequestBuilder::send`.
                pub async fn send(self) -> Result<Response, Error> {
                    let result = self.client.execute(self.request?).await;
                    note(&result, self.call);
                    result
                }
            }

            impl Drain {
                /// Reads what is left of the response, within bounds, then waits for the rest of `wait`.
                pub fn pause(
                    self,
                    outcome: Option<Response>,
                    wait: Duration,
                ) -> impl Future<Output = ()> + Send {
                    // Draining is part of the wait: the clock starts here.
                    let sleep = ambient::sleep(wait);
                    async move {
                        if let Some(response) = outcome {
                            ambient::at_most(drain::LONGEST, drain(response)).await;
                        }
                        sleep.await;
                    }
                }
            }

            async fn drain(mut response: Response) {
                let mut left = drain::MOST;
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

            impl Probe<'_, Error> {
                /// An error of reqwest's.
                #[inline]
                pub fn failure(&self, call: &mut Call<'_>) {
                    tell(self.value(), call);
                }

                /// Says its kind.
                #[inline]
                pub fn failure_known(&self) -> Known {
                    Known
                }
            }

            impl<T> Probe<'_, Result<T, Error>> {
                /// The error with which reading a body ends.
                #[inline]
                pub fn broken(&self, call: &mut Call<'_>) {
                    if let Err(error) = self.value() {
                        tell(error, call);
                    }
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

            fn below(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
                error.source().into_iter().flat_map(sources)
            }

            #[cfg(feature = "blocking")]
            mod blocking {
                use std::io::Read;
                use std::sync::Arc;
                use std::time::Duration;

                use super::super::{Known, Probe, ambient, drain};
                use super::{Call, Error, tell};

                transport!($version::blocking);

                impl Armed<'_, '_> {
                    /// Sends the request.
                    ///
                    /// # Errors
                    ///
                    /// Those of reqwest's `blocking::RequestBuilder::send`.
                    pub fn send(self) -> Result<Response, Error> {
                        let result = self.client.execute(self.request?);
                        note(&result, self.call);
                        result
                    }
                }

                impl Drain {
                    /// Reads what is left of the response, within bounds, then blocks for the rest of `wait`.
                    pub fn block(self, outcome: Option<Response>, wait: Duration) {
                        let start = ambient::blocking::now();
                        if let Some(response) = outcome
                            && response.content_length().is_none_or(|length| length <= drain::MOST)
                        {
                            ambient::blocking::at_most(drain::LONGEST, move || {
                                // Only the connection is wanted: how reading ends says nothing more.
                                let _: std::io::Result<u64> =
                                    std::io::copy(&mut response.take(drain::MOST), &mut std::io::sink());
                            });
                        }
                        ambient::blocking::sleep_until(start, wait);
                    }
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-0-13")]
version!(reqwest_0_13);
#[cfg(feature = "reqwest-0-12")]
version!(reqwest_0_12);

impl Failure {
    /// The way in which the exchange behind `error` failed: what the first reqwest error among it and its
    /// sources says. `None` where there is none, or where it is about something else, such as a status.
    ///
    /// For impls of [`HttpFailure`] that keep such an error.
    pub fn of(error: &AnyError) -> Option<Self> {
        sources(error).find_map(failures).and_then(|failures| failures.iter().next())
    }
}

/// The ways in which the exchange behind a reqwest error failed; `None` for other errors.
fn failures(error: &AnyError) -> Option<FailureSet> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = error.downcast_ref() {
        return Some(reqwest_0_13::failures(error));
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = error.downcast_ref() {
        return Some(reqwest_0_12::failures(error));
    }
    _ = error;
    None
}
