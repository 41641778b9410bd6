//! One exchange as a recorder keeps it: what is known of it beside its [`Exchange`].

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use http::StatusCode;
use retry_policy::{Answer, Failure, FailureSet};

use crate::engine::exchange::Exchange;
use crate::engine::origin::Origin;
use crate::engine::recorder::{hash_resource, hash_url};
use crate::engine::report::{By, Report};

/// One exchange of an attempt.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Recorded {
    /// The number of its beginning.
    pub(crate) began: u64,
    /// The number of its end, once it has ended.
    pub(crate) ended: Option<NonZeroU64>,
    pub(crate) progress: Progress,
    pub(crate) mark: Mark,
    /// `true` if an inner call has sent it that does not leave its retries to the call around.
    pub(crate) is_of_inner_call: bool,
    /// `true` if the response came from another URL, or the failure happened there. The request
    /// itself was then received.
    pub(crate) is_redirected: bool,
    /// `true` if the body of the response was read to its end.
    pub(crate) is_body_read: bool,
    /// `true` if the body of the response was read, and was not what the reader expected.
    pub(crate) is_body_unreadable: bool,
    /// `true` if reading the body was given up half way.
    pub(crate) is_body_dropped: bool,
    pub(crate) exchange: Exchange,
    /// A hash of the URL of the request. `None` for a request that is safe to repeat.
    pub(crate) request_url: Option<NonZeroU64>,
    /// A hash of the URL of the response, or of the failure.
    pub(crate) response_url: Option<NonZeroU64>,
    /// The address of the response while it is alive.
    pub(crate) response: usize,
    /// The idempotency key of the request, in a call that has `idempotency_key`.
    pub(crate) key: Option<Box<Key>>,
    /// The host, if an observer or a log needs it.
    pub(crate) host: Option<Arc<str>>,
    /// The address of the upstream that an inner call has reported the exchange to.
    pub(crate) reported_to: Option<NonZeroUsize>,
    /// The origin that the request was sent to, if that matters.
    pub(crate) origin: Option<Origin>,
}

/// The progress of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is under way, or it ended unobserved.
    Open,
    /// The head of a response came.
    Responded,
    /// It failed without a response.
    Failed,
    /// It was dropped before its response.
    Dropped,
}

/// The decision of an inner call about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// None: the call around decides.
    None,
    /// To retry it, after a wait that is not over.
    Waiting,
    /// To retry it, and the wait is over.
    Retried,
    /// Not to retry it.
    Settled,
    /// To ignore it, since the inner call succeeded all the same.
    Succeeded,
}

/// The idempotency key of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// The number of the call that the key belongs to. `None` if the body has set the key.
    pub(crate) call: Option<u64>,
    /// A hash of the method and path.
    pub(crate) request: u64,
    /// A hash of the request and of its key.
    pub(crate) id: u64,
    /// `true` if an earlier attempt has sent it.
    pub(crate) is_repeat: bool,
}

impl Key {
    /// Returns `true` if the key is of use only within this call: the call has given it, or the
    /// body has set it.
    pub(crate) fn is_of(&self, call: u64) -> bool {
        self.call.is_none_or(|owner| owner == call)
    }
}

impl Progress {
    /// Returns the progress of an exchange that ended as `report` says.
    #[inline]
    pub(crate) const fn of(report: &Report<'_>) -> Self {
        if report.status.is_some() { Self::Responded } else { Self::Failed }
    }
}

impl Recorded {
    /// Makes the record of an exchange that begins with this number.
    pub(crate) const fn new(began: u64, exchange: Exchange) -> Self {
        Self {
            began,
            ended: None,
            progress: Progress::Open,
            mark: Mark::None,
            is_of_inner_call: false,
            is_redirected: false,
            is_body_read: false,
            is_body_unreadable: false,
            is_body_dropped: false,
            exchange,
            request_url: None,
            response_url: None,
            response: 0,
            key: None,
            host: None,
            reported_to: None,
            origin: None,
        }
    }

    /// Returns `true` if the server may have done what the request asks for.
    ///
    /// It has not if it said so (by a status of 4xx but 408 and 409, by 503 and the wait before it
    /// is sent again, or by HTTP/2), or if no connection came about.
    pub(crate) fn may_have_done(&self) -> bool {
        if self.is_redirected {
            return true;
        }
        match self.progress {
            Progress::Open | Progress::Dropped | Progress::Failed => self.may_be_processed(),
            Progress::Responded => match self.exchange.status() {
                Some(StatusCode::SERVICE_UNAVAILABLE) => self.exchange.answer() != Answer::Hinted,
                Some(StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT) | None => true,
                Some(status) => !status.is_client_error(),
            },
        }
    }

