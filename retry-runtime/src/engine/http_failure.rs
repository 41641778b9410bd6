//! Errors of users that describe their exchange.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use retry_policy::FailureSet;

/// An error of yours that describes the exchange that failed.
///
/// Implement this trait for an error that keeps a status or a wait of the server, but neither is a
/// `reqwest::Error` nor has one as a [`source`](std::error::Error::source). Only the implementation
/// counts then: the sources of the error are not searched.
///
/// The error that the function returns is the one that is asked, also in a `Box`, `Rc` or `Arc`. An
/// implementation of an error *within* it, below a `#[from]`, `#[source]`, `anyhow::Error` or
/// `Box<dyn Error>`, is not found: implement the trait for the outer error and pass the answers on,
/// or decide with `retry_if` and `never_if`, which get the error itself:
///
/// ```
/// # #[derive(Debug)]
/// # struct ApiError;
/// # impl ApiError { fn is_permanent(&self) -> bool { true } }
/// # impl std::fmt::Display for ApiError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "no") }
/// # }
/// # impl std::error::Error for ApiError {}
/// fn is_permanent(error: &(dyn std::error::Error + 'static)) -> bool {
///     error.downcast_ref().is_some_and(ApiError::is_permanent)
/// }
///
/// // #[retry_http(never_if = |outcome| outcome.as_ref().is_err_and(|error| is_permanent(&**error)))]
/// # assert!(is_permanent(&ApiError));
/// ```
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
pub trait HttpFailure {
    /// Returns the status of the response, if there was one.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Returns the ways in which the exchange failed, if there was no response or reading its body
    /// failed. [`failures_of`](crate::failures_of) tells them of a `reqwest::Error`.
    fn failures(&self) -> FailureSet {
        FailureSet::EMPTY
    }

    /// Returns the wait that the server asked for, counted from now.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Returns whether no other attempt can succeed, such as one with a used-up quota. Such a
    /// failure is never retried, whatever its status is and `on`, `retry_if` or the server ask for.
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
    ///     // The status is 429, but no wait brings money into the account.
    ///     fn is_permanent(&self) -> bool {
    ///         self.code == "insufficient_quota"
    ///     }
    /// }
    /// ```
    fn is_permanent(&self) -> bool {
        false
    }

    /// Returns whether the credentials have expired, where the API says so by another status than
    /// 401. A function with `reauth` renews them, as after a 401; in others nothing changes.
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
