//! Errors of users that describe their exchange.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use retry_policy::FailureSet;

/// Describes the failed request behind an error of yours, so that the policy applies to the error.
///
/// Implement this trait for an error that knows the status, the failure or the wait, but is no
/// `reqwest::Error` and has none as a [`source`](std::error::Error::source). If an error implements
/// this trait, its sources are not searched for a `reqwest::Error`.
///
/// The status, the failure and the headers of a request that is seen are known without this trait.
/// An error about such a request needs to implement only the methods that tell more: a wait, or a
/// code that is in the body.
///
/// ```
/// use retry_http::HttpFailure;
/// use std::time::Duration;
///
/// struct ApiError {
///     code: u16,
///     wait: Option<Duration>,
/// }
///
/// impl HttpFailure for ApiError {
///     fn status(&self) -> Option<u16> {
///         Some(self.code)
///     }
///
///     fn retry_after(&self) -> Option<Duration> {
///         self.wait
///     }
/// }
/// ```
///
/// # Errors within errors
///
/// The trait must be implemented by the error type that the function returns, which may be in a
/// `Box`, `Rc` or `Arc`. An implementation for an error within that error is not found, such as one
/// behind `#[from]`, `#[source]`, `anyhow::Error` or `Box<dyn Error>`. Implement the trait for the
/// outer error as well, and forward its methods. Or decide with `retry_if` and `never_if`, which
/// get the outer error:
///
/// ```
/// use retry_http::retry_http;
/// use std::error::Error;
/// # #[derive(Debug)]
/// # struct ApiError;
/// # impl ApiError { fn is_permanent(&self) -> bool { true } }
/// # impl std::fmt::Display for ApiError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "no") }
/// # }
/// # impl Error for ApiError {}
///
/// fn is_permanent(error: &(dyn Error + 'static)) -> bool {
///     error.downcast_ref().is_some_and(ApiError::is_permanent)
/// }
///
/// #[retry_http(never_if = |outcome| outcome.as_ref().is_err_and(|error| is_permanent(&**error)))]
/// async fn user(id: u64) -> Result<String, Box<dyn Error + Send + Sync>> {
///     // Send a request, and return an `ApiError` in the box if it fails.
///     # _ = id;
///     # Err(ApiError.into())
/// }
/// ```
pub trait HttpFailure {
    /// Returns the status of the response, if there was one. A number that is not from 100 to 999
    /// is ignored.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Returns the ways in which the request failed, if there was no response or if reading its
    /// body failed. For a `reqwest::Error`, use
    /// [`failures_of`](https://docs.rs/retry-http/latest/retry_http/fn.failures_of.html).
    fn failures(&self) -> FailureSet {
        FailureSet::EMPTY
    }

    /// Returns the wait that the server asked for, counted from the time at which this method is
    /// called.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Returns `true` if no further attempt can succeed, for example because a prepaid quota is
    /// used up. Such a failure is never retried, whatever its status is and whatever `on`,
    /// `retry_if` or the server ask for.
    ///
    /// ```
    /// use retry_http::HttpFailure;
    ///
    /// struct OpenAiError {
    ///     status: u16,
    ///     code: String,
    /// }
    ///
    /// impl HttpFailure for OpenAiError {
    ///     fn status(&self) -> Option<u16> {
    ///         Some(self.status)
    ///     }
    ///
    ///     // The status is 429, but waiting does not refill the account.
    ///     fn is_permanent(&self) -> bool {
    ///         self.code == "insufficient_quota"
    ///     }
    /// }
    /// ```
    fn is_permanent(&self) -> bool {
        false
    }

    /// Returns `true` if the credentials have expired and the API says so with a status other than
    /// 401. A function with `reauth` then renews them, as after a 401. A function without `reauth`
    /// ignores this.
    fn is_expired(&self) -> bool {
        false
    }
}

macro_rules! pass_on {
    ($($pointer:ty),+) => {$(
        impl<E: HttpFailure + ?Sized> HttpFailure for $pointer {
            fn status(&self) -> Option<u16> {
                (**self).status()
            }

            fn failures(&self) -> FailureSet {
                (**self).failures()
            }

            fn retry_after(&self) -> Option<Duration> {
                (**self).retry_after()
            }

            fn is_permanent(&self) -> bool {
                (**self).is_permanent()
            }

            fn is_expired(&self) -> bool {
                (**self).is_expired()
            }
        }
    )+};
}

pass_on!(Box<E>, Rc<E>, Arc<E>, &E);

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl HttpFailure for Silent {}

    #[test]
    fn an_error_says_nothing_that_it_does_not_implement() {
        for silent in [&Silent as &dyn HttpFailure, &Box::new(Silent), &Rc::new(Silent), &Arc::new(Silent)] {
            assert_eq!((silent.status(), silent.retry_after()), (None, None));
            assert_eq!(silent.failures(), FailureSet::EMPTY);
            assert!(!silent.is_permanent() && !silent.is_expired());
        }
    }
}
