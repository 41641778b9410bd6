//! What the generated loop does with values of the user's types: thin macros over [`Probe`](crate::probe::Probe),
//! which has to be asked where the type is known, and the traits whose messages speak to users.

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
impl<E> Informs<E> for (Known, Known) {}
#[diagnostic::do_not_recommend]
impl<E> Informs<E> for (Known, Unknown<E>) {}
#[diagnostic::do_not_recommend]
impl<T, E> Informs<E> for (Unknown<T>, Known) {}

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
pub fn informs<T, E>(_: (Option<&T>, Option<&E>), _: impl Informs<E>) {}

/// What comes of `.send()`, of which `call` is told where it is reqwest's. Where it is not, the macro's word counts
/// on whether it is seen to be a POST or PATCH.
#[doc(hidden)]
#[macro_export]
macro_rules! __send {
    ($call:ident, $sender:expr, $unsafely:literal, $armed:ident => $sent:expr) => {
        match $sender {
            sender => {
                let arming = $crate::__private::Look::of(&sender).arming();
                let $armed = arming.arm(sender, &mut $call, $unsafely);
                arming.noted($sent, &mut $call)
            }
        }
    };
}

/// [`__send`], where the future is not awaited at once.
#[doc(hidden)]
#[macro_export]
macro_rules! __watch {
    ($call:ident, $sender:expr, $unsafely:literal, $armed:ident => $sent:expr) => {
        match $sender {
            sender => {
                let arming = $crate::__private::Look::of(&sender).arming();
                let $armed = arming.arm(sender, &mut $call, $unsafely);
                arming.watched($sent, &mut $call)
            }
        }
    };
}

/// How to arm what is passed to `.execute(..)` of `$client`. The block ends the borrow before the call.
#[doc(hidden)]
#[macro_export]
macro_rules! __executing {
    ($client:expr) => {{
        let arming = $crate::__private::Look::of(&$client).executing();
        arming
    }};
}

/// What an outcome says about its exchange, and what to do about it: the outcome, and the wait before the next
/// attempt if there is to be one.
///
/// The outcome is borrowed under a name of its own: a local that was ever borrowed counts as held across every
/// later await, and an error that is not `Send` would then make the future not `Send`.
#[doc(hidden)]
#[macro_export]
macro_rules! __settle {
    ($call:ident, $attempted:expr $(, $retry_if:expr)?) => {
        match $attempted {
            attempted => {
                let outcome = attempted.outcome;
                $crate::__observe!($call, outcome);
                $(
                    if $crate::__private::is_wanted(&outcome, $retry_if) {
                        $call.want();
                    }
                )?
                (outcome, $call.after(attempted.marked))
            }
        }
    };
}

/// [`__settle`], where a success says nothing.
#[doc(hidden)]
#[macro_export]
macro_rules! __settle_error {
    ($call:ident, $attempted:expr $(, $retry_if:expr)?) => {
        match $attempted {
            attempted => {
                let outcome = attempted.outcome;
                if let (_, ::core::option::Option::Some(error)) = $crate::__private::Look::of(&outcome).sides() {
                    $crate::__private::Probe::of(error).failure(&mut $call);
                }
                $(
                    if $crate::__private::is_wanted(&outcome, $retry_if) {
                        $call.want();
                    }
                )?
                (outcome, $call.after(attempted.marked))
            }
        }
    };
}

/// Tells the call what a result says about its exchange.
#[doc(hidden)]
#[macro_export]
macro_rules! __observe {
    ($call:ident, $result:ident) => {
        let (answer, error) = $crate::__private::Look::of(&$result).sides();
        if let ::core::option::Option::Some(answer) = answer {
            $crate::__private::Look::of(answer).answer(&mut $call);
        }
        if let ::core::option::Option::Some(error) = error {
            $crate::__private::Probe::of(error).failure(&mut $call);
        }
    };
}

/// What came of `reqwest::get(..)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __get {
    ($call:ident, $result:expr) => {
        match $result {
            result => {
                $call.got();
                $crate::__observe!($call, result);
                result
            }
        }
    };
}

/// How reading a body ended.
#[doc(hidden)]
#[macro_export]
macro_rules! __body {
    ($call:ident, $result:expr) => {
        match $result {
            result => {
                $crate::__private::Look::of(&result).broken(&mut $call);
                result
            }
        }
    };
}

/// Where no send is visible, the outcome must be able to say something.
#[doc(hidden)]
#[macro_export]
macro_rules! __informs {
    ($attempted:expr) => {
        match $attempted {
            attempted => {
                let sides = $crate::__private::Look::of(&attempted.outcome).sides();
                if let (::core::option::Option::Some(answer), ::core::option::Option::Some(error)) = sides {
                    $crate::__private::informs(
                        sides,
                        (
                            $crate::__private::Look::of(answer).answer_known(),
                            $crate::__private::Probe::of(error).failure_known(),
                        ),
                    );
                }
                attempted
            }
        }
    };
}

/// Disposes of an outcome that is not returned, and waits.
#[doc(hidden)]
#[macro_export]
macro_rules! __pause {
    ($outcome:ident, $wait:ident) => {
        match $outcome {
            outcome => $crate::__private::Look::of(&outcome).pausing().pause(outcome, $wait),
        }
    };
}

/// Disposes of an outcome that is not returned, and blocks.
#[cfg(feature = "blocking")]
#[doc(hidden)]
#[macro_export]
macro_rules! __block {
    ($outcome:ident, $wait:ident) => {
        match $outcome {
            outcome => $crate::__private::Look::of(&outcome).blocking().block(outcome, $wait),
        }
    };
}
