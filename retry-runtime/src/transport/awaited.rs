//! Requests that the body of an attempt awaits where it sends them. Nothing comes between, so such
//! a request is part of the innermost attempt of the thread, and that is not searched for.

use std::future::Future;
use std::num::NonZeroU64;
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
