//! Futures that send a request or read a body, and record the result. They record it in the attempt
//! in which they were first polled, and nowhere else.

use std::future::Future;
use std::num::{NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::engine::origin::Origins;
use crate::engine::recorder::Prepared;
use crate::engine::report::Report;
use crate::env;
use crate::scope::terms::Listeners;
use crate::scope::{self, Scope, renewal::RenewalCount};
use crate::transport::redirects::{Watch, Watched, watch_redirects};
use crate::transport::{HttpError, HttpResponse};

/// Tracks a request, from when it is armed until it is answered.
pub struct TrackedRequest {
    state: State,
}

enum State {
    /// The request is not sent yet.
    Prepared {
        prepared: Prepared,
        /// The number of the attempt that counts it, if it is not safe to repeat.
        counted: Option<NonZeroU64>,
    },
    /// The request was sent in an attempt.
    Sent {
        /// The number of the attempt.
        attempt: u64,
        /// The number of the exchange.
        number: u64,
        /// The renewals that had ended then, if the function renews its credentials.
        renewals: Option<RenewalCount>,
    },
    /// The request is answered, or is part of no attempt.
    Done,
}

impl TrackedRequest {
    /// Tracks a request. One that is not safe to repeat is counted until it is sent or dropped, so
    /// that the attempt knows if another task may send it.
    #[inline]
    pub(crate) fn new(prepared: Prepared) -> Self {
        let counted = if prepared.is_safe() { None } else { count() };
        Self { state: State::Prepared { prepared, counted } }
    }

    /// Tracks nothing: the request cannot be sent, or is not known yet.
    pub(crate) fn nothing() -> Self {
        Self { state: State::Done }
    }

    /// Records the beginning of the request, the first time only.
    #[inline]
    pub(crate) fn send(&mut self) {
        if let State::Prepared { .. } = self.state {
            let state = std::mem::replace(&mut self.state, State::Done);
            let State::Prepared { prepared, counted } = state else { return };
            uncount(counted);
            let sent = scope::current(|scope| {
                let renewals = scope.terms().renewals.map(|_| RenewalCount::now());
                State::Sent { attempt: scope.number, number: scope.recorder.on_request(prepared), renewals }
            });
            self.state = sent.unwrap_or(State::Done);
        }
    }

    /// Records the end of the request.
    #[inline]
    pub(crate) fn end<T: HttpResponse, E: HttpError>(&mut self, result: &Result<T, E>) {
        self.end_with(&report(result), result);
    }

    /// Records the end of the request, with a report of its result.
    #[inline]
    fn end_with<T: HttpResponse, E: HttpError>(&mut self, report: &Report<'_>, result: &Result<T, E>) {
        let State::Sent { attempt, number, renewals } = self.state else { return };
        self.state = State::Done;
        Self::record(attempt, number, renewals, report, result);
    }

    /// Records the result of the request.
    pub fn track<T: HttpResponse, E: HttpError>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.end(&result);
        result
    }

    /// Records that the request was not sent, and that `result` was made in its place.
    #[cold]
    pub(crate) fn withhold<T: HttpResponse, E: HttpError>(&mut self, result: &Result<T, E>) {
        self.send();
        let State::Sent { attempt, number, .. } = self.state else { return };
        self.state = State::Done;
        let report = Report { is_unsent: true, ..report(result) };
        Self::record(attempt, number, None, &report, result);
    }

    #[inline]
    fn record<T: HttpResponse, E: HttpError>(
        attempt: u64,
        number: u64,
        renewals: Option<RenewalCount>,
        report: &Report<'_>,
        result: &Result<T, E>,
    ) {
        scope::of_attempt(attempt, |scope| record_end(scope, number, renewals, report, result));
    }
}

/// Records the end of the request with this number in its scope.
#[inline]
pub(crate) fn record_end<T: HttpResponse, E: HttpError>(
    scope: &mut Scope,
    number: u64,
    renewals: Option<RenewalCount>,
    report: &Report<'_>,
    result: &Result<T, E>,
) {
    scope.recorder.on_report(number, report, scope.terms().hints, env::now);
    // Logs are of failures only.
    let is_success = report.status.is_some_and(|status| status.is_success());
    let Listeners { origins, is_observed, .. } = scope.terms().listeners;
    if origins == Origins::OfAll || (origins == Origins::OfFailures && !is_success) {
        scope.recorder.compare_origin(number, report);
    }
    if is_observed || (cfg!(feature = "tracing") && !is_success) {
        scope.recorder.record_host(number, host(result), report.url);
    }
    // The credentials were good, and those of the next request are read after this. By a 400 or
    // 403 some APIs say that they were not.
    if renewals > scope.terms().renewals
        && report.status.is_some_and(|status| !matches!(status.as_u16(), 400 | 401 | 403))
    {
        scope.terms_mut().renewals = renewals;
    }
}

