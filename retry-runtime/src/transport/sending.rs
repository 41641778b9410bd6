//! Sends and readings that are under way: futures that record what comes of them in the attempt in which they were
//! first polled, and nowhere else.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::engine::recorder::Prepared;
use crate::engine::report::Report;
use crate::env;
use crate::scope::{self, renewal};
use crate::transport::{Answer, Failing};

/// A request, from when it is armed until it has an answer.
pub struct Tracked {
    state: State,
}

enum State {
    /// It was not sent yet.
    Prepared(Prepared),
    /// It was, in an attempt.
    Sent {
        /// The number of the attempt.
        attempt: u64,
        /// The number of the exchange.
        number: u64,
    },
    /// It has an answer, or is part of no attempt.
    Done,
}

impl Tracked {
    pub(crate) fn new(prepared: Prepared) -> Self {
        Self { state: State::Prepared(prepared) }
    }

    /// Tracks nothing: the request cannot be sent, or is not there yet.
    pub(crate) fn nothing() -> Self {
        Self { state: State::Done }
    }

    /// Records the beginning of the request, the first time only.
    #[inline]
    pub(crate) fn send(&mut self) {
        if let State::Prepared(_) = self.state {
            let State::Prepared(prepared) = std::mem::replace(&mut self.state, State::Done) else { return };
            let sent = scope::current(|scope| (scope.number, scope.recorder.on_request(prepared)));
            if let Some((attempt, number)) = sent {
                self.state = State::Sent { attempt, number };
            }
        }
    }

    /// Records the end of the request.
    #[inline]
    pub(crate) fn end<T: Answer, E: Failing>(&mut self, result: &Result<T, E>) {
        let State::Sent { attempt, number } = self.state else { return };
        self.state = State::Done;
        let report = report(result);
        scope::attempt(attempt, |scope| {
            scope.recorder.on_report(number, &report, scope.hints, env::now);
            // A log is only of failures.
            let is_success = report.status.is_some_and(|status| status.is_success());
            if scope.is_observed || (cfg!(feature = "tracing") && !is_success) {
                scope.recorder.record_host(number, host(result));
            }
            // The credentials were good; those of the next request are read after this.
            let is_refused = report.status == Some(http::StatusCode::UNAUTHORIZED);
            if scope.renewals.is_some() && report.status.is_some() && !is_refused {
                scope.renewals = Some(renewal::so_far());
            }
        });
    }
}

impl Drop for Tracked {
    #[inline]
    fn drop(&mut self) {
        if let State::Sent { attempt, number } = self.state {
            scope::attempt(attempt, |scope| scope.recorder.on_drop(number));
        }
    }
}

pin_project! {
    /// A request that is being sent.
    #[project = SendingProjection]
    #[must_use = "nothing is sent until it is awaited"]
    pub enum Sending<F, E> {
        /// By a future of reqwest's.
        Sending {
            #[pin]
            future: F,
            tracked: Tracked,
        },
        /// It could not be built.
        Failed { error: Option<E> },
    }
}

impl<F, E> Sending<F, E> {
    #[inline]
    pub(crate) fn new(future: F, tracked: Tracked) -> Self {
        Self::Sending { future, tracked }
    }

    pub(crate) fn failed(error: E) -> Self {
        Self::Failed { error: Some(error) }
    }
}

impl<F, T, E> Future for Sending<F, E>
where
    F: Future<Output = Result<T, E>>,
    T: Answer,
    E: Failing,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            SendingProjection::Sending { future, tracked } => {
                tracked.send();
                let result = ready!(future.poll(context));
                tracked.end(&result);
                Poll::Ready(result)
            }
            SendingProjection::Failed { error } => {
                let error = error.take().expect("a future is not polled after it has ended");
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Returns what a result says about its exchange.
#[inline]
pub(crate) fn report<T: Answer, E: Failing>(result: &Result<T, E>) -> Report<'_> {
    match result {
        Ok(answer) => answer.report(),
        Err(error) => error.report(),
    }
}

/// Returns the host that a result is from, or about.
#[cold]
fn host<T: Answer, E: Failing>(result: &Result<T, E>) -> Option<&str> {
    match result {
        Ok(answer) => answer.host(),
        Err(error) => error.host(),
    }
}

/// The reading of an answer, from its first poll to its end.
pub(crate) struct Read {
    /// The number of the attempt.
    attempt: Option<u64>,
    /// The address of the answer, where that is known.
    answer: Option<usize>,
}

impl Read {
    pub(crate) const fn new(answer: Option<usize>) -> Self {
        Self { attempt: None, answer }
    }

    /// It goes on.
    #[inline]
    pub(crate) fn poll(&mut self) {
        if self.attempt.is_none() {
            self.attempt = scope::current(|scope| scope.number);
        }
    }

    /// It has ended well.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            scope::attempt(attempt, |scope| scope.recorder.on_body_end(self.answer));
        }
    }

    /// It has failed.
    pub(crate) fn fail(&mut self, error: &impl Failing) {
        if let Some(attempt) = self.attempt.take() {
            let report = error.report();
            scope::attempt(attempt, |scope| scope.recorder.on_body_error(self.answer, &report));
        }
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt {
            scope::attempt(attempt, |scope| scope.recorder.on_body_drop(self.answer));
        }
    }
}

pin_project! {
    /// The body of an answer that is being read.
    #[must_use = "nothing is read until it is awaited"]
    pub struct Reading<F> {
        #[pin]
        future: F,
        read: Read,
    }
}

impl<F> Reading<F> {
    #[inline]
    pub(crate) fn new(future: F, answer: Option<usize>) -> Self {
        Self { future, read: Read::new(answer) }
    }
}

impl<F, T, E> Future for Reading<F>
where
    F: Future<Output = Result<T, E>>,
    E: Failing,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.read.poll();
        let result = ready!(this.future.poll(context));
        match &result {
            Ok(_) => this.read.end(),
            Err(error) => this.read.fail(error),
        }
        Poll::Ready(result)
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod streaming {
    use futures_core::Stream;

    use super::{Context, Failing, Pin, Poll, Read, pin_project, ready};

    pin_project! {
        /// The body of an answer that is being read piece by piece.
        #[must_use = "nothing is read until it is polled"]
        pub struct Streaming<S> {
            #[pin]
            stream: S,
            read: Read,
        }
    }

    impl<S> Streaming<S> {
        pub(crate) fn new(stream: S, answer: Option<usize>) -> Self {
            Self { stream, read: Read::new(answer) }
        }
    }

    impl<S, T, E> Stream for Streaming<S>
    where
        S: Stream<Item = Result<T, E>>,
        E: Failing,
    {
        type Item = S::Item;

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
            let this = self.project();
            this.read.poll();
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
pub use streaming::Streaming;
