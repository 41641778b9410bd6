//! Concludes an attempt: reports its outcome, asks for a verdict, then returns the outcome, or
//! drains it and waits.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::call::Call;
use crate::engine::http_failure::HttpFailure;
use crate::engine::report::Report;
use crate::transport::kind::AnyKind;
use crate::transport::kind::outcome::{
    BoxedErrorKind, ByHttpFailure, ByNothing, ByPointer, BySource, ByType, ErrorKind, ErrorReporter,
    HttpFailureKind, SendErrorKind, SharedErrorKind, SourceKind, SuccessReporter,
};
use crate::transport::{AnyError, HttpError, SendError, SharedError};

/// The type that the body of an annotated function or of `retry!` must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` and `retry!` need a body that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "the `Result` that the body returns shows whether an attempt failed, and how",
    note = "if the type is a future behind an alias or an associated type, write the type itself: `Pin<Box<dyn Future<Output = Result<..>> + Send>>`"
)]
pub trait Outcome {
    /// The outcome itself. An associated type, so that a body that is not a `Result` produces one
    /// error, not several.
    type Itself;

    /// Returns the outcome.
    fn into_itself(self) -> Self::Itself;

    /// Polls an async body. Returns the outcome itself once the body has ended, without a move from
    /// one type to the other.
    fn poll_body<F>(body: Pin<&mut F>, context: &mut Context<'_>) -> Poll<Self::Itself>
    where
        F: Future<Output = Self> + ?Sized;
}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {
    type Itself = Self;

    #[inline]
    fn into_itself(self) -> Self {
        self
    }

    #[inline]
    fn poll_body<F>(body: Pin<&mut F>, context: &mut Context<'_>) -> Poll<Self>
    where
        F: Future<Output = Self> + ?Sized,
    {
        body.poll(context)
    }
}

/// Defines what is done with outcomes by the type of their error.
macro_rules! by_error {
    ($($link:ident<$($parameter:ident),+> $(where E: $bound:path)? => $reporter:expr;)+) => {$(
        impl<$($parameter),+> $link<$($parameter),+> $(where E: $bound)? {
            /// Concludes an attempt, as `Call::conclude` does.
            #[inline]
            pub fn conclude<T>(
                &self,
                call: &mut Call<'_, '_>,
                outcome: Result<T, E>,
                success: impl SuccessReporter<T>,
            ) -> Option<Result<T, E>> {
                call.conclude(outcome, success, $reporter)
            }

            /// Returns whether to renew the credentials, as `Call::start_renewal` does.
            #[inline]
            pub fn start_renewal<T>(
                &self,
                call: &mut Call<'_, '_>,
                outcome: &Result<T, E>,
                success: impl SuccessReporter<T>,
            ) -> bool {
                call.start_renewal(outcome, success, $reporter)
            }
        }
    )+};
}

by_error! {
    ErrorKind<Success, E> where E: HttpError => ByType;
    HttpFailureKind<E> where E: HttpFailure => ByHttpFailure;
    SharedErrorKind<E> where E: AsRef<SharedError> => ByPointer::<SharedError>::new();
    SendErrorKind<E> where E: AsRef<SendError> => ByPointer::<SendError>::new();
    BoxedErrorKind<E> where E: AsRef<AnyError> => ByPointer::<AnyError>::new();
    SourceKind<E> where E: StdError => BySource;
    AnyKind<E> => ByNothing;
}

impl Call<'_, '_> {
    /// Ends the call and returns `true` if the outcome is a success about which nothing is left to
    /// decide. Otherwise [`conclude`](Self::conclude) must follow.
    ///
    /// This is inline, and passes no reference to the outcome on, which would cost every call a
    /// move of the outcome.
    #[inline]
    pub fn try_end<T, E>(&mut self, outcome: &Result<T, E>, success: impl SuccessReporter<T>) -> bool {
        let returned = outcome.as_ref().ok().and_then(|value| success.returned(value));
        returned.is_some_and(|returned| self.try_end_by_success(returned))
    }

    /// Concludes an attempt. If the outcome is that of the call, ends the call and returns the
    /// outcome. Otherwise drains the outcome and begins the wait before the next attempt; a sync
    /// function waits in here.
    #[inline(never)]
    pub(crate) fn conclude<T, E>(
        &mut self,
        outcome: Result<T, E>,
        success: impl SuccessReporter<T>,
        error: impl ErrorReporter<E>,
    ) -> Option<Result<T, E>> {
        self.leave();
        if self.concludes(&report(&outcome, success, error)) {
            self.end();
            return Some(outcome);
        }
        self.drain_in_wait(outcome.ok().and_then(|value| success.drain(value)));
        None
    }

    /// Returns whether to renew the credentials, before the attempt is concluded. If so, a renewal
    /// must follow.
    pub(crate) fn start_renewal<T, E>(
        &mut self,
        outcome: &Result<T, E>,
        success: impl SuccessReporter<T>,
        error: impl ErrorReporter<E>,
    ) -> bool {
        self.leave();
        self.starts_renewal(&report(outcome, success, error))
    }

    /// Drains the outcome after a renewal. The next attempt follows at once, unless the server
    /// asked for a wait.
    pub fn begin_wait_after_renewal<T, E>(
        &mut self,
        outcome: Result<T, E>,
        success: impl SuccessReporter<T>,
    ) {
        self.drain_after_renewal(outcome.ok().and_then(|value| success.drain(value)));
    }
}

#[inline]
fn report<T, E>(
    outcome: &Result<T, E>,
    success: impl SuccessReporter<T>,
    error: impl ErrorReporter<E>,
) -> Report<'_> {
    match outcome {
        Ok(value) => success.report(value),
        Err(value) => error.report(value),
    }
}
