//! A call and its upstream: when it may go, what it pays for a retry, what it tells of the server's answers.

use std::borrow::Borrow;
use std::time::Duration;

use http::StatusCode;

use crate::ambient::{self, Moment, Skipped};
use crate::exchange::Exchange;
use crate::retry::{Stop, Verdict};
use crate::upstream::{Turn, Upstream};

/// What `upstream` takes: an [`Upstream`], or a pointer to one.
#[diagnostic::on_unimplemented(
    message = "`upstream` is an `Upstream` or a pointer to one, not `{Self}`",
    label = "not an `Upstream`",
    note = "what all calls share lives in a `static` or a field: `static GITHUB: Upstream = Upstream::new(\"github\");`"
)]
pub trait IsUpstream {
    /// What it points at.
    fn upstream(&self) -> &Upstream;
}

#[diagnostic::do_not_recommend]
impl<T: Borrow<Upstream>> IsUpstream for T {
    #[inline]
    fn upstream(&self) -> &Upstream {
        self.borrow()
    }
}

/// A call's share in its upstream.
pub(crate) struct Shared<'p> {
    upstream: &'p Upstream,
    turn: Turn,
    /// Whether there is nothing to tell of a success: so it was when the call began, and it was not refused.
    calm: bool,
    moment: fn() -> Moment,
}

impl<'p> Shared<'p> {
    #[inline]
    pub(crate) fn new(upstream: &'p Upstream, moment: fn() -> Moment) -> Self {
        Self { upstream, turn: Turn::default(), calm: upstream.is_calm(), moment }
    }

    /// How long to wait before asking again whether to go, at most `at_most` in all.
    #[inline]
    pub(crate) fn hold(&mut self, skipped: Skipped, at_most: impl FnOnce() -> Duration) -> Option<Duration> {
        if self.calm {
            return None;
        }
        let now = self.now(skipped);
        self.upstream.admit(&mut self.turn, now, at_most())
    }

    /// What becomes of a verdict on `exchange`: a retry has to be paid for.
    #[inline]
    pub(crate) fn after(
        &mut self,
        exchange: &Exchange,
        succeeded: bool,
        verdict: Verdict,
        skipped: Skipped,
    ) -> Verdict {
        if self.calm && succeeded && matches!(verdict, Verdict::Stop(_)) && !exchange.is_error() {
            return verdict;
        }
        // Each attempt has a turn of its own.
        self.turn = Turn::default();
        self.calm = false;
        let now = self.now(skipped);
        if let Some(hint) = exchange.hint().filter(|hint| is_refused(exchange) && !hint.is_zero()) {
            self.upstream.refused(now, hint, ambient::random());
        }
        match verdict {
            // A job that is not done yet, or anything else that only `retry_if` wants again.
            Verdict::Wait(_) if succeeded && !exchange.is_error() => {}
            Verdict::Wait(_) if !self.upstream.pay(now) => return Verdict::Stop(Stop::Budget),
            Verdict::Stop(_) if is_served(exchange) || (succeeded && !exchange.is_error()) => {
                self.upstream.succeeded(now);
            }
            _ => {}
        }
        verdict
    }

    fn now(&self, skipped: Skipped) -> Duration {
        (self.moment)().since_start().saturating_add(skipped.of_start())
    }
}

/// The statuses by which a server says that it has too much to do (RFC 6585 §4, RFC 9110 §15.6.4).
fn is_refused(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE))
}

/// Whether the server did its part, although the caller may have an error: a 404 is an answer.
fn is_served(exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| !status.is_server_error())
        && !is_refused(exchange)
        && exchange.failures().is_empty()
}
