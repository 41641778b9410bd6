//! What becomes of an attempt: the call is told what its outcome says, and the outcome is returned, or disposed of
//! and waited after.

use std::error::Error as StdError;
use std::ops::ControlFlow;
use std::time::Duration;

use http::StatusCode;

use crate::ambient;
use crate::attempt::Attempted;
use crate::call::Call;
use crate::failure::HttpFailure;
use crate::probe::{Known, Own, SendError, SharedError, Sourced, Typed, Unknown};
use crate::reqwest::search;
use crate::seen::Seen;
#[cfg(feature = "blocking")]
use crate::transport::BlockingWork;
use crate::transport::{Answer, AnyError, Failing, Work};

/// How long to drain a failed response: as long as the wait is, but within these bounds.
const SHORTEST_DRAIN: Duration = Duration::from_millis(250);
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

/// What is known of a success of type `T`.
pub trait KnowsAnswer<T> {
    /// Tells what it says.
    fn tell(self, answer: &T, seen: &mut Seen);

    /// What there is to do before it is forgotten. A response is worth more than being dropped: once it is read, its
    /// connection can be used again.
    fn drain(self, answer: T) -> Option<Work>;

    /// The same in a sync function.
    #[cfg(feature = "blocking")]
    fn drain_blocking(self, answer: T) -> Option<BlockingWork>;
}

impl<T: Answer> KnowsAnswer<T> for Known<Typed> {
    #[inline]
    fn tell(self, answer: &T, seen: &mut Seen) {
        answer.tell(seen);
    }

    fn drain(self, answer: T) -> Option<Work> {
        answer.drain()
    }

    #[cfg(feature = "blocking")]
    fn drain_blocking(self, answer: T) -> Option<BlockingWork> {
        answer.drain_blocking()
    }
}

impl<T> KnowsAnswer<T> for Unknown<T> {
    #[inline]
    fn tell(self, _: &T, _: &mut Seen) {}

    fn drain(self, _: T) -> Option<Work> {
        None
    }

    #[cfg(feature = "blocking")]
    fn drain_blocking(self, _: T) -> Option<BlockingWork> {
        None
    }
}

/// What is known of a failure of type `E`.
pub trait KnowsError<E> {
    /// Tells what it says.
    fn tell(self, error: &E, seen: &mut Seen);
}

impl<E: Failing> KnowsError<E> for Known<Typed> {
    #[inline]
    fn tell(self, error: &E, seen: &mut Seen) {
        error.tell(seen);
    }
}

/// What the error says of itself counts, and nothing else.
impl<E: HttpFailure> KnowsError<E> for Known<Own> {
    fn tell(self, error: &E, seen: &mut Seen) {
        if let Some(status) = error.status().and_then(|status| StatusCode::from_u16(status).ok()) {
            seen.answered_with(status);
        }
        for failure in error.failures().iter() {
            seen.failed(failure);
        }
        if let Some(wait) = error.retry_after() {
            seen.hinted(wait);
        }
    }
}

/// An error that is a pointer to any: it is looked at, and its sources.
macro_rules! dynamic {
    ($($error:ty),+) => {$(
        impl<E: AsRef<$error>> KnowsError<E> for Known<$error> {
            fn tell(self, error: &E, seen: &mut Seen) {
                search(error.as_ref(), seen);
            }
        }
    )+};
}

dynamic!(SharedError, SendError, AnyError);

/// Only the sources are looked at: an error with a lifetime cannot be looked at by type.
impl<E: StdError> KnowsError<E> for Known<Sourced> {
    fn tell(self, error: &E, seen: &mut Seen) {
        if let Some(source) = error.source() {
            search(source, seen);
        }
    }
}

impl<E> KnowsError<E> for Unknown<E> {
    #[inline]
    fn tell(self, _: &E, _: &mut Seen) {}
}

