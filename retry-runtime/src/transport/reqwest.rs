//! The only file that knows reqwest's own types, of either version, async and blocking.

use crate::engine::report::Report;
use crate::transport::AnyError;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::{HttpError, sources::owned_or_shared};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use retry_policy::FailureSet;

/// Returns the report of `error` itself, if it is reqwest's.
pub(crate) fn report_of(error: &AnyError) -> Option<Report<'_>> {
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
    _ = error;
    None
}

/// Returns the ways in which the exchange behind `error` failed, if `error` itself is reqwest's.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub(crate) fn failures(error: &AnyError) -> Option<FailureSet> {
    #[cfg(feature = "reqwest-0-13")]
    if let Some(error) = owned_or_shared(error) {
        return Some(v0_13::failures(error));
    }
    #[cfg(feature = "reqwest-0-12")]
    if let Some(error) = owned_or_shared(error) {
        return Some(v0_12::failures(error));
    }
    None
}

/// The largest part of a failed response to drain, in bytes: two megabytes take about as long as a
/// new TLS connection.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
const LARGEST_DRAIN: u64 = 2 * 1024 * 1024;

/// Returns whether a response of which this much is left is worth draining.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
fn is_small(length: Option<u64>) -> bool {
    length.is_none_or(|length| (1..=LARGEST_DRAIN).contains(&length))
}

