//! Traits for the types of a transport: `reqwest` implements them, `kind` asks for them.

pub(crate) mod kind;
pub(crate) mod reqwest;
#[cfg(feature = "reqwest-middleware-0-5")]
mod reqwest_middleware;
pub(crate) mod sending;

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use crate::engine::report::Report;
use crate::transport::sending::Sending;

/// An error of any kind, as sources have it.
pub(crate) type AnyError = dyn StdError + 'static;

/// Something async of reqwest's to call `.send()` on.
pub trait Sender: Sized {
    /// A response.
    type Response: Answer;
    /// An error.
    type Error: Failing;

    /// Imposes on the request what the calls around do. `idempotent` says whether it is safe to repeat, where that is
    /// not by its method. Returns something to call `.send()` on.
    fn arm(
        self,
        idempotent: Option<bool>,
    ) -> Armed<impl Future<Output = Result<Self::Response, Self::Error>>, Self::Error>;
}

/// A request that is armed. What is to be called next is [`send`](Self::send), so the future is already there: a request
/// is large, and moved less often so.
#[must_use = "nothing is sent until it is awaited"]
pub struct Armed<F, E> {
    pub(crate) sending: Sending<F, E>,
}

impl<F, E> Armed<F, E> {
    /// Sends the request.
    #[inline]
    pub fn send(self) -> Sending<F, E> {
        self.sending
    }
}

/// Something blocking of reqwest's to call `.send()` on.
#[cfg(feature = "blocking")]
pub trait BlockingSender: Sized {
    /// Something to call `.send()` on, which records what is sent.
    type Armed;

    /// [`Sender::arm`], for what blocks.
    fn arm(self, idempotent: Option<bool>) -> Self::Armed;
}

/// Something reqwest's to call `.execute(..)` on.
pub trait Executor {
    /// Arms what is passed to it, and records what comes of that.
    type Arming;

    /// Prepares for a request. `idempotent` says whether that is safe to repeat, where that is not by its method.
    fn arming(&self, idempotent: Option<bool>) -> Self::Arming;
}

/// A request of reqwest's, or its builder, which can be cloned where its body is no stream.
pub trait TryClone: Sized {
    /// Returns a clone, if there can be one.
    fn try_clone(&self) -> Option<Self>;
}

/// A response of reqwest's, whose body can be read.
pub trait Readable {
    /// Returns which answer it is: the address of its URL.
    fn answer(&self) -> usize;
}

macro_rules! references {
    ($($reference:ty),+) => {$(
        impl<T: Readable> Readable for $reference {
            #[inline]
            fn answer(&self) -> usize {
                T::answer(self)
            }
        }
    )+};
}

references!(&T, &mut T);

macro_rules! pointers {
    ($($pointer:ty),+ $(,)?) => {$(
        impl<T: Executor> Executor for $pointer {
            type Arming = T::Arming;

            #[inline]
            fn arming(&self, idempotent: Option<bool>) -> T::Arming {
                T::arming(self, idempotent)
            }
        }
    )+};
}

pointers!(&T, &mut T, Arc<T>, Box<T>, Rc<T>, LazyLock<T>);

/// Something to be awaited, of a type that costs nothing to compile: it is only made where an attempt has failed.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
/// Something to be done on a thread of its own.
#[cfg(feature = "blocking")]
pub(crate) type BlockingWork = Box<dyn FnOnce() + Send>;

/// A success that says something about its exchange.
pub trait Answer: Sized {
    /// Returns what it says.
    fn report(&self) -> Report<'_>;

    /// Returns the host that it is from, if that is known.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Reads and throws away what is left, within a bound of bytes, so that its connection can be used again; `None`
    /// where there is nothing to read.
    fn drain(self) -> Option<Work> {
        None
    }

    /// [`drain`](Self::drain) for sync functions, as work that is yet to be done.
    #[cfg(feature = "blocking")]
    fn drain_blocking(self) -> Option<BlockingWork> {
        None
    }
}

impl<B> Answer for http::Response<B> {
    fn report(&self) -> Report<'_> {
        Report::response(self.status(), self.headers())
    }
}

/// An error whose type says something about its exchange.
pub trait Failing {
    /// Returns what it says.
    fn report(&self) -> Report<'_>;

    /// Returns the host that it is about, if that is known.
    fn host(&self) -> Option<&str> {
        None
    }
}

/// An error of reqwest's itself.
#[cfg(any(feature = "reqwest-0-13", feature = "reqwest-0-12"))]
pub trait OfTransport: Failing {}

/// The user's own time limit ran out.
impl Failing for tokio::time::error::Elapsed {
    fn report(&self) -> Report<'_> {
        Report::elapsed()
    }
}

macro_rules! shared {
    ($($pointer:ty),+) => {$(
        impl<E: Failing> Failing for $pointer {
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
