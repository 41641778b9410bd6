//! Asks how results of `reqwest::get(..)`, of reading a body and of streaming one are tracked.
//!
//! The tags know the type of the value: so it is not inferred from the use of the value, and where
//! the two differ the compiler points at the user's expression.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

use crate::engine::recorder::Prepared;
use crate::scope;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::ReqwestError;
use crate::transport::kind::{AnyKind, chain};
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
use crate::transport::sending::ReadStream;
use crate::transport::sending::{ReadFuture, SendFuture, TrackedRequest};
use crate::transport::{HttpError, HttpResponse};

chain! {
    /// Knows futures whose type the user names.
    BodyKind -> FutureBodyKind;
    /// Knows futures and streams of reqwest's.
    FutureBodyKind -> ReadBodyKind;
    /// Knows results of blocking calls of reqwest's.
    ReadBodyKind -> AnyKind;
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name<R>(PhantomData<fn(R)>);

        impl<R> $name<R> {
            const NEW: Self = Self(PhantomData);
        }
    )+};
}

tags! {
    /// Tracks a GET.
    TrackGet;
    /// Tracks a GET that was made.
    TrackGetResult;
    /// Tracks how reading a body ends.
    TrackRead;
    /// Tracks how reading a body ended.
    TrackReadResult;
    /// Tracks how a stream of a body ends.
    TrackStream;
    /// Tracks nothing.
    TrackNothing;
}

// A pinned value has a type that the user names, so it must not change.

impl<P> BodyKind<Pin<P>> {
    /// Answers for pinned values.
    #[inline]
    pub fn body_kind(&self) -> TrackNothing<Pin<P>> {
        TrackNothing::NEW
    }

    /// Answers for pinned values.
    #[inline]
    pub fn get_kind(&self) -> TrackNothing<Pin<P>> {
        TrackNothing::NEW
    }
}

// `reqwest::get(..)`.

impl<F, T, E> FutureBodyKind<F>
where
    F: Future<Output = Result<T, E>>,
    T: HttpResponse,
    E: HttpError,
{
    /// Answers for `reqwest::get`.
    #[inline]
    pub fn get_kind(&self) -> TrackGet<F> {
        TrackGet::NEW
    }
}

impl<F, T, E> TrackGet<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// Records the GET, and how it is answered.
    #[inline]
    pub fn track(self, future: F, _: Option<usize>) -> SendFuture<F, T, E> {
        SendFuture::new(future, TrackedRequest::new(Prepared::get()))
    }
}

impl<T: HttpResponse, E: HttpError> ReadBodyKind<Result<T, E>> {
    /// Answers for `reqwest::blocking::get`.
    #[inline]
    pub fn get_kind(&self) -> TrackGetResult<Result<T, E>> {
        TrackGetResult::NEW
    }
}

impl<T: HttpResponse, E: HttpError> TrackGetResult<Result<T, E>> {
    /// Records the GET, and how it was answered.
    pub fn track(self, result: Result<T, E>, _: Option<usize>) -> Result<T, E> {
        let mut tracked = TrackedRequest::new(Prepared::get());
        tracked.send();
        tracked.end(&result);
        result
    }
}

// Methods that read a body.

impl<F, T, E> FutureBodyKind<F>
where
    F: Future<Output = Result<T, E>>,
    E: HttpError,
{
    /// Answers for futures that fail with an error of a transport.
    #[inline]
    pub fn body_kind(&self) -> TrackRead<F> {
        TrackRead::NEW
    }
}

impl<F> TrackRead<F> {
    /// Records how reading ends.
    #[inline]
    pub fn track(self, future: F, response: Option<usize>) -> ReadFuture<F> {
        ReadFuture::new(future, response)
    }
}

impl<T, E: HttpError> ReadBodyKind<Result<T, E>> {
    /// Answers for results with an error of a transport.
    #[inline]
    pub fn body_kind(&self) -> TrackReadResult<Result<T, E>> {
        TrackReadResult::NEW
    }
}

impl<T, E: HttpError> TrackReadResult<Result<T, E>> {
    /// Records how reading ended.
    #[inline]
    pub fn track(self, result: Result<T, E>, response: Option<usize>) -> Result<T, E> {
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

// `.bytes_stream()`.

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<S, T, E> FutureBodyKind<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
    E: ReqwestError,
{
    /// Answers for streams that fail with an error of reqwest's.
    #[inline]
    pub fn stream_kind(&self) -> TrackStream<S> {
        TrackStream::NEW
    }
}

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
impl<S> TrackStream<S> {
    /// Records how the stream ends.
    pub fn track(self, stream: S, response: Option<usize>) -> ReadStream<S> {
        ReadStream::new(stream, response)
    }
}

// All other types.

impl<T> AnyKind<T> {
    /// Answers for all other types.
    #[inline]
    pub fn get_kind(&self) -> TrackNothing<T> {
        TrackNothing::NEW
    }

    /// Answers for all other types.
    #[inline]
    pub fn body_kind(&self) -> TrackNothing<T> {
        TrackNothing::NEW
    }

    /// Answers for all other types.
    #[inline]
    pub fn stream_kind(&self) -> TrackNothing<T> {
        TrackNothing::NEW
    }
}

impl<R> TrackNothing<R> {
    /// Returns the value unchanged.
    #[inline]
    pub fn track(self, value: R, _: Option<usize>) -> R {
        value
    }
}
