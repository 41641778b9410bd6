//! After an attempt: read what its outcome says, ask for a verdict, then return the outcome, or drain it and wait.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

use std::error::Error as StdError;
use std::time::Duration;

use crate::call::Call;
use crate::call::attempt::Attempted;
use crate::engine::http_failure::HttpFailure;
use crate::engine::report::{By, Report};
use crate::env;
#[cfg(feature = "blocking")]
use crate::transport::BlockingWork;
use crate::transport::kind::{Known, Look, Own, Probe, SendError, SharedError, Sourced, Typed, Unknown};
use crate::transport::reqwest::search;
use crate::transport::{Answer, AnyError, Failing, Work};

/// How long to drain a failed response: as long as the wait is, but within these bounds.
const SHORTEST_DRAIN: Duration = Duration::from_millis(250);
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

/// Reads a success of type `T`.
pub trait KnowsAnswer<T> {
    /// Returns what it says.
    fn report(self, answer: &T) -> Report<'_>;

    /// Returns what there is to do before it is forgotten. A response is worth more than being dropped: once it is read,
    /// its connection can be used again.
    fn drain(self, answer: T) -> Option<Work>;

    /// [`drain`](Self::drain), in a sync function.
    #[cfg(feature = "blocking")]
    fn drain_blocking(self, answer: T) -> Option<BlockingWork>;
}

impl<T: Answer> KnowsAnswer<T> for Known<Typed> {
    #[inline]
    fn report(self, answer: &T) -> Report<'_> {
        answer.report()
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
    fn report(self, _: &T) -> Report<'_> {
        Report::new(By::Success)
    }

    fn drain(self, _: T) -> Option<Work> {
        None
    }

    #[cfg(feature = "blocking")]
    fn drain_blocking(self, _: T) -> Option<BlockingWork> {
        None
    }
}

/// Reads a failure of type `E`.
pub trait KnowsError<E> {
    /// Returns what it says.
    fn report(self, error: &E) -> Report<'_>;
}

impl<E: Failing> KnowsError<E> for Known<Typed> {
    #[inline]
    fn report(self, error: &E) -> Report<'_> {
        error.report()
    }
}

/// What the error says of itself counts, and nothing else.
impl<E: HttpFailure> KnowsError<E> for Known<Own> {
    fn report(self, error: &E) -> Report<'_> {
        Report::own(error)
    }
}

/// An error that is a pointer to any: it is looked at, and its sources.
macro_rules! dynamic {
    ($($error:ty),+) => {$(
        impl<E: AsRef<$error>> KnowsError<E> for Known<$error> {
            fn report(self, error: &E) -> Report<'_> {
                search(error.as_ref())
            }
        }
    )+};
}

dynamic!(SharedError, SendError, AnyError);

/// Only the sources are looked at: an error with a lifetime cannot be looked at by type.
impl<E: StdError> KnowsError<E> for Known<Sourced> {
    fn report(self, error: &E) -> Report<'_> {
        error.source().map_or(Report::new(By::Error), search)
    }
}

impl<E> KnowsError<E> for Unknown<E> {
    #[inline]
    fn report(self, _: &E) -> Report<'_> {
        Report::new(By::Error)
    }
}

/// Returns what an outcome says.
#[inline]
fn report<T, E>(
    outcome: &Result<T, E>,
    answer: impl KnowsAnswer<T>,
    error: impl KnowsError<E>,
) -> Report<'_> {
    match outcome {
        Ok(value) => answer.report(value),
        Err(value) => error.report(value),
    }
}

impl<T, E> Attempted<T, E> {
    /// Asks about a success.
    #[inline]
    pub fn answer(&self) -> Look<T> {
        Look::new()
    }

    /// Asks about a failure.
    #[inline]
    pub fn error(&self) -> Probe<E> {
        Probe::new()
    }
}

impl<T, E> Attempted<T, E> {
    /// Returns the wait before the next attempt, or `None` where the outcome is to be returned.
    #[inline]
    pub fn next(
        &self,
        call: &mut Call<'_>,
        answer: impl KnowsAnswer<T>,
        error: impl KnowsError<E>,
    ) -> Option<Duration> {
        call.next(&report(&self.outcome, answer, error))
    }

    /// Disposes of the outcome, and has the next attempt begin after `wait`.
    pub fn wait(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>, wait: Duration) {
        let drain = self.outcome.ok().and_then(|value| answer.drain(value));
        let longest_drain = longest_drain(call, wait);
        pause(call, drain, wait, longest_drain);
    }

    /// Disposes of the outcome of a sync function, and blocks the thread until the next attempt.
    #[cfg(feature = "blocking")]
    pub fn wait_blocking(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>, wait: Duration) {
        let start = env::blocking::now();
        if let Some(drain) = self.outcome.ok().and_then(|value| answer.drain_blocking(value)) {
            env::blocking::at_most(longest_drain(call, wait), drain);
        }
        env::blocking::wait(start, wait, &mut call.scope.outgoing.skipped);
    }

    /// Decides whether to renew the credentials, before the attempt is settled.
    pub fn start_renewal(
        &self,
        call: &mut Call<'_>,
        answer: impl KnowsAnswer<T>,
        error: impl KnowsError<E>,
    ) -> bool {
        call.start_renewal(&report(&self.outcome, answer, error))
    }

    /// Disposes of the outcome after a renewal. The next attempt follows at once, but where a wait is owed to the server.
    pub fn dispose(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>) {
        let wait = call.take_owed();
        let drain = self.outcome.ok().and_then(|value| answer.drain(value));
        if drain.is_some() || !wait.is_zero() {
            let longest_drain = longest_drain(call, SHORTEST_DRAIN);
            pause(call, drain, wait, longest_drain);
        }
    }

    /// [`dispose`](Self::dispose), in a sync function.
    #[cfg(feature = "blocking")]
    pub fn dispose_blocking(self, call: &mut Call<'_>, answer: impl KnowsAnswer<T>) {
        let (wait, start) = (call.take_owed(), env::blocking::now());
        if let Some(drain) = self.outcome.ok().and_then(|value| answer.drain_blocking(value)) {
            env::blocking::at_most(longest_drain(call, SHORTEST_DRAIN), drain);
        }
        if !wait.is_zero() {
            env::blocking::wait(start, wait, &mut call.scope.outgoing.skipped);
        }
    }
}

/// Has the next attempt begin with draining and a wait. The clock starts here, before the first poll: draining is part of
/// the wait.
fn pause(call: &mut Call<'_>, drain: Option<Work>, wait: Duration, longest_drain: Duration) {
    let wait = env::wait(wait, &mut call.scope.outgoing.skipped);
    call.wait_for(Box::pin(async move {
        if let Some(drain) = drain {
            env::at_most(longest_drain, drain).await;
        }
        wait.await;
    }));
}

/// Returns how long to drain before or within `wait`. With a deadline: at most `wait`, and at most half of the time left.
fn longest_drain(call: &Call<'_>, wait: Duration) -> Duration {
    let longest = wait.clamp(SHORTEST_DRAIN, LONGEST_DRAIN);
    call.left().map_or(longest, |left| longest.min(wait).min(left / 2))
}