impl Drop for TrackedRequest {
    #[inline]
    fn drop(&mut self) {
        match self.state {
            State::Prepared { counted, .. } => uncount(counted),
            State::Sent { attempt, number, .. } => {
                scope::of_attempt(attempt, |scope| scope.recorder.on_drop(number));
            }
            State::Done => {}
        }
    }
}

/// Counts a request that is not sent yet. Returns the number of the attempt.
fn count() -> Option<NonZeroU64> {
    scope::current(|scope| {
        scope.recorder.on_outstanding();
        NonZeroU64::new(scope.number)
    })
    .flatten()
}

/// Takes back what [`count`] has counted, if the running code is still part of that attempt.
#[inline]
fn uncount(counted: Option<NonZeroU64>) {
    if let Some(attempt) = counted {
        scope::of_attempt(attempt.get(), |scope| scope.recorder.on_settled());
    }
}

/// A request that is not to be sent. It is boxed, so that others take no room for it.
pub struct Unsent<T, E> {
    /// The result of the send.
    pub(crate) result: Result<T, E>,
    pub(crate) tracked: TrackedRequest,
}

impl<T, E> Unsent<T, E> {
    /// Fails, as the request could not be built.
    #[cold]
    pub(crate) fn failed(error: E) -> Self {
        Self { result: Err(error), tracked: TrackedRequest::nothing() }
    }
}

impl<T: HttpResponse, E: HttpError> Unsent<T, E> {
    /// Records that the request is not sent, and returns what the send ends with.
    #[cold]
    pub(crate) fn end(mut self) -> Result<T, E> {
        self.tracked.withhold(&self.result);
        self.result
    }
}

pin_project! {
    /// Sends a request, or nothing.
    #[project = SendingProjection]
    pub(crate) enum Sending<F, T, E> {
        /// Sends by a future of reqwest's.
        Future {
            #[pin]
            future: Watched<F>,
        },
        /// Sends nothing: the request could not be built, or the upstream withholds it.
        Nothing { unsent: Option<Box<Unsent<T, E>>> },
    }
}

impl<F, T, E> Sending<F, T, E> {
    /// Returns `true` if the request was redirected, as far as that is watched.
    #[inline]
    pub(crate) fn is_redirected(&self) -> bool {
        match self {
            Self::Future { future } => future.is_redirected(),
            Self::Nothing { .. } => false,
        }
    }
}

impl<F, T, E> Future for Sending<F, T, E>
where
    F: Future<Output = Result<T, E>>,
    T: HttpResponse,
    E: HttpError,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Apart, since the address of the future would depend on the variant otherwise.
        if let Self::Nothing { .. } = *self {
            return end_unsent(self);
        }
        match self.project() {
            SendingProjection::Future { future } => future.poll(context),
            SendingProjection::Nothing { .. } => unreachable!("it was returned"),
        }
    }
}

/// Ends a request that is not sent.
#[cold]
fn end_unsent<F, T: HttpResponse, E: HttpError>(sending: Pin<&mut Sending<F, T, E>>) -> Poll<Result<T, E>> {
    match sending.project() {
        SendingProjection::Nothing { unsent } => {
            Poll::Ready(unsent.take().expect("a future is not polled after it has ended").end())
        }
        SendingProjection::Future { .. } => unreachable!("only for nothing"),
    }
}

pin_project! {
    /// Sends a request.
    #[must_use = "nothing is sent until it is awaited"]
    pub struct SendFuture<F, T, E> {
        #[pin]
        sending: Sending<F, T, E>,
        tracked: TrackedRequest,
    }
}

impl<F, T, E> SendFuture<F, T, E> {
    #[inline]
    pub(crate) fn new(future: Watched<F>, tracked: TrackedRequest) -> Self {
        Self { sending: Sending::Future { future }, tracked }
    }

    /// Ends without sending anything.
    pub(crate) fn unsent(unsent: Box<Unsent<T, E>>) -> Self {
        Self { sending: Sending::Nothing { unsent: Some(unsent) }, tracked: TrackedRequest::nothing() }
    }
}

impl<F, T, E> Future for SendFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
    T: HttpResponse,
    E: HttpError,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.tracked.send();
        let poll = this.sending.as_mut().poll(context);
        match &poll {
            Poll::Ready(result) => {
                let is_redirected = this.sending.is_redirected();
                this.tracked.end_with(&Report { is_redirected, ..report(result) }, result);
            }
            // `poll` is large, and not copied in vain.
            Poll::Pending => return Poll::Pending,
        }
        poll
    }
}

