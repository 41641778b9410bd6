//! What the generated loop does with values of the user's types: thin macros over [`Probe`](crate::probe::Probe),
//! which has to be asked where the type is known, and the traits whose messages speak to users.

use crate::probe::{Known, Unknown};

/// What the body of an annotated function must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` needs a function that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "whether an attempt failed, and how, is read from the `Result` that the function returns"
)]
pub trait Outcome {}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {}

/// An outcome, checked to be a `Result`, also behind an alias.
#[inline]
pub fn is_result<R: Outcome>(outcome: R) -> R {
    outcome
}

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

/// Checks that at least one side of an outcome says something.
#[inline]
pub fn informs<T, E>(_: (Option<&T>, Option<&E>), _: impl Informs<E>) {}

/// What `.send()` is called on, made to tell `call` of its exchange where it is reqwest's.
#[doc(hidden)]
#[macro_export]
macro_rules! __arm {
    ($call:ident, $sender:expr) => {
        match $sender {
            sender => $crate::__private::Probe::of(&sender).arming().arm(sender, &mut $call),
        }
    };
}

/// How to arm what is passed to `.execute(..)` of `$client`. The block ends the borrow before the call.
#[doc(hidden)]
#[macro_export]
macro_rules! __executing {
    ($client:expr) => {{
        let arming = $crate::__private::Probe::of(&$client).executing();
        arming
    }};
}

/// What an outcome says about its exchange. It is borrowed under a name of its own: a local that was ever
/// borrowed counts as held across every later await, and an error that is not `Send` would then make the
/// future not `Send`.
#[doc(hidden)]
#[macro_export]
macro_rules! __observe {
    ($call:ident, $outcome:expr) => {
        match $outcome {
            outcome => {
                let (answer, error) = $crate::__private::Probe::of(&outcome).sides();
                if let ::core::option::Option::Some(answer) = answer {
                    $crate::__private::Probe::of(answer).answer(&mut $call);
                }
                if let ::core::option::Option::Some(error) = error {
                    $crate::__private::Probe::of(error).failure(&mut $call);
                }
                outcome
            }
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
                $crate::__observe!($call, result)
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
                $crate::__private::Probe::of(&result).broken(&mut $call);
                result
            }
        }
    };
}

/// Where no send is visible, the outcome must be able to say something.
#[doc(hidden)]
#[macro_export]
macro_rules! __informs {
    ($outcome:expr) => {
        match $outcome {
            outcome => {
                let sides = $crate::__private::Probe::of(&outcome).sides();
                if let (::core::option::Option::Some(answer), ::core::option::Option::Some(error)) = sides {
                    $crate::__private::informs(
                        sides,
                        (
                            $crate::__private::Probe::of(answer).answer_known(),
                            $crate::__private::Probe::of(error).failure_known(),
                        ),
                    );
                }
                outcome
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
            outcome => $crate::__private::Probe::of(&outcome).pausing().pause(outcome, $wait),
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
            outcome => $crate::__private::Probe::of(&outcome).blocking().block(outcome, $wait),
        }
    };
}
