//! A call and its upstream: when it may go, what it pays for a retry, what it tells of the server's answers.

use std::borrow::Borrow;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::time::Duration;

use crate::engine::exchange::Exchange;
use crate::engine::recorder::Recorded;
use crate::engine::retry::Verdict;
use crate::engine::upstream::{Ticket, Upstream};
use crate::env::{self, Moment, Skipped};
use crate::scope;

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
    turn: Ticket,
    /// The upstream was idle when the call began, so the success of a first attempt need not be reported.
    calm: bool,
    /// The call is part of an attempt that the upstream has admitted.
    is_admitted: bool,
    moment: fn() -> Moment,
}

impl<'p> Shared<'p> {
    #[inline]
    pub(crate) fn new(upstream: &'p Upstream, moment: fn() -> Moment) -> Self {
        let calm = upstream.is_idle();
        let is_admitted = !calm && scope::is_admitted_by(address(upstream));
        Self { upstream, turn: Ticket::default(), calm, is_admitted, moment }
    }

    /// Returns the address of the upstream, by which calls in calls know that they share it.
    #[inline]
    pub(crate) fn address(&self) -> NonZeroUsize {
        address(self.upstream)
    }

    /// Whether the upstream does not know of an exchange yet: no call inside of this one has reported it.
    #[inline]
    pub(crate) fn is_news(&self, recorded: &Recorded) -> bool {
        recorded.reported_to != Some(self.address())
    }

    /// How long to wait before asking again whether to go, at most `at_most` in all.
    #[inline]
    pub(crate) fn hold(&mut self, skipped: Skipped, at_most: impl FnOnce() -> Duration) -> Option<Duration> {
        if self.calm || self.is_admitted {
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
        self.look_again();
        self.upstream.on_attempt(exchange, verdict, self.now(skipped), env::random())
    }

    /// Gives the next attempt a turn of its own, and has the state of the upstream read again.
    pub(crate) fn look_again(&mut self) {
        self.turn = Ticket::default();
        self.calm = false;
        self.is_admitted = false;
    }

    fn now(&self, skipped: Skipped) -> Duration {
        (self.moment)().since_start().saturating_add(skipped.of_start())
    }
}

fn address(upstream: &Upstream) -> NonZeroUsize {
    NonNull::from(upstream).addr()
}