/// Records a request that is sent by a builder which the macro must not move.
pub struct SendWatch {
    tracked: TrackedRequest,
    redirects: Watch,
}

impl SendWatch {
    /// Watches a request, if it can be sent.
    pub(crate) fn new(prepared: Option<Prepared>) -> Self {
        let Some(prepared) = prepared else {
            return Self { tracked: TrackedRequest::nothing(), redirects: Watch::default() };
        };
        let redirects = watch_redirects(&prepared);
        Self { tracked: TrackedRequest::new(prepared), redirects }
    }

    /// Records how the future sends the request.
    pub fn track<F, T, E>(self, future: F) -> SendFuture<F, T, E>
    where
        F: Future<Output = Result<T, E>>,
        T: HttpResponse,
        E: HttpError,
    {
        SendFuture::new(Watched::new(future, self.redirects), self.tracked)
    }
}

/// Returns the report of a result.
#[inline]
pub(crate) fn report<T: HttpResponse, E: HttpError>(result: &Result<T, E>) -> Report<'_> {
    match result {
        Ok(response) => response.report(),
        Err(error) => error.report(),
    }
}

/// Returns the host of a result, if that is known.
#[cold]
pub(crate) fn host<T: HttpResponse, E: HttpError>(result: &Result<T, E>) -> Option<&str> {
    match result {
        Ok(response) => response.host(),
        Err(error) => error.host(),
    }
}

/// Tracks the reading of a body, from its first poll to its end.
pub(crate) struct TrackedRead {
    /// The number of the attempt.
    attempt: Option<NonZeroU64>,
    /// The id of the response, if that is known.
    response: Option<NonZeroUsize>,
}

impl TrackedRead {
    pub(crate) fn new(response: Option<usize>) -> Self {
        Self { attempt: None, response: response.and_then(NonZeroUsize::new) }
    }

    fn response(&self) -> Option<usize> {
        self.response.map(NonZeroUsize::get)
    }

    /// Records the beginning of the reading, the first time only.
    #[inline]
    pub(crate) fn begin(&mut self) {
        if self.attempt.is_none() {
            self.attempt = scope::current(|scope| NonZeroU64::new(scope.number)).flatten();
        }
    }

    /// Records that the body was read to its end.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            scope::of_attempt(attempt.get(), |scope| scope.recorder.on_body_end(self.response()));
        }
    }

    /// Records that reading failed.
    pub(crate) fn fail(&mut self, error: &impl HttpError) {
        if let Some(attempt) = self.attempt.take() {
            let report = error.report();
            let response = self.response();
            scope::of_attempt(attempt.get(), |scope| scope.recorder.on_body_error(response, &report));
        }
    }
}

impl Drop for TrackedRead {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt {
            scope::of_attempt(attempt.get(), |scope| scope.recorder.on_body_drop(self.response()));
        }
    }
}

pin_project! {
    /// Reads a body.
    #[must_use = "nothing is read until it is awaited"]
    pub struct ReadFuture<F> {
        #[pin]
        future: F,
        read: TrackedRead,
    }
}

impl<F> ReadFuture<F> {
    #[inline]
    pub(crate) fn new(future: F, response: Option<usize>) -> Self {
        Self { future, read: TrackedRead::new(response) }
    }
}

impl<F, T, E> Future for ReadFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: HttpError,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.read.begin();
        let poll = this.future.poll(context);
        match &poll {
            Poll::Ready(Ok(_)) => this.read.end(),
            Poll::Ready(Err(error)) => this.read.fail(error),
            Poll::Pending => {}
        }
        poll
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod stream {
    use std::task::ready;

    use futures_core::Stream;

    use super::{Context, HttpError, Pin, Poll, TrackedRead, pin_project};

    pin_project! {
        /// Reads a body piece by piece.
        #[must_use = "nothing is read until it is polled"]
        pub struct ReadStream<S> {
            #[pin]
            stream: S,
            read: TrackedRead,
        }
    }

    impl<S> ReadStream<S> {
        pub(crate) fn new(stream: S, response: Option<usize>) -> Self {
            Self { stream, read: TrackedRead::new(response) }
        }
    }

    impl<S, T, E> Stream for ReadStream<S>
    where
        S: Stream<Item = Result<T, E>>,
        E: HttpError,
    {
        type Item = S::Item;

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
            let this = self.project();
            this.read.begin();
            let item = ready!(this.stream.poll_next(context));
            match &item {
                Some(Ok(_)) => {}
                Some(Err(error)) => this.read.fail(error),
                None => this.read.end(),
            }
            Poll::Ready(item)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            self.stream.size_hint()
        }
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub use stream::ReadStream;
