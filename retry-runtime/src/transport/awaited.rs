//! Requests that the body of an attempt awaits where it sends them, and bodies of responses that it
//! awaits where it reads them. Nothing comes between, so such a request is part of the innermost
//! attempt of the thread, and that is not searched for.

use std::future::Future;
use std::num::{NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::engine::recorder::Prepared;
use crate::engine::report::Report;
use crate::scope::{self, Ended, renewal::RenewalCount};
use crate::transport::redirects::Watched;
use crate::transport::sending::{Sending, Unsent, host, record_end, report};
use crate::transport::{HttpError, HttpResponse};

/// Tracks a request from its beginning to its end.
#[derive(Default)]
pub struct AwaitedRequest {
    /// The number of its exchange, until that has ended.
    number: Option<NonZeroU64>,
    /// The renewals that had ended when the request was sent, if the function renews its
    /// credentials.
    renewals: Option<RenewalCount>,
}

impl AwaitedRequest {
    /// Begins a GET of this URL, if the terms of the call are the default but for listeners.
    #[inline]
    pub(crate) fn begin_get(url: &str) -> Option<Self> {
        scope::begin_get(url).map(|number| Self { number: Some(number), renewals: None })
    }

    /// Begins any request.
    #[cold]
    pub(crate) fn begin(prepared: Prepared) -> Self {
        let begun = scope::innermost(|scope| {
            let renewals = scope.terms().renewals.map(|_| RenewalCount::now());
            Self { number: NonZeroU64::new(scope.recorder.on_request(prepared)), renewals }
        });
        begun.unwrap_or_default()
    }

    /// Records the end of the request.
    #[inline]
    fn end<F, T: HttpResponse, E: HttpError>(&mut self, sending: &Sending<F, T, E>, result: &Result<T, E>) {
        let Some(number) = self.number.take() else { return };
        let success = result.as_ref().ok().and_then(HttpResponse::plain_success);
        let ended = match success {
            Some(success) if !sending.is_redirected() => {
                scope::end_by_success(number, success.status, success.url)
            }
            _ => Ended::No,
        };
        match ended {
            Ended::WithoutHost => record_host(number, result),
            Ended::Whole => {}
            Ended::No => self.end_otherwise(number, sending, result),
        }
    }

    /// Does what [`end`](Self::end) does, for all but a plain success.
    #[cold]
    fn end_otherwise<F, T: HttpResponse, E: HttpError>(
        &self,
        number: NonZeroU64,
        sending: &Sending<F, T, E>,
        result: &Result<T, E>,
    ) {
        let report = Report { is_redirected: sending.is_redirected(), ..report(result) };
        scope::innermost(|scope| record_end(scope, number.get(), self.renewals, &report, result));
    }
}

#[cold]
fn record_host<T: HttpResponse, E: HttpError>(number: NonZeroU64, result: &Result<T, E>) {
    scope::innermost(|scope| {
        scope.recorder.record_host(number.get(), host(result), report(result).url);
    });
}

/// Records that the request was dropped before its end, with the attempt.
impl Drop for AwaitedRequest {
    #[inline]
    fn drop(&mut self) {
        if let Some(number) = self.number {
            drop_request(number);
        }
    }
}

#[cold]
fn drop_request(number: NonZeroU64) {
    scope::innermost(|scope| scope.recorder.on_drop(number.get()));
}

pin_project! {
    /// Sends a request that the body of an attempt awaits at once.
    #[must_use = "nothing is sent until it is awaited"]
    pub struct AwaitedFuture<F, T, E> {
        #[pin]
        sending: Sending<F, T, E>,
        tracked: AwaitedRequest,
    }
}

impl<F, T, E> AwaitedFuture<F, T, E> {
    /// Sends by `future`.
    #[inline]
    pub(crate) fn new(future: Watched<F>, tracked: AwaitedRequest) -> Self {
        Self { sending: Sending::Future { future }, tracked }
    }

    /// Ends without sending anything.
    #[cold]
    pub(crate) fn unsent(unsent: Box<Unsent<T, E>>) -> Self {
        Self { sending: Sending::Nothing { unsent: Some(unsent) }, tracked: AwaitedRequest::default() }
    }
}

impl<F, T, E> Future for AwaitedFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
    T: HttpResponse,
    E: HttpError,
{
    type Output = Result<T, E>;

    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the response is moved once more")]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let poll = this.sending.as_mut().poll(context);
        match &poll {
            Poll::Ready(result) => this.tracked.end(&this.sending, result),
            // `poll` is large, and not copied in vain.
            Poll::Pending => return Poll::Pending,
        }
        poll
    }
}

/// Tells which response a body is of.
pub trait Source {
    /// Returns the id of the response, if that is known.
    fn response(&self) -> Option<usize>;
}

/// A response that has no name.
pub struct Unnamed;

impl Source for Unnamed {
    #[inline]
    fn response(&self) -> Option<usize> {
        None
    }
}

/// A response that has a name, and so perhaps an id.
pub struct Named(Option<NonZeroUsize>);

impl Named {
    /// Names the response with this id.
    #[inline]
    pub(crate) fn new(response: Option<usize>) -> Self {
        Self(response.and_then(NonZeroUsize::new))
    }
}

impl Source for Named {
    #[inline]
    fn response(&self) -> Option<usize> {
        self.0.map(NonZeroUsize::get)
    }
}

/// Tracks the reading of a body from its beginning to its end.
struct AwaitedRead<S: Source> {
    source: S,
    /// `true` while the body is being read.
    is_open: bool,
}

/// Records that reading was given up half way, with the attempt.
impl<S: Source> Drop for AwaitedRead<S> {
    #[inline]
    fn drop(&mut self) {
        if self.is_open {
            drop_body(self.source.response());
        }
    }
}

#[cold]
fn drop_body(response: Option<usize>) {
    scope::innermost(|scope| scope.recorder.on_body_drop(response));
}

#[cold]
fn fail_body<E: HttpError>(response: Option<usize>, error: &E) {
    let report = error.report();
    scope::innermost(|scope| scope.recorder.on_body_error(response, &report));
}

pin_project! {
    /// Reads a body that the body of an attempt awaits at once.
    #[must_use = "nothing is read until it is awaited"]
    pub struct AwaitedReadFuture<F, S: Source> {
        #[pin]
        future: F,
        read: AwaitedRead<S>,
    }
}

impl<F, S: Source> AwaitedReadFuture<F, S> {
    /// Reads by `future`.
    #[inline]
    pub(crate) fn new(future: F, source: S) -> Self {
        Self { future, read: AwaitedRead { source, is_open: false } }
    }
}

impl<F, S, T, E> Future for AwaitedReadFuture<F, S>
where
    F: Future<Output = Result<T, E>>,
    S: Source,
    E: HttpError,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.read.is_open = true;
        let poll = this.future.poll(context);
        match &poll {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(_)) => {
                scope::innermost(|scope| scope.recorder.on_body_end(this.read.source.response()));
            }
            Poll::Ready(Err(error)) => fail_body(this.read.source.response(), error),
        }
        this.read.is_open = false;
        poll
    }
}