/// Defines the items that reqwest's async and blocking APIs have in common, for the API at `$path`.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! transport {
    ($($path:ident)::+, $own_timeout:item, $rest:path $(, $field:ident: $type:ty)?) => {
        use $($path)::+::{Body, Client, Request, RequestBuilder, Response};

        /// Arms the request that is passed to `execute`.
        pub struct Armer {
            idempotent: Option<bool>,
            own_timeout: Option<Duration>,
            tracked: TrackedRequest,
            unsent: Option<Box<Unsent<Response, Error>>>,
            $($field: $type,)?
        }

        impl Executor for Client {
            type Armer = Armer;

            #[inline]
            fn armer(&self, idempotent: Option<bool>) -> Armer {
                // The client is out of reach later, and the timeout costs too much if nobody bounds
                // the request.
                let own_timeout = scope::bound().and_then(|_| own_timeout(self));
                let tracked = TrackedRequest::nothing();
                Armer { idempotent, own_timeout, tracked, unsent: None $(, $field: <$type>::default())? }
            }
        }

        $own_timeout

        /// Bounds a request that is about to be sent, and sets its idempotency key.
        #[inline]
        pub(crate) fn prepare(
            request: &mut Request,
            own: impl FnOnce() -> Option<Duration>,
            idempotent: Option<bool>,
            demand: Demand,
        ) -> Prepared {
            let (method, url) = (request.method(), before_fragment(request.url()));
            let mut prepared = Prepared::new(method, request.headers(), url, idempotent);
            match demand {
                Demand::Nothing => {}
                Demand::Origin => prepared.record_origin(request.url().as_str()),
                Demand::All => impose(request, own, &mut prepared),
            }
            prepared
        }

        /// Prepares a request that is sent as it is, of which this is a clone. Returns `None` for
        /// one that cannot be built. Of one without a clone nothing is known: it counts as a POST.
        pub(crate) fn peek(
            clone: Option<Result<Request, Error>>,
            idempotent: Option<bool>,
        ) -> Option<Prepared> {
            let Some(request) = clone else {
                return Some(Prepared::of_unknown(idempotent));
            };
            let request = request.ok()?;
            let (method, url) = (request.method(), before_fragment(request.url()));
            let mut prepared = Prepared::new(method, request.headers(), url, idempotent);
            if scope::demand() != Demand::Nothing {
                prepared.record_origin(request.url().as_str());
            }
            Some(prepared)
        }

        /// Makes the result of a request that is withheld.
        #[cold]
        pub(crate) fn withhold(request: &Request, prepared: Prepared) -> Box<Unsent<Response, Error>> {
            let result = match scope::withheld() {
                Some(Withheld::Refused(refusal)) => Ok(answer(request.url(), refusal).into()),
                Some(Withheld::TimedOut) | None => Err(timed_out(request.url())),
            };
            Box::new(Unsent { result, tracked: TrackedRequest::new(prepared) })
        }

        /// Imposes the time limits and key of the calls around on a request. A function of its own,
        /// to keep the path of all other requests short.
        #[cold]
        fn impose(request: &mut Request, own: impl FnOnce() -> Option<Duration>, prepared: &mut Prepared) {
            if scope::withheld().is_some() {
                return prepared.withhold();
            }
            prepared.record_origin(request.url().as_str());
            if let Some(bound) = scope::bound() {
                let own = request.timeout().copied().or_else(own);
                *request.timeout_mut() = Some(own.map_or(bound, |own| own.min(bound)));
            }
            if !prepared.is_safe_without_key() {
                let (method, path) = (request.method().clone(), request.url().path().to_owned());
                if let Some(key) = scope::set_key(&method, &path, request.headers_mut()) {
                    prepared.record_key(key);
                }
            }
        }

        impl HttpResponse for Response {
            #[inline]
            fn report(&self) -> Report<'_> {
                Report::response(self.status(), self.headers()).about(Some(self.url().as_str()))
            }

            #[inline]
            fn plain_success(&self) -> Option<PlainSuccess<'_>> {
                PlainSuccess::new(self.status(), self.url().as_str())
            }

            #[inline]
            fn returned(&self) -> Option<Returned> {
                Some(Returned::response(self.status(), self.url().as_str()))
            }

            fn host(&self) -> Option<&str> {
                self.url().host_str()
            }

            fn drain(self) -> Option<Drain> {
                <$rest>::of(self).err().map(<$rest>::into_drain)
            }
        }

        impl CheckedResponse for Response {
            type Error = Error;

            #[inline]
            fn error_for_status(self) -> Result<Self, Error> {
                let status = self.status();
                if status.is_client_error() || status.is_server_error() { refuse(self) } else { Ok(self) }
            }
        }

        /// Keeps a response with the status of an error for the attempt.
        #[cold]
        fn refuse(response: Response) -> Result<Response, Error> {
            let rest = match <$rest>::of(response) {
                // With the URL of the response, and not with a copy.
                Ok(response) => return response.error_for_status(),
                Err(rest) => rest,
            };
            let Err(error) = rest.response.error_for_status_ref() else { return Ok(rest.response) };
            scope::keep_refused(rest.into_drain());
            Err(error)
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

        impl ReadableResponse for Response {
            #[inline]
            fn response_id(&self) -> usize {
                address(self.url().as_str())
            }
        }
    };
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
macro_rules! version {
    ($version:ident, $reqwest:ident, $is_dns:expr) => {
        pub(crate) mod $version {
            use std::future::Future;
            use std::pin::{Pin, pin};
            use std::task::{Context, Poll, Waker, ready};
            use std::time::Duration;

            use http::header::RETRY_AFTER;
            use http::{Method, StatusCode};
            use hyper::body::{Bytes, Frame};
            use $reqwest::{Error, ResponseBuilderExt, Url};

            use super::{LARGEST_DRAIN, is_small};
            use crate::engine::recorder::{Prepared, address};
            use crate::engine::report::{By, PlainSuccess, Report, Returned};
            use crate::scope::{self, Demand, Withheld, drain::Drain, outgoing::Refusal};
            use crate::transport::awaited::{AwaitedFuture, AwaitedRequest};
            use crate::transport::own_timeout;
            use crate::transport::failing::{is_end, is_of_user, is_passing, is_refusal};
            use crate::transport::redirects::{Watch, Watched, watch_redirects};
            use crate::transport::sending::{SendFuture, SendWatch, TrackedRequest, Unsent};
            use crate::transport::sources::sources;
            use crate::transport::{
                AnyError, Armed, CheckedResponse, Executor, HttpError, HttpResponse, ReadableResponse,
                ReqwestError, Sender, TryClone,
            };
            use retry_policy::{Failure, FailureSet};

            transport!(
                $reqwest,
                fn own_timeout(client: &Client) -> Option<Duration> {
                    own_timeout::of(client)
                },
                Rest,
                watch: Watch
            );

            impl Sender for RequestBuilder {
                type Response = Response;
                type Error = Error;

                // Inlined always, or the request is moved once more; in a debug build never, or
                // every annotated function would be compiled with a copy of it.
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn arm(
                    self,
                    idempotent: Option<bool>,
                ) -> SendFuture<impl Future<Output = Result<Response, Error>>, Response, Error> {
                    let (client, request) = self.build_split();
                    // Errors of the builder are returned when it is awaited, as reqwest does.
                    match request {
                        Ok(mut request) => {
                            let prepared = prepare(&mut request, || own_timeout(&client), idempotent, scope::demand());
                            if prepared.is_withheld() {
                                SendFuture::unsent(withhold(&request, prepared))
                            } else {
                                let future = Watched::new(client.execute(request), watch_redirects(&prepared));
                                SendFuture::new(future, TrackedRequest::new(prepared))
                            }
                        }
                        Err(error) => SendFuture::unsent(Box::new(Unsent::failed(error))),
                    }
                }

                fn watch(&self, idempotent: Option<bool>) -> SendWatch {
                    SendWatch::new(peek(RequestBuilder::try_clone(self).map(Self::build), idempotent))
                }

                // Inlined as above.
                #[cfg_attr(not(debug_assertions), inline(always))]
                fn arm_awaited(
                    self,
                ) -> Armed<impl Future<Output = Result<Response, Error>>> {
                    let (client, request) = self.build_split();
                    // A GET is looked at where it lies, and then moved straight to the client: a
                    // function that takes a reference to it would cost another move.
                    let get = request.as_ref().ok().filter(|request| *request.method() == Method::GET);
                    let begun = get.and_then(|request| AwaitedRequest::begin_get(request.url().as_str()));
                    let request = match request {
                        Ok(request) if begun.is_some() => request,
                        request => return Armed(arm_other(&client, request, execute)),
                    };
                    let future = Watched::new(execute(&client, request), Watch::default());
                    Armed(AwaitedFuture::new(future, begun.unwrap_or_default()))
                }
            }

            /// Arms a request that is awaited, for all but a GET on the default terms.
            #[inline(never)]
            fn arm_other<F>(
                client: &Client,
                request: Result<Request, Error>,
                execute: impl FnOnce(&Client, Request) -> F,
            ) -> AwaitedFuture<F, Response, Error> {
                let mut request = match request {
                    Ok(request) => request,
                    Err(error) => return AwaitedFuture::unsent(Box::new(Unsent::failed(error))),
                };
                let prepared = prepare(&mut request, || own_timeout(client), None, scope::demand_of_innermost());
                if prepared.is_withheld() {
                    return AwaitedFuture::unsent(withhold(&request, prepared));
                }
                let watch = Watch::of(&prepared);
                let tracked = AwaitedRequest::begin(prepared);
                AwaitedFuture::new(Watched::new(execute(client, request), watch), tracked)
            }

            /// Executes a request. Its future has one type for all callers.
            #[inline(always)]
            #[allow(clippy::inline_always, reason = "else the request is moved once more")]
            fn execute(
                client: &Client,
                request: Request,
            ) -> impl Future<Output = Result<Response, Error>> + use<> {
                client.execute(request)
            }

            impl Armer {
                /// Arms the request.
                #[inline]
                pub fn arm_request(&mut self, mut request: Request) -> Request {
                    let prepared = prepare(&mut request, || self.own_timeout, self.idempotent, scope::demand());
                    if prepared.is_withheld() {
                        // The future of the client is not polled.
                        self.unsent = Some(withhold(&request, prepared));
                    } else {
                        self.watch = watch_redirects(&prepared);
                        self.tracked = TrackedRequest::new(prepared);
                    }
                    request
                }

                /// Records how the request is answered.
                #[inline]
                pub fn track<F>(self, future: F) -> SendFuture<F, Response, Error>
                where
                    F: Future<Output = Result<Response, Error>>,
                {
                    match self.unsent {
                        None => SendFuture::new(Watched::new(future, self.watch), self.tracked),
                        Some(unsent) => SendFuture::unsent(unsent),
                    }
                }
            }

            /// Returns a URL without its fragment, which stays with the client.
            #[inline]
            pub(crate) fn before_fragment(url: &Url) -> &str {
                let behind = url.fragment().map_or(0, |fragment| "#".len() + fragment.len());
                &url.as_str()[..url.as_str().len() - behind]
            }

            /// The header of an answer that was made here.
            const ANSWER: &str = "retry-http-answer";

            /// Returns the server's refusal again, as an answer to a request that is not sent.
            fn answer(url: &Url, refusal: Refusal) -> http::Response<&'static str> {
                let Refusal { status, retry_after } = refusal;
                let seconds = retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
                let response = http::Response::builder()
                    .status(status)
                    .header(RETRY_AFTER, seconds)
                    .header(ANSWER, "local")
                    .url(url.clone());
                response.body("").unwrap_or_else(|_| {
                    let mut response = http::Response::new("");
                    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    response
                })
            }

            /// Returns the error of a time limit that ran out. Only a body can make one: reqwest
            /// has no constructor.
            fn timed_out(url: &Url) -> Error {
                let response = Response::from(http::Response::new(Body::wrap(TimedOut)));
                let read = pin!(response.bytes()).poll(&mut Context::from_waker(Waker::noop()));
                match read {
                    Poll::Ready(Err(error)) => error.with_url(url.clone()),
                    Poll::Ready(Ok(_)) | Poll::Pending => unreachable!("the body fails at once"),
                }
            }

            /// A body that fails with a time-out.
            struct TimedOut;

            impl hyper::body::Body for TimedOut {
                type Data = Bytes;
                type Error = std::io::Error;

                fn poll_frame(
                    self: Pin<&mut Self>,
                    _: &mut Context<'_>,
                ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
                    let held = "the upstream held the call back until its time was up";
                    Poll::Ready(Some(Err(std::io::Error::new(std::io::ErrorKind::TimedOut, held))))
                }
            }

            /// Reads and discards the rest of a response.
            struct Rest {
                response: Response,
                /// The number of bytes that are read at most.
                left: u64,
            }

            impl Rest {
                /// Drains at once what has arrived, which is all of most responses. Returns the
                /// response if nothing is left to drain, or too much.
                fn of(response: Response) -> Result<Response, Box<Self>> {
                    if !is_small(response.content_length()) {
                        return Ok(response);
                    }
                    let mut rest = Self { response, left: LARGEST_DRAIN };
                    let read = Pin::new(&mut rest).poll(&mut Context::from_waker(Waker::noop()));
                    if read.is_ready() { Ok(rest.response) } else { Err(Box::new(rest)) }
                }

                fn into_drain(self: Box<Self>) -> Drain {
                    Drain::Async(Box::into_pin(self))
                }
            }

            impl Future for Rest {
                type Output = ();

                fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
                    while self.left > 0 {
                        // This future holds nothing of the body, so it can be dropped at any time.
                        let chunk = pin!(self.response.chunk()).poll(context);
                        let Ok(Some(chunk)) = ready!(chunk) else { break };
                        self.left = self.left.saturating_sub(chunk.len() as u64);
                    }
                    Poll::Ready(())
                }
            }

            impl ReqwestError for Error {}

            impl HttpError for Error {
                fn report(&self) -> Report<'_> {
                    if self.is_builder() {
                        return Report::new(By::Unsent);
                    }
                    let failures = failures(self);
                    // What fails to connect was not sent, be that for good or not.
                    let is_unprocessed = self.is_connect() || (self.is_request() && is_refused(self));
                    let is_unreadable = self.is_decode() && failures.is_empty();
                    let report = Report { is_unreadable, ..Report::failure(self.status(), failures) }
                        .about(self.url().map(Url::as_str));
                    if is_unprocessed { report.unprocessed() } else { report }
                }

                fn host(&self) -> Option<&str> {
                    self.url().and_then(|url| url.host_str())
                }
            }

            pub(super) fn failures(error: &Error) -> FailureSet {
                let mut failures = FailureSet::EMPTY;
                if error.is_connect() && !is_permanent(error) {
                    failures = failures.with(Failure::Connect);
                }
                if error.is_timeout() {
                    failures = failures.with(Failure::Timeout);
                }
                if !failures.is_empty() || error.is_connect() {
                    failures
                } else if error.is_body() || (error.is_decode() && broke_off(error)) {
                    failures.with(Failure::Body)
                } else if error.is_request() && !misunderstood(error) {
                    failures.with(Failure::Reset)
                } else {
                    failures
                }
            }

            /// Returns whether to connect will fail again.
            fn is_permanent(error: &Error) -> bool {
                !error.is_timeout() && !is_dns(error) && !is_passing(below(error))
            }

            /// Returns whether the body ended early: unlike malformed JSON, that is a decode error
            /// with an error of the transport, or of the decompression, among its sources.
            fn broke_off(error: &Error) -> bool {
                // With a read timeout reqwest puts an error of its own in between.
                below(error).any(|error| {
                    error.is::<hyper::Error>()
                        || error.downcast_ref::<Error>().is_some_and(Error::is_body)
                        || is_end(error)
                })
            }

            /// Returns whether the server says, by HTTP/2, that it has not processed the request.
            fn is_refused(error: &Error) -> bool {
                below(error).any(is_refusal)
            }

            /// Returns whether the connection lived, but the response was not HTTP, or the user's
            /// body could not be sent.
            fn misunderstood(error: &Error) -> bool {
                below(error)
                    .filter_map(|error| error.downcast_ref::<hyper::Error>())
                    .any(|error| {
                        (error.is_parse() && !error.is_incomplete_message()) || is_of_user::<Error>(error)
                    })
            }

            /// Returns whether the host was not resolved.
            fn is_dns(error: &Error) -> bool {
                let is_dns: fn(&Error) -> bool = $is_dns;
                is_dns(error)
            }

            /// Iterates over the sources of `error`.
            fn below(error: &Error) -> impl Iterator<Item = &AnyError> {
                std::error::Error::source(error).into_iter().flat_map(sources)
            }

            #[cfg(feature = "blocking")]
            mod blocking {
                use std::io::Read;
                use std::time::Duration;

                use crate::engine::recorder::hash_url;
                use crate::env::Moment;
                use crate::transport::BlockingSender;

                use super::{
                    CheckedResponse, Demand, Drain, Error, Executor, HttpResponse, LARGEST_DRAIN,
                    PlainSuccess, Prepared, ReadableResponse, Report, Returned, TrackedRequest, TryClone,
                    Unsent, Url, Withheld, address, answer, before_fragment, is_small, scope, timed_out,
                };

                transport!(
                    $reqwest::blocking,
                    // A blocking client does not show its timeout.
                    fn own_timeout(_: &Client) -> Option<Duration> {
                        None
                    },
                    Rest
                );

                impl BlockingSender for RequestBuilder {
                    type Sent = Result<Response, Error>;

                    fn arm_and_send(self, idempotent: Option<bool>) -> Result<Response, Error> {
                        let (client, request) = self.build_split();
                        let mut request = request?;
                        let prepared = prepare(&mut request, || own_timeout(&client), idempotent, scope::demand());
                        if prepared.is_withheld() {
                            return withhold(&request, prepared).end();
                        }
                        let mut tracked = TrackedRequest::new(prepared);
                        tracked.send();
                        tracked.track(client.execute(request))
                    }

                    fn watch(&self, idempotent: Option<bool>) -> TrackedRequest {
                        let prepared = peek(RequestBuilder::try_clone(self).map(Self::build), idempotent);
                        let mut tracked = prepared.map_or_else(TrackedRequest::nothing, TrackedRequest::new);
                        tracked.send();
                        tracked
                    }
                }

                impl Armer {
                    /// Arms the request, which is sent next.
                    #[inline]
                    pub fn arm_request(&mut self, mut request: Request) -> Request {
                        let prepared = prepare(&mut request, || self.own_timeout, self.idempotent, scope::demand());
                        if prepared.is_withheld() {
                            self.unsent = Some(withhold(&request, prepared));
                            // The client is about to send it, and refuses this scheme.
                            if let Ok(nowhere) = Url::parse("withheld:") {
                                *request.url_mut() = nowhere;
                            }
                        } else {
                            self.tracked = TrackedRequest::new(prepared);
                            self.tracked.send();
                        }
                        request
                    }

                    /// Records how the request was answered.
                    #[inline]
                    pub fn track(mut self, result: Result<Response, Error>) -> Result<Response, Error> {
                        if let Some(unsent) = self.unsent {
                            return unsent.end();
                        }
                        self.tracked.end(&result);
                        result
                    }
                }

                /// A response that is worth draining.
                struct Rest {
                    response: Response,
                }

                impl Rest {
                    fn of(response: Response) -> Result<Response, Box<Self>> {
                        let is_small = is_small(response.content_length());
                        if is_small { Err(Box::new(Self { response })) } else { Ok(response) }
                    }

                    #[allow(clippy::boxed_local, reason = "that of an async response is boxed as well")]
                    fn into_drain(self: Box<Self>) -> Drain {
                        let Self { response } = *self;
                        Drain::Blocking {
                            server: hash_url(response.url().authority()),
                            work: Box::new(|until| discard(response, until)),
                        }
                    }
                }

                /// Reads step by step, as one that copies all would read on for as long as bytes
                /// trickle in.
                fn discard(mut response: Response, until: Moment) {
                    const STEP: usize = 8 * 1024;
                    let (mut left, mut step) = (LARGEST_DRAIN, [0; STEP]);
                    while let Ok(read @ 1..) = response.read(&mut step) {
                        left = left.saturating_sub(read as u64);
                        if left == 0 || until.left().is_zero() {
                            return;
                        }
                    }
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-0-13")]
version!(v0_13, reqwest_0_13, Error::is_dns);
#[cfg(feature = "reqwest-0-12")]
version!(v0_12, reqwest_0_12, |_| false);
