//! Asks the two sides of an outcome how to report on their exchange.

use std::error::Error as StdError;
use std::marker::PhantomData;
use std::ops::Deref;

use crate::engine::http_failure::HttpFailure;
use crate::engine::report::{By, Report, Returned};
use crate::scope::drain::Drain;
use crate::transport::kind::{AnyKind, deref_to};
use crate::transport::search::search;
use crate::transport::{AnyError, HttpError, HttpResponse, SendError, SharedError};

/// Knows successes that are responses.
///
/// Asks about what a method of the outcome returns, and not by a pointer as [`Kind`](super::Kind)
/// does: so an outcome that is no `Result` is one error, not two.
pub struct SuccessKind<'o, T, E>(pub Result<&'o T, &'o E>);

impl<T, E> Deref for SuccessKind<'_, T, E> {
    type Target = AnyKind<T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        const { &AnyKind::NEW }
    }
}

/// Knows the errors of transports. Asks by a pointer, as [`Kind`](super::Kind) does.
pub struct ErrorKind<T, E>(pub *const Result<T, E>);

deref_to!(ErrorKind -> HttpFailureKind<E>; T, E);

macro_rules! errors {
    ($($(#[$doc:meta])* $link:ident -> $next:ident;)+) => {$(
        $(#[$doc])*
        pub struct $link<E>(PhantomData<fn(E)>);

        impl<E> $link<E> {
            const NEW: Self = Self(PhantomData);
        }

        deref_to!($link -> $next<E>; E);
    )+};
}

errors! {
    /// Knows errors with an [`HttpFailure`] impl of their own.
    HttpFailureKind -> SharedErrorKind;
    /// Knows `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
    SharedErrorKind -> SendErrorKind;
    /// Knows `Box<dyn Error + Send>`.
    SendErrorKind -> BoxedErrorKind;
    /// Knows `Box<dyn Error>`.
    BoxedErrorKind -> SourceKind;
    /// Knows all other errors.
    SourceKind -> AnyKind;
}

/// Reports on a success of type `T`.
pub trait SuccessReporter<T>: Copy {
    /// Returns the report of the success.
    fn report(self, success: &T) -> Report<'_>;

    /// Returns the success in short form, if that is known.
    fn returned(self, success: &T) -> Option<Returned>;

    /// Returns the work that drains the success, if there is anything to read.
    fn drain(self, success: T) -> Option<Drain>;
}

/// Reports on an error of type `E`.
pub trait ErrorReporter<E>: Copy {
    /// Returns the report of the error.
    fn report(self, error: &E) -> Report<'_>;
}

/// Reports by the type of the value.
#[derive(Clone, Copy, Debug)]
pub struct ByType;

impl<T: HttpResponse, E> SuccessKind<'_, T, E> {
    /// Answers for responses.
    #[inline]
    pub fn success_kind(&self) -> ByType {
        ByType
    }
}

impl<T: HttpResponse> SuccessReporter<T> for ByType {
    #[inline]
    fn report(self, success: &T) -> Report<'_> {
        success.report()
    }

    #[inline]
    fn returned(self, success: &T) -> Option<Returned> {
        success.returned()
    }

    fn drain(self, success: T) -> Option<Drain> {
        success.drain()
    }
}

impl<E: HttpError> ErrorReporter<E> for ByType {
    #[inline]
    fn report(self, error: &E) -> Report<'_> {
        error.report()
    }
}

/// Reports by the [`HttpFailure`] impl of an error, and by nothing else.
#[derive(Clone, Copy, Debug)]
pub struct ByHttpFailure;

impl<E: HttpFailure> ErrorReporter<E> for ByHttpFailure {
    fn report(self, error: &E) -> Report<'_> {
        Report::own(error)
    }
}

/// Reports by the error that a pointer of type `AsRef<D>` points to, and by its sources.
pub struct ByPointer<D: ?Sized>(PhantomData<fn(&D)>);

impl<D: ?Sized> ByPointer<D> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<D: ?Sized> Clone for ByPointer<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized> Copy for ByPointer<D> {}

macro_rules! pointers {
    ($($error:ty;)+) => {$(
        impl<E: AsRef<$error>> ErrorReporter<E> for ByPointer<$error> {
            fn report(self, error: &E) -> Report<'_> {
                search(error.as_ref())
            }
        }
    )+};
}

pointers! {
    SharedError;
    SendError;
    AnyError;
}

/// Reports by the sources of an error. The error itself may have a lifetime, so it cannot be
/// downcast.
#[derive(Clone, Copy, Debug)]
pub struct BySource;

impl<E: StdError> ErrorReporter<E> for BySource {
    fn report(self, error: &E) -> Report<'_> {
        error.source().map_or(Report::new(By::Error), search)
    }
}

/// Reports whether the value is a success or an error, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct ByNothing;

impl<T> AnyKind<T> {
    /// Answers for all other successes.
    #[inline]
    pub fn success_kind(&self) -> ByNothing {
        ByNothing
    }
}

impl<T> SuccessReporter<T> for ByNothing {
    #[inline]
    fn report(self, _: &T) -> Report<'_> {
        Report::new(By::Success)
    }

    #[inline]
    fn returned(self, _: &T) -> Option<Returned> {
        Some(Returned::VALUE)
    }

    fn drain(self, _: T) -> Option<Drain> {
        None
    }
}

impl<E> ErrorReporter<E> for ByNothing {
    #[inline]
    fn report(self, _: &E) -> Report<'_> {
        Report::new(By::Error)
    }
}
