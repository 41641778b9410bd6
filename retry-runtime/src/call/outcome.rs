//! Concludes an attempt: reports its outcome, asks for a verdict, then returns the outcome, or
//! drains it and waits.

#![allow(clippy::unused_self, reason = "a question is asked of a value, and answered by its type")]

use crate::call::Call;
use crate::engine::report::Report;
use crate::transport::kind::Kind;
use crate::transport::kind::outcome::{ErrorKind, ErrorReporter, SuccessReporter};

/// The type that the body of an annotated function or of `retry!` must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` and `retry!` need a body that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "the `Result` that the body returns shows whether an attempt failed, and how"
)]
pub trait Outcome {
    /// The finished attempt. An associated type, so that a body that is not a `Result` produces one
    /// error, not several.
    type Attempt;

    /// Returns the attempt that ended with this outcome.
    fn into_attempt(self) -> Self::Attempt;
}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {
    type Attempt = Attempt<T, E>;

    #[inline]
    fn into_attempt(self) -> Attempt<T, E> {
        Attempt { outcome: self }
    }
}

/// A finished attempt.
#[derive(Debug)]
pub struct Attempt<T, E> {
    /// The value that the body returned.
    pub outcome: Result<T, E>,
}

impl<T, E> Attempt<T, E> {
    /// Asks about the type of a success.
    #[inline]
    pub fn kind_of_success(&self) -> Kind<T> {
        Kind::new()
    }

    /// Asks about the type of an error.
    #[inline]
    pub fn kind_of_error(&self) -> ErrorKind<E> {
        ErrorKind::new()
    }

    /// Returns `true` if the outcome is to be returned. Otherwise
    /// [`begin_wait`](Self::begin_wait) must follow.
    #[inline]
    pub fn is_final(
        &self,
        call: &mut Call<'_>,
        success: impl SuccessReporter<T>,
        error: impl ErrorReporter<E>,
    ) -> bool {
        call.is_final(&self.report(success, error))
    }

    /// Drains the outcome, and begins the wait before the next attempt. In a sync function the wait
    /// ends in here.
    pub fn begin_wait(self, call: &mut Call<'_>, success: impl SuccessReporter<T>) {
        let drain = self.outcome.ok().and_then(|value| success.drain(value));
        call.begin_wait(drain);
    }

    /// Returns whether to renew the credentials, before the attempt is concluded. If so, a renewal
    /// must follow.
    pub fn start_renewal(
        &self,
        call: &mut Call<'_>,
        success: impl SuccessReporter<T>,
        error: impl ErrorReporter<E>,
    ) -> bool {
        call.start_renewal(&self.report(success, error))
    }

    /// Drains the outcome after a renewal. The next attempt follows at once, unless the server
    /// asked for a wait.
    pub fn begin_wait_after_renewal(self, call: &mut Call<'_>, success: impl SuccessReporter<T>) {
        let drain = self.outcome.ok().and_then(|value| success.drain(value));
        call.begin_wait_after_renewal(drain);
    }

    #[inline]
    fn report(&self, success: impl SuccessReporter<T>, error: impl ErrorReporter<E>) -> Report<'_> {
        match &self.outcome {
            Ok(value) => success.report(value),
            Err(value) => error.report(value),
        }
    }
}
