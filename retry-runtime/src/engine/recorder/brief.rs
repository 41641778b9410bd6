//! The first exchange of an attempt in short form. Most attempts send one request and get a plain
//! success, and pay for no more than that.

use std::num::NonZeroU64;

use http::StatusCode;

use crate::engine::exchange::Exchange;
use crate::engine::origin::Origin;
use crate::engine::recorder::recorded::{Progress, Recorded};
use crate::engine::recorder::{Details, address, hash_resource, hash_url, next_number};
use crate::engine::report::PlainSuccess;

/// A request that is under way, or was answered with a plain success.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brief {
    /// The number of its beginning.
    pub(super) began: u64,
    /// The number of its end. Means nothing without a status.
    ended: u64,
    /// The status of the response, once it came.
    pub(super) status: Option<StatusCode>,
    /// The address of the response while it is alive.
    pub(super) response: usize,
    /// A hash of the URL of the response: of the whole URL, unless that of the request is known.
    response_url: Option<NonZeroU64>,
    is_body_read: bool,
    /// `true` if its host is the last one of the recorder.
    pub(super) has_host: bool,
    /// `true` if the recorder has details of the exchange, as of all but a GET that nothing is
    /// declared of.
    pub(super) has_details: bool,
    origin: Option<Origin>,
}

impl Brief {
    #[inline]
    pub(super) fn new(began: u64, origin: Option<Origin>) -> Self {
        let (status, response_url) = (None, None);
        Self {
            began,
            ended: 0,
            status,
            response: 0,
            response_url,
            is_body_read: false,
            has_host: false,
            has_details: false,
            origin,
        }
    }

    /// Returns `details` if they are those of the exchange.
    #[inline]
    pub(super) fn details<'d>(&self, details: Option<&'d Details>) -> Option<&'d Details> {
        details.filter(|_| self.has_details)
    }

    /// Records the end of the exchange. Returns `false` if the response came from another URL than
    /// the request went to (its hash is `asked`), where that matters: the exchange is then not kept
    /// in short form.
    pub(super) fn on_success(&mut self, asked: Option<NonZeroU64>, success: PlainSuccess<'_>) -> bool {
        let url = success.url;
        let response_url = hash_url(url);
        // Few responses have a fragment in their URL.
        let is_other = |asked| asked != response_url && asked != hash_resource(url);
        if asked.is_some_and(is_other) {
            return false;
        }
        self.end(success, asked.unwrap_or(response_url));
        true
    }

    /// Records the end of the exchange, and this hash of the URL of the response.
    #[inline]
    pub(super) fn end(&mut self, success: PlainSuccess<'_>, response_url: NonZeroU64) {
        self.ended = next_number();
        self.status = Some(success.status);
        self.response = address(success.url);
        self.response_url = Some(response_url);
    }

    /// Records that the body of a response was read to its end.
    #[inline]
    pub(super) fn on_body_end(&mut self, response: Option<usize>) {
        self.is_body_read |= self.status.is_some() && response.is_none_or(|other| other == self.response);
    }

    /// Returns the exchange.
    pub(super) fn exchange(&self, details: Option<&Details>) -> Exchange {
        let Details { method, idempotency, .. } = details.cloned().unwrap_or(Details::OF_GET);
        let mut exchange = Exchange::of_request(method, idempotency);
        if let Some(status) = self.status {
            exchange.on_response(status);
        }
        exchange
    }

    /// Returns the exchange in full.
    pub(super) fn into_recorded(self, details: Option<&Details>) -> Recorded {
        let request_url = details.and_then(|details| details.url);
        let recorded = Recorded::new(self.began, self.exchange(details));
        let recorded = Recorded { origin: self.origin, request_url, ..recorded };
        if self.status.is_none() {
            return recorded;
        }
        Recorded {
            ended: NonZeroU64::new(self.ended),
            progress: Progress::Responded,
            response: self.response,
            response_url: self.response_url,
            is_body_read: self.is_body_read,
            ..recorded
        }
    }
}
