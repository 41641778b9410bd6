//! Reports: the facts that a response or an error gives about its exchange.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use retry_policy::{Failure, FailureSet};

use crate::engine::http_failure::HttpFailure;
use crate::engine::recorder::address;

/// The facts that one value (a response, an error, an outcome) gives about an exchange.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Report<'v> {
    pub(crate) by: By,
    pub(crate) status: Option<StatusCode>,
    pub(crate) failures: FailureSet,
    /// `true` if the server has not processed the request: it said so, or nothing was sent.
    pub(crate) is_unprocessed: bool,
    /// `true` if the request was not sent, as an upstream held it back.
    pub(crate) is_unsent: bool,
    /// `true` if the body of the response arrived whole, but is not what was expected, such as HTML
    /// in place of JSON.
    pub(crate) is_unreadable: bool,
    /// `true` if the transport has followed a redirect.
    pub(crate) is_redirected: bool,
    /// The wait that an error of the user's asks for.
    pub(crate) hint: Option<Duration>,
    /// The opinion of an error of the user's.
    pub(crate) opinion: Opinion,
    pub(crate) headers: Option<&'v HeaderMap>,
    pub(crate) url: Option<&'v str>,
}

/// The opinion of an error of the user's about its exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opinion {
    /// `true` if no other attempt can succeed.
    pub(crate) is_permanent: bool,
    /// `true` if the credentials have expired.
    pub(crate) is_expired: bool,
}

/// The kind of value that a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A response.
    Response,
    /// An error of the transport.
    Transport,
    /// An error of a request that could not be built, so that nothing was sent.
    Unsent,
    /// An error of the user's, by its [`HttpFailure`].
    Own,
    /// An error that contains tokio's `Elapsed`: a time limit of the user's ran out.
    Elapsed,
    /// An error that says nothing.
    Error,
    /// A success that is no response.
    Success,
}

/// The facts that are kept of a response that no policy retries.
#[derive(Clone, Copy, Debug)]
pub struct PlainSuccess<'v> {
    pub(crate) status: StatusCode,
    pub(crate) url: &'v str,
}

/// A success that the body of an attempt has returned, in short form.
#[derive(Clone, Copy, Debug)]
pub struct Returned {
    /// The status of a response.
    pub(crate) status: Option<StatusCode>,
    /// The address of the URL of a response.
    pub(crate) address: usize,
}

impl Returned {
    /// A value that is no response.
    pub(crate) const VALUE: Self = Self { status: None, address: 0 };

    /// Makes the short form of a response.
    #[inline]
    pub(crate) fn response(status: StatusCode, url: &str) -> Self {
        Self { status: Some(status), address: address(url) }
    }
}

impl<'v> PlainSuccess<'v> {
    /// Keeps a response with this status, unless a policy may retry it.
    #[inline]
    pub(crate) fn new(status: StatusCode, url: &'v str) -> Option<Self> {
        (status.is_success() && status != StatusCode::ACCEPTED).then_some(Self { status, url })
    }
}

impl<'v> Report<'v> {
    /// Makes a report that says nothing but the kind of its value.
    pub(crate) const fn new(by: By) -> Self {
        Self {
            by,
            status: None,
            failures: FailureSet::EMPTY,
            is_unprocessed: false,
            is_unsent: false,
            is_unreadable: false,
            is_redirected: false,
            hint: None,
            opinion: Opinion { is_permanent: false, is_expired: false },
            headers: None,
            url: None,
        }
    }

    /// Makes the report of a response.
    #[inline]
    pub(crate) const fn response(status: StatusCode, headers: &'v HeaderMap) -> Self {
        Self { status: Some(status), headers: Some(headers), ..Self::new(By::Response) }
    }

    /// Makes the report of an error of the transport.
    pub(crate) const fn failure(status: Option<StatusCode>, failures: FailureSet) -> Self {
        Self { status, failures, ..Self::new(By::Transport) }
    }

    /// Makes the report of an error of the user's.
    pub(crate) fn own(error: &impl HttpFailure) -> Self {
        Self {
            status: error.status().and_then(|status| StatusCode::from_u16(status).ok()),
            failures: error.failures(),
            hint: error.retry_after(),
            opinion: Opinion { is_permanent: error.is_permanent(), is_expired: error.is_expired() },
            ..Self::new(By::Own)
        }
    }

    /// Makes the report of an error that contains tokio's `Elapsed`.
    pub(crate) const fn elapsed() -> Self {
        Self { failures: FailureSet::EMPTY.with(Failure::Timeout), ..Self::new(By::Elapsed) }
    }

    /// Adds that the server has not processed the request.
    pub(crate) const fn unprocessed(mut self) -> Self {
        self.is_unprocessed = true;
        self
    }

    /// Adds the URL of the exchange.
    #[inline]
    pub(crate) const fn about(mut self, url: Option<&'v str>) -> Self {
        self.url = url;
        self
    }

    /// Returns `true` if the value is an `Ok`.
    pub(crate) fn is_success(&self) -> bool {
        matches!(self.by, By::Response | By::Success)
    }

    /// Returns the facts of a response that no policy retries, if the report says nothing else.
    #[inline]
    pub(crate) fn plain_success(&self) -> Option<PlainSuccess<'v>> {
        let is_plain = self.by == By::Response
            && self.failures.is_empty()
            && self.hint.is_none()
            && !self.is_unprocessed
            && !self.is_unsent
            && !self.is_redirected;
        if is_plain { PlainSuccess::new(self.status?, self.url?) } else { None }
    }

    /// Returns `true` if the report says nothing about any exchange.
    pub(crate) fn is_silent(&self) -> bool {
        self.status.is_none() && self.failures.is_empty() && self.hint.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Limited;

    impl HttpFailure for Limited {
        fn status(&self) -> Option<u16> {
            Some(429)
        }

        fn failures(&self) -> FailureSet {
            FailureSet::EMPTY.with(Failure::Body)
        }

        fn retry_after(&self) -> Option<Duration> {
            Some(Duration::from_secs(2))
        }

        fn is_permanent(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_response_is_a_plain_success_if_the_report_says_nothing_else() {
        let headers = HeaderMap::new();
        let plain = Report::response(StatusCode::OK, &headers).about(Some("http://a/"));
        assert!(plain.plain_success().is_some());
        for other in [
            Report { by: By::Own, ..plain },
            Report { status: Some(StatusCode::ACCEPTED), ..plain },
            Report { status: Some(StatusCode::NOT_FOUND), ..plain },
            Report { status: None, ..plain },
            Report { failures: FailureSet::EMPTY.with(Failure::Body), ..plain },
            Report { hint: Some(Duration::from_secs(1)), ..plain },
            Report { url: None, ..plain },
            Report { is_unsent: true, ..plain },
            plain.unprocessed(),
        ] {
            assert!(other.plain_success().is_none(), "{other:?}");
        }
    }

    #[test]
    fn an_error_of_the_user_says_all_that_it_can() {
        let report = Report::own(&Limited);
        assert_eq!(report.by, By::Own);
        assert_eq!(report.status, Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(report.failures, FailureSet::EMPTY.with(Failure::Body));
        assert_eq!(report.hint, Some(Duration::from_secs(2)));
        assert_eq!(report.opinion, Opinion { is_permanent: true, is_expired: false });
        assert!(!report.is_silent() && !report.is_success());
    }
}
