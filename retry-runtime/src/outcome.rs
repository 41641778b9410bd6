//! What the generated loop does with values of the user's types: thin macros over [`Probe`](crate::probe::Probe),
//! which has to be asked where the type is known, and the traits whose messages speak to users.

use crate::attempt::Attempted;
use crate::probe::{Known, Unknown};

/// Whether an outcome can say anything about an exchange.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` cannot learn from `{E}` what went wrong, so it would never retry",
    label = "says nothing about HTTP",
    note = "no request is sent in the body itself, so whether to retry is read from the error",
    note = "send the request in this body (`.send().await`, `.execute(..).await`), return an error with a \
            `reqwest::Error` as its `source()`, or `impl retry_http::HttpFailure for {E}`"
)]
pub trait Informs<E> {}

#[diagnostic::do_not_recommend]
impl<A: ?Sized, F: ?Sized, E> Informs<E> for (Known<A>, Known<F>) {}
#[diagnostic::do_not_recommend]
impl<A: ?Sized, E> Informs<E> for (Known<A>, Unknown<E>) {}
#[diagnostic::do_not_recommend]
impl<T, F: ?Sized, E> Informs<E> for (Unknown<T>, Known<F>) {}

/// Calls what `retry_if` is given.
#[inline]
pub fn is_wanted<R>(outcome: &R, retry_if: impl FnOnce(&R) -> bool) -> bool {
    retry_if(outcome)
}

/// What an argument that every attempt consumes must be.
#[diagnostic::on_unimplemented(
    message = "each attempt consumes this argument, and `{Self}` cannot be cloned for the next one",
    label = "consumed by each attempt, but not `Clone`",
    note = "derive `Clone`, take a reference or an `Arc`, or build the value in the function"
)]
pub trait Again {
    /// The same once more.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    #[inline]
    fn again(&self) -> Self {
        self.clone()
    }
}

/// What an attempt is given of an argument that it consumes.
#[inline]
pub fn again<T: Again>(argument: &T) -> T {
    argument.again()
}

/// Runs a body that may return early.
#[inline]
pub fn once<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// What a future that outlives its borrowed arguments must keep of them.
#[diagnostic::on_unimplemented(
    message = "the attempts run in the future, which outlives this argument, and `{Self}` cannot be cloned",
    note = "borrow it for as long as the future lives (`&'a`), make the function `async fn`, or send in an \
            `async move` block that it ends in"
)]
pub trait Keep {
    /// What is kept.
    type Kept;

    /// Keeps it.
    fn keep(&self) -> Self::Kept;
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> Keep for T {
    type Kept = T::Owned;

    fn keep(&self) -> T::Owned {
        self.to_owned()
    }
}

/// What a future keeps of an argument.
pub fn keep<T: Keep + ?Sized>(argument: &T) -> T::Kept {
    argument.keep()
}

/// The items of an argument that can only be iterated over once.
#[inline]
pub fn collect<I: IntoIterator>(argument: I) -> Vec<I::Item> {
    argument.into_iter().collect()
}

/// What an attempt is given of an argument that it may consume: a clone, where there is one, else a reference;
/// a unique one where the type is not `Sync`, so that the future is `Send` where it was.
#[doc(hidden)]
#[macro_export]
macro_rules! __fresh {
    ($argument:ident) => {{
        let giving = $crate::__private::Giving::of(&$argument).giving();
        giving.give(&mut $argument)
    }};
}

/// Checks that at least one side of an outcome says something.
#[inline]
pub fn informs<T, E>(_: &Attempted<T, E>, _: impl Informs<E>) {}

/// What `.send()` is called on, armed where it is reqwest's. Where it is not, the macro's word counts on whether it is
/// seen to be a POST or PATCH.
#[doc(hidden)]
#[macro_export]
macro_rules! __arm {
    ($call:ident, $sender:expr, $unsafely:literal) => {
        match $sender {
            sender => $crate::__private::Look::of(&sender).arming().arm(sender, &mut $call.seen, $unsafely),
        }
    };
}

/// How to arm what is passed to `.execute(..)` of `$client`. The block ends the borrow before the call.
#[doc(hidden)]
#[macro_export]
macro_rules! __executing {
    ($call:ident, $client:expr) => {{
        let arming = $crate::__private::Look::of(&$client).executing().of_client(&$client, &mut $call.seen);
        arming
    }};
}

/// What an attempt says about its exchange, and what to do about it: the outcome to return, or to go on.
#[doc(hidden)]
#[macro_export]
macro_rules! __settle {
    ($call:ident, $attempted:ident $(, $retry_if:expr)?) => {
        $crate::__settled!(settle, $call, $attempted $(, $retry_if)?)
    };
}

/// [`__settle`], in a sync function.
#[cfg(feature = "blocking")]
#[doc(hidden)]
#[macro_export]
macro_rules! __settle_blocking {
    ($call:ident, $attempted:ident $(, $retry_if:expr)?) => {
        $crate::__settled!(settle_blocking, $call, $attempted $(, $retry_if)?)
    };
}

/// What the two have in common.
#[doc(hidden)]
#[macro_export]
macro_rules! __settled {
    ($settle:ident, $call:ident, $attempted:ident $(, $retry_if:expr)?) => {{
        $(
            if $crate::__private::is_wanted(&$attempted.outcome, $retry_if) {
                $call.seen.want();
            }
        )?
        let answer = $attempted.answer().known();
        let error = $attempted.error().known();
        $attempted.$settle(&mut $call, answer, error)
    }};
}

/// Where no send is visible, the outcome must be able to say something.
#[doc(hidden)]
#[macro_export]
macro_rules! __informs {
    ($attempted:ident) => {{
        let sides = ($attempted.answer().known(), $attempted.error().known());
        $crate::__private::informs(&$attempted, sides);
    }};
}