    /// Records whether another host answered than the one that was asked.
    pub(super) fn compare_origin(&mut self, report: &Report<'_>) {
        let answered = report.url.and_then(Origin::of_url);
        if self.origin.is_some() && answered.is_some() && answered != self.origin {
            self.exchange.on_answer_from_elsewhere();
        }
    }

    /// Returns `true` if the server may have begun to process the request, whatever it answered.
    pub(crate) fn may_be_processed(&self) -> bool {
        self.is_redirected
            || self.progress != Progress::Failed
            || (!self.exchange.is_unprocessed() && !self.exchange.failures().contains(Failure::Connect))
    }

    /// Returns `true` if the exchange failed, and no inner call succeeded in spite of that.
    pub(crate) fn has_failed(&self) -> bool {
        self.mark != Mark::Succeeded
            && matches!(self.progress, Progress::Responded | Progress::Failed)
            && (self.progress == Progress::Failed
                || self.exchange.is_error()
                || !self.exchange.failures().is_empty())
    }

    /// Returns `true` if the response was no error, or an inner call succeeded in spite of the
    /// failure.
    #[inline]
    pub(crate) fn has_succeeded(&self) -> bool {
        match self.progress {
            Progress::Responded => {
                self.mark == Mark::Succeeded
                    || (!self.exchange.is_error() && self.exchange.failures().is_empty())
            }
            Progress::Failed => self.mark == Mark::Succeeded,
            Progress::Open | Progress::Dropped => false,
        }
    }

    /// Returns `true` if the hint of the exchange is still to be waited for. A call that gives up
    /// on an exchange does not wait for its hint.
    pub(crate) fn has_open_hint(&self) -> bool {
        self.mark != Mark::Retried && self.exchange.is_error()
    }

    /// Returns `true` if both were under way at the same time.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let begins_during = |one: &Self, other: &Self| {
            one.began >= other.began && other.ended.is_none_or(|ended| one.began < ended.get())
        };
        begins_during(self, other) || begins_during(other, self)
    }

    /// Returns `true` if both have the same key of a call and overlap, so that chance decides which
    /// of them gets which number of the key.
    pub(crate) fn overlaps_by_key(&self, other: &Self) -> bool {
        let (Some(one), Some(another)) = (&self.key, &other.key) else { return false };
        one.call.is_some()
            && (one.call, one.request) == (another.call, another.request)
            && self.overlaps(other)
    }

    /// Returns `true` if `report` may be about this exchange: about its response, or about its
    /// failure.
    pub(crate) fn matches(&self, report: &Report<'_>) -> bool {
        if report.url.is_some_and(|url| !self.has_url(url)) {
            return false;
        }
        if let (By::Response | By::Transport | By::Own, Some(status)) = (report.by, report.status) {
            return self.progress == Progress::Responded && self.exchange.status() == Some(status);
        }
        let failures = self.exchange.failures();
        match self.progress {
            // It ended unobserved.
            Progress::Open => report.url.is_some(),
            Progress::Dropped => false,
            Progress::Failed => failures == report.failures || failures.intersects(report.failures),
            // The body may break off, or take too long, after the head of the response.
            Progress::Responded if failures.is_empty() => {
                const WHILE_READING: FailureSet =
                    FailureSet::EMPTY.with(Failure::Body).with(Failure::Timeout);
                // A refusal has no other mistake than a body that is not what was expected.
                let is_whole = report.failures.is_empty();
                let is_wrong = is_whole && (report.is_unreadable || !self.exchange.is_error());
                is_wrong || (!self.is_body_read && report.failures.intersects(WHILE_READING))
            }
            Progress::Responded => failures.intersects(report.failures),
        }
    }

    /// Returns `true` if the request went to, or the response came from, this URL.
    fn has_url(&self, url: &str) -> bool {
        let known = [self.request_url, self.response_url];
        // A plain success of a safe request is recorded by its whole URL, which costs less.
        known.contains(&Some(hash_url(url))) || known.contains(&Some(hash_resource(url)))
    }
}
