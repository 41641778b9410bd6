//! Traits for the types of a transport: `reqwest` implements them, `kind` asks for them.

#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod awaited;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod failing;
pub(crate) mod kind;
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
mod own_timeout;
#[cfg_attr(not(any(feature = "reqwest-0-13", feature = "reqwest-0-12")), allow(dead_code))]
mod redirects;
pub(crate) mod reqwest;
#[cfg(feature = "reqwest-middleware-0-5")]
mod reqwest_middleware;
pub(crate) mod search;
pub(crate) mod sending;
mod sources;

use std::error::Error as StdError;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use crate::engine::report::{PlainSuccess, Report, Returned};
use crate::scope::drain::Drain;
use crate::transport::sending::{SendFuture, SendWatch, TrackedRequest};

/// An error of any type, as `source()` returns it.
pub(crate) type AnyError = dyn StdError + 'static;
/// An error that threads can share.
pub(crate) type SharedError = dyn StdError + Send + Sync + 'static;
/// An error that can be sent to another thread.
pub(crate) type SendError = dyn StdError + Send + 'static;

/// An async builder of reqwest's, to call `.send()` on.
pub trait Sender: Sized {
    /// The response.
    type Response: HttpResponse;
    /// The error.
    type Error: HttpError;

    /// Gives the request the time limits and key of the calls around, and returns the future that
    /// sends it. `idempotent` says whether the request is safe to repeat, if its method does not
    /// decide that.
    #[allow(clippy::type_complexity, reason = "an `impl Future` has no other name")]
    fn arm(
        self,
        idempotent: Option<bool>,
    ) -> SendFuture<impl Future<Output = Result<Self::Response, Self::Error>>, Self::Response, Self::Error>;

    /// Returns what records the request that is sent next. The request gets no time limit and no
    /// key, since the builder is not changed.
    fn watch(&self, idempotent: Option<bool>) -> SendWatch;

    /// Does what [`arm`](Self::arm) does, for a request that the body of an attempt awaits at once.
    fn arm_awaited(self) -> Armed<impl Future<Output = Result<Self::Response, Self::Error>>> {
        Armed(self.arm(None))
    }
}

/// An armed request that is awaited at once. It holds the future already, as [`send`](Self::send)
/// is called next: a request is large, and is moved less often this way.
#[must_use = "nothing is sent until it is awaited"]
pub struct Armed<F>(pub(crate) F);

impl<F> Armed<F> {
    /// Returns the future that sends the request.
    #[inline]
    pub fn send(self) -> F {
        self.0
    }
}

/// A builder in a box is sent as one without.
impl<T: Sender> Sender for Box<T> {
    type Response = T::Response;
    type Error = T::Error;

    fn arm(
        self,
        idempotent: Option<bool>,
    ) -> SendFuture<impl Future<Output = Result<T::Response, T::Error>>, T::Response, T::Error> {
        (*self).arm(idempotent)
    }

    fn watch(&self, idempotent: Option<bool>) -> SendWatch {
        (**self).watch(idempotent)
    }
}

/// A blocking builder of reqwest's, to call `.send()` on.
pub trait BlockingSender: Sized {
    /// The result of a send.
    type Sent;

    /// Arms the request as [`Sender::arm`] does, and sends it.
    fn arm_and_send(self, idempotent: Option<bool>) -> Self::Sent;

    /// Does what [`Sender::watch`] does, and records the beginning of the request.
    fn watch(&self, idempotent: Option<bool>) -> TrackedRequest;
}

/// A client of reqwest's, to call `.execute(..)` on.
pub trait Executor {
    /// Arms one request of the client, and records how it is answered.
    type Armer;

    /// Returns the armer of one request. `idempotent` says whether the request is safe to repeat,
    /// if its method does not decide that.
    fn armer(&self, idempotent: Option<bool>) -> Self::Armer;
}

/// A request of reqwest's or its builder, which can be cloned unless its body is a stream.
pub trait TryClone: Sized {
    /// Returns a clone, if there can be one.
    fn try_clone(&self) -> Option<Self>;
}

/// A response of reqwest's, whose body can be read.
pub trait ReadableResponse {
    /// Returns the address of its URL, which identifies the response.
    fn response_id(&self) -> usize;
}

macro_rules! references {
    ($($reference:ty),+) => {$(
        impl<T: ReadableResponse> ReadableResponse for $reference {
            #[inline]
            fn response_id(&self) -> usize {
                T::response_id(self)
            }
        }
    )+};
}

references!(&T, &mut T);

macro_rules! pointers {
    ($($pointer:ty),+ $(,)?) => {$(
        impl<T: Executor> Executor for $pointer {
            type Armer = T::Armer;

            #[inline]
            fn armer(&self, idempotent: Option<bool>) -> T::Armer {
                T::armer(self, idempotent)
            }
        }
    )+};
}

pointers!(&T, &mut T, Arc<T>, Box<T>, Rc<T>, LazyLock<T>);

/// A success that says something about its exchange.
pub trait HttpResponse: Sized {
    /// Returns the report of the response.
    fn report(&self) -> Report<'_>;

    /// Returns the facts that are kept of the response, if it is known to be a plain success.
    #[inline]
    fn plain_success(&self) -> Option<PlainSuccess<'_>> {
        None
    }

    /// Returns the response in short form, if that is known.
    #[inline]
    fn returned(&self) -> Option<Returned> {
        None
    }

    /// Returns the host that answered, if that is known.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Returns the work that drains the response, or `None` if there is nothing to read.
    fn drain(self) -> Option<Drain> {
        None
    }
}

/// A response of reqwest's, to call `.error_for_status()` on.
pub trait CheckedResponse: Sized {
    /// The error.
    type Error;

    /// Does what reqwest's `error_for_status` does. A refused response is kept for the attempt,
    /// which drains it if another one follows.
    ///
    /// # Errors
    ///
    /// Returns the error of reqwest's `error_for_status`.
    fn error_for_status(self) -> Result<Self, Self::Error>;
}

impl<B> HttpResponse for http::Response<B> {
    fn report(&self) -> Report<'_> {
        Report::response(self.status(), self.headers())
    }
}

/// An error whose type says something about its exchange.
pub trait HttpError {
    /// Returns the report of the error.
    fn report(&self) -> Report<'_>;

    /// Returns the host that the error is about, if that is known.
    fn host(&self) -> Option<&str> {
        None
    }
}

/// An error of reqwest's own.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub trait ReqwestError: HttpError {}

/// A time limit of the user's ran out.
impl HttpError for tokio::time::error::Elapsed {
    fn report(&self) -> Report<'_> {
        Report::elapsed()
    }
}

macro_rules! shared {
    ($($pointer:ty),+) => {$(
        impl<E: HttpError> HttpError for $pointer {
            fn report(&self) -> Report<'_> {
                (**self).report()
            }

            fn host(&self) -> Option<&str> {
                (**self).host()
            }
        }
    )+};
}

shared!(&E, Arc<E>, Box<E>);
