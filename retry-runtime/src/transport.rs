//! What the types of a transport can tell, as traits. `reqwest.rs` implements them, `probe.rs` asks.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::seen::Seen;

/// An error of any kind, as sources have it.
pub(crate) type AnyError = dyn StdError + 'static;
/// Something reqwest's to call `.send()` on.
pub trait Sender: Sized {
    /// What it becomes: something to call `.send()` on, which tells what came of it.
    type Armed<'s>;

    /// Tells of the request.
    fn arm(self, seen: &mut Seen) -> Self::Armed<'_>;
}

/// Something reqwest's to call `.execute(..)` on.
pub trait Executor {
    /// What is passed to it.
    type Request;
    /// What it answers with.
    type Result;

    /// The timeout of requests that have none of their own, where it can be known.
    fn own_timeout(&self) -> Option<Duration>;

    /// Sees to the request's bounds and key, and tells of it.
    fn sending(request: &mut Self::Request, own: impl FnOnce() -> Option<Duration>, seen: &mut Seen);

    /// Tells what came of it.
    fn note(result: &Self::Result, seen: &mut Seen);
}

macro_rules! pointers {
    ($($pointer:ty),+ $(,)?) => {$(
        impl<T: Executor> Executor for $pointer {
            type Request = T::Request;
            type Result = T::Result;

            fn own_timeout(&self) -> Option<Duration> {
                T::own_timeout(self)
            }

            #[inline]
            fn sending(request: &mut T::Request, own: impl FnOnce() -> Option<Duration>, seen: &mut Seen) {
                T::sending(request, own, seen);
            }

            #[inline]
            fn note(result: &T::Result, seen: &mut Seen) {
                T::note(result, seen);
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
    /// Tells `seen` of it.
    fn tell(&self, seen: &mut Seen);

    /// Reads and throws away what is left, within a bound of bytes, so that its connection can be used again; `None`
    /// where there is nothing to read.
    fn drain(self) -> Option<Work> {
        None
    }

    /// The same in sync functions: the work to be done, if there is any.
    #[cfg(feature = "blocking")]
    fn drain_blocking(self) -> Option<BlockingWork> {
        None
    }
}

impl<B> Answer for http::Response<B> {
    fn tell(&self, seen: &mut Seen) {
        seen.answered(self.status(), self.headers());
    }
}

/// An error whose type says something about its exchange.
pub trait Failing {
    /// Tells `seen` of it.
    fn tell(&self, seen: &mut Seen);
}

macro_rules! shared {
    ($($pointer:ty),+) => {$(
        impl<E: Failing> Failing for $pointer {
            fn tell(&self, seen: &mut Seen) {
                (**self).tell(seen);
            }
        }
    )+};
}

shared!(&E, Arc<E>, Box<E>);
