//! Asks how results of `reqwest::get(..)`, of reading a body and of streaming one are tracked.
//!
//! The type of the value is known before it is passed: so it is not inferred from the use of the
//! value, and where the two differ the compiler points at the user's expression.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

use crate::engine::recorder::Prepared;
use crate::scope;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::ReqwestError;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::awaited::{AwaitedReadFuture, Named, Unnamed};
use crate::transport::kind::{AnyKind, Kind, chain, deref_to};
use crate::transport::redirects::{Watch, Watched};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::sending::ReadStream;
use crate::transport::sending::{ReadFuture, SendFuture, TrackedRequest};
use crate::transport::{HttpError, HttpResponse};

/// Knows pinned futures. Asks about those that the attempt itself awaits, by a pointer as
/// [`Kind`] does.
pub struct AwaitedBodyKind<T>(pub *const T);

deref_to!(AwaitedBodyKind -> Kind<T>; T);

chain! {
    /// Knows futures whose type the user names.
    BodyKind -> FutureBodyKind;
    /// Knows futures and streams of reqwest's.
    FutureBodyKind -> ReadBodyKind;
    /// Knows results of blocking calls of reqwest's.
    ReadBodyKind -> AnyKind;
}

// A pinned value has a type that the user names, so it must not change. And it is not of reqwest's:
// a method of the user's may be called `text`, and fail for any reason.

impl<P> AwaitedBodyKind<Pin<P>> {
    /// Returns a pinned value unchanged.
    #[inline]
    pub fn track_awaited(&self, value: Pin<P>) -> Pin<P> {
        value
    }

    /// Returns a pinned value unchanged.
    #[inline]
    pub fn track_awaited_of(&self, value: Pin<P>, _: Option<usize>) -> Pin<P> {
        value
    }
}

impl<P> BodyKind<Pin<P>> {
    /// Returns a pinned value unchanged.
    #[inline]
    pub fn track_get(&self, value: Pin<P>) -> Pin<P> {
        value
    }

    /// Returns a pinned value unchanged.
    #[inline]
    pub fn track_body(&self, value: Pin<P>) -> Pin<P> {
        value
    }

    /// Returns a pinned value unchanged.
    #[inline]
    pub fn track_body_of(&self, value: Pin<P>, _: Option<usize>) -> Pin<P> {
        value
    }
}

// `reqwest::get(..)`.

impl<F, T, E> FutureBodyKind<F>
where
    F: Future<Output = Result<T, E>>,
    T: HttpResponse,
    E: HttpError,
{
    /// Records a GET, and how it is answered.
    #[inline]
    pub fn track_get(&self, future: F) -> SendFuture<F, T, E> {
        SendFuture::new(Watched::new(future, Watch::default()), TrackedRequest::new(Prepared::get()))
    }
}

impl<T: HttpResponse, E: HttpError> ReadBodyKind<Result<T, E>> {
    /// Records a GET of a blocking client, and how it was answered.
    pub fn track_get(&self, result: Result<T, E>) -> Result<T, E> {
        let mut tracked = TrackedRequest::new(Prepared::get());
        tracked.send();
        tracked.end(&result);
        result
    }
}

impl<T> AnyKind<T> {
    /// Returns any other value unchanged.
    #[inline]
    pub fn track_get(&self, value: T) -> T {
        value
    }
}

// Methods that read a body.

impl<F, T, E> FutureBodyKind<F>
where
    F: Future<Output = Result<T, E>>,
    E: HttpError,
{
    /// Records how reading ends.
    #[inline]
    pub fn track_body(&self, future: F) -> ReadFuture<F> {
        ReadFuture::new(future, None)
    }

    /// Records how reading `response` ends.
    #[inline]
    pub fn track_body_of(&self, future: F, response: Option<usize>) -> ReadFuture<F> {
        ReadFuture::new(future, response)
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<F, T, E> Kind<F>
where
    F: Future<Output = Result<T, E>>,
    E: HttpError,
{
    /// Records how reading ends, which the attempt awaits itself.
    #[inline]
    pub fn track_awaited(&self, future: F) -> AwaitedReadFuture<F, Unnamed> {
        AwaitedReadFuture::new(future, Unnamed)
    }

    /// Records how reading `response` ends, which the attempt awaits itself.
    #[inline]
    pub fn track_awaited_of(&self, future: F, response: Option<usize>) -> AwaitedReadFuture<F, Named> {
        AwaitedReadFuture::new(future, Named::new(response))
    }
}

impl<T, E: HttpError> ReadBodyKind<Result<T, E>> {
    /// Records how reading ended.
    #[inline]
    pub fn track_body(&self, result: Result<T, E>) -> Result<T, E> {
        self.track_body_of(result, None)
    }

    /// Records how reading `response` ended.
    #[inline]
    pub fn track_body_of(&self, result: Result<T, E>, response: Option<usize>) -> Result<T, E> {
        record_read(response, &result);
        result
    }
}

fn record_read<T, E: HttpError>(response: Option<usize>, result: &Result<T, E>) {
    if let Err(error) = result {
        let report = error.report();
        scope::current(|scope| scope.recorder.on_body_error(response, &report));
    }
}

impl<T> AnyKind<T> {
    /// Returns any other value unchanged.
    #[inline]
    pub fn track_body(&self, value: T) -> T {
        value
    }

    /// Returns any other value unchanged.
    #[inline]
    pub fn track_body_of(&self, value: T, _: Option<usize>) -> T {
        value
    }

    /// Returns any other value unchanged.
    #[inline]
    pub fn track_awaited(&self, value: T) -> T {
        value
    }

    /// Returns any other value unchanged.
    #[inline]
    pub fn track_awaited_of(&self, value: T, _: Option<usize>) -> T {
        value
    }
}

// `.bytes_stream()`.

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<S, T, E> FutureBodyKind<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
    E: ReqwestError,
{
    /// Records how a stream ends.
    pub fn track_stream(&self, stream: S) -> ReadStream<S> {
        ReadStream::new(stream, None)
    }

    /// Records how the stream of `response` ends.
    pub fn track_stream_of(&self, stream: S, response: Option<usize>) -> ReadStream<S> {
        ReadStream::new(stream, response)
    }
}

impl<T> AnyKind<T> {
    /// Returns any other value unchanged.
    #[inline]
    pub fn track_stream(&self, value: T) -> T {
        value
    }

    /// Returns any other value unchanged.
    #[inline]
    pub fn track_stream_of(&self, value: T, _: Option<usize>) -> T {
        value
    }
}
