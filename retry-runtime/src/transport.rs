//! What the types of a transport can tell, as traits. `reqwest.rs` implements them, `probe.rs` asks.

use std::error::Error as StdError;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use crate::call::Call;

/// An error of any kind, as sources have it.
pub(crate) type AnyError = dyn StdError + 'static;
/// Something reqwest's to call `.send()` on.
pub trait Sender: Sized {
    /// What it becomes: something to call `.send()` on, whose request has been read.
    type Armed;
    /// What it answers with.
    type Result;

    /// Tells the call of the request.
    fn arm(self, call: &mut Call<'_>) -> Self::Armed;

    /// Tells the call what came of it.
    fn note(result: &Self::Result, call: &mut Call<'_>);
}

/// Something reqwest's to call `.execute(..)` on.
pub trait Executor {
    /// What is passed to it.
    type Request;
    /// What it answers with.
    type Result;

    /// Tells the call of the request.
    fn sending(request: &Self::Request, call: &mut Call<'_>);

    /// Tells the call what came of it.
    fn note(result: &Self::Result, call: &mut Call<'_>);
}

macro_rules! pointers {
    ($($pointer:ty),+ $(,)?) => {$(
        impl<T: Executor> Executor for $pointer {
            type Request = T::Request;
            type Result = T::Result;

            #[inline]
            fn sending(request: &T::Request, call: &mut Call<'_>) {
                T::sending(request, call);
            }

            #[inline]
            fn note(result: &T::Result, call: &mut Call<'_>) {
                T::note(result, call);
            }
        }
    )+};
}

pointers!(&T, &mut T, Arc<T>, Box<T>, Rc<T>, LazyLock<T>);

/// A success that says something about its exchange.
pub trait Answer {
    /// Tells `call` of it.
    fn tell(&self, call: &mut Call<'_>);
}

impl<B> Answer for http::Response<B> {
    fn tell(&self, call: &mut Call<'_>) {
        call.answered(self.status(), self.headers());
    }
}

/// An error whose type says something about its exchange.
pub trait Failing {
    /// Tells `call` of it.
    fn tell(&self, call: &mut Call<'_>);
}

macro_rules! shared {
    ($($pointer:ty),+) => {$(
        impl<E: Failing> Failing for $pointer {
            fn tell(&self, call: &mut Call<'_>) {
                (**self).tell(call);
            }
        }
    )+};
}

shared!(&E, Arc<E>, Box<E>);

/// A success that can be drained.
pub trait Drain: Sized {
    /// Reads and throws away what is left, within a bound of bytes.
    fn drain(self) -> impl Future<Output = ()> + Send;
}

/// [`Drain`] for sync functions.
#[cfg(feature = "blocking")]
pub trait DrainBlocking: Send + 'static {
    /// Reads and throws away what is left, within a bound of bytes.
    fn drain(self);
}