/// Tells what a result says about its exchange.
#[inline]
pub fn tell<T, E>(
    result: &Result<T, E>,
    answer: impl KnowsAnswer<T>,
    error: impl KnowsError<E>,
    seen: &mut Seen,
) {
    match result {
        Ok(value) => answer.tell(value, seen),
        Err(value) => error.tell(value, seen),
    }
}

impl<T, E> Attempted<T, E> {
    /// The outcome, where it is to be returned; else it is disposed of, and the next attempt begins with a pause.
    pub fn settle<A: KnowsAnswer<T> + Copy>(
        self,
        call: &mut Call<'_>,
        answer: A,
        error: impl KnowsError<E>,
    ) -> ControlFlow<Result<T, E>> {
        let Self { outcome, marked } = self;
        tell(&outcome, answer, error, &mut call.seen);
        let Some(wait) = call.after(marked, outcome.is_ok()) else { return ControlFlow::Break(outcome) };
        let drain = outcome.ok().and_then(|value| answer.drain(value));
        let longest_drain = longest_drain(call, wait);
        pause(call, drain, wait, longest_drain);
        ControlFlow::Continue(())
    }

    /// Whether to renew the credentials, before it is settled.
    pub fn is_unauthorized(
        &self,
        call: &mut Call<'_>,
        answer: impl KnowsAnswer<T>,
        error: impl KnowsError<E>,
    ) -> bool {
        tell(&self.outcome, answer, error, &mut call.seen);
        call.renews(self.marked)
    }

    /// Disposes of the outcome; the next attempt follows at once.
    pub fn dispose(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>) {
        if let Some(drain) = self.outcome.ok().and_then(|value| answer.drain(value)) {
            let longest_drain = longest_drain(call, SHORTEST_DRAIN);
            pause(call, Some(drain), Duration::ZERO, longest_drain);
        }
    }

    /// The same in a sync function.
    #[cfg(feature = "blocking")]
    pub fn dispose_blocking(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>) {
        if let Some(drain) = self.outcome.ok().and_then(|value| answer.drain_blocking(value)) {
            ambient::blocking::at_most(longest_drain(call, SHORTEST_DRAIN), drain);
        }
    }

    /// The outcome of a sync function, where it is to be returned; else it is disposed of, and the thread has been
    /// blocked until the next attempt.
    #[cfg(feature = "blocking")]
    pub fn settle_blocking<A: KnowsAnswer<T> + Copy>(
        self,
        call: &mut Call<'_>,
        answer: A,
        error: impl KnowsError<E>,
    ) -> ControlFlow<Result<T, E>> {
        let Self { outcome, marked } = self;
        tell(&outcome, answer, error, &mut call.seen);
        let Some(wait) = call.after(marked, outcome.is_ok()) else { return ControlFlow::Break(outcome) };
        let start = ambient::blocking::now();
        if let Some(drain) = outcome.ok().and_then(|value| answer.drain_blocking(value)) {
            ambient::blocking::at_most(longest_drain(call, wait), drain);
        }
        ambient::blocking::wait(start, wait, &mut call.seen.skipped);
        ControlFlow::Continue(())
    }
}

/// The next attempt begins with it. Draining is part of the wait: the clock starts here, before the first poll.
fn pause(call: &mut Call<'_>, drain: Option<Work>, wait: Duration, longest_drain: Duration) {
    let wait = ambient::wait(wait, &mut call.seen.skipped);
    call.pause_for(Box::pin(async move {
        if let Some(drain) = drain {
            ambient::at_most(longest_drain, drain).await;
        }
        wait.await;
    }));
}

/// How long to drain before or within `wait`: where the call is bounded, no longer than was reckoned with, and so that
/// there is time left.
fn longest_drain(call: &Call<'_>, wait: Duration) -> Duration {
    let longest = wait.clamp(SHORTEST_DRAIN, LONGEST_DRAIN);
    call.seen.left().map_or(longest, |left| longest.min(wait).min(left / 2))
}
