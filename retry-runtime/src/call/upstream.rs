//! Connects a call to its upstream: admits its attempts, pays for its retries, and reports its
//! exchanges.

use std::borrow::Borrow;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::time::Duration;

use crate::engine::exchange::Exchange;
use crate::engine::recorder::Recorded;
use crate::engine::report::Report;
use crate::engine::retry::Verdict;
use crate::engine::upstream::{Ticket, Upstream};
use crate::env::{self, Clock, Skipped};
use crate::scope;

/// The value of `upstream`: an [`Upstream`], or a pointer to one.
#[diagnostic::on_unimplemented(
    message = "`upstream` is an `Upstream` or a pointer to one, not `{Self}`",
    label = "not an `Upstream`",
    note = "what all calls share lives in a `static` or a field: `static GITHUB: Upstream = Upstream::new(\"github\");`"
)]
pub trait IsUpstream {
    /// Returns the upstream.
    fn upstream(&self) -> &Upstream;
}

#[diagnostic::do_not_recommend]
impl<T: Borrow<Upstream>> IsUpstream for T {
    #[inline]
    fn upstream(&self) -> &Upstream {
        self.borrow()
    }
}

/// The upstream of a call.
pub(crate) struct UpstreamHandle<'p> {
    upstream: &'p Upstream,
    ticket: Ticket,
    /// The upstream was idle when the call began, so the success of a first attempt need not be
    /// reported.
    was_idle: bool,
    /// The call is part of an attempt that the upstream has admitted.
    is_admitted: bool,
    clock: Clock,
}

impl<'p> UpstreamHandle<'p> {
    #[inline]
    pub(crate) fn new(upstream: &'p Upstream, clock: Clock) -> Self {
        let was_idle = upstream.is_idle();
        let is_admitted = !was_idle && scope::is_admitted_by(address(upstream));
        Self { upstream, ticket: Ticket::default(), was_idle, is_admitted, clock }
    }

    /// Returns the address of the upstream, by which nested calls know that they share it.
    #[inline]
    pub(crate) fn address(&self) -> NonZeroUsize {
        address(self.upstream)
    }

    /// Returns whether the upstream does not know of an exchange yet: no inner call has reported
    /// it.
    #[inline]
    pub(crate) fn is_news(&self, recorded: &Recorded) -> bool {
        recorded.reported_to != Some(self.address())
    }

    /// Returns how long to wait before asking again, or `None` if the attempt may begin. `longest`
    /// bounds the waits in all.
    #[inline]
    pub(crate) fn admission_delay(
        &mut self,
        skipped: Skipped,
        longest: impl FnOnce() -> Duration,
    ) -> Option<Duration> {
        if self.was_idle || self.is_admitted {
            return None;
        }
        let now = self.now(skipped);
        self.upstream.admit(&mut self.ticket, now, longest())
    }

    /// Reports `exchange` to the upstream. Returns `verdict`, or another one if the budget does not
    /// pay for a retry.
    #[inline]
    pub(crate) fn report(
        &mut self,
        exchange: &Exchange,
        report: &Report<'_>,
        verdict: Verdict,
        skipped: Skipped,
    ) -> Verdict {
        let is_plain_success = report.is_success() && !exchange.is_error();
        if self.was_idle && is_plain_success && matches!(verdict, Verdict::Stop(_)) {
            return verdict;
        }
        self.reset_ticket();
        self.upstream.on_attempt(exchange, verdict, self.now(skipped), env::random())
    }

    /// Gives the next attempt a new ticket, and forgets that the upstream was idle.
    pub(crate) fn reset_ticket(&mut self) {
        self.ticket = Ticket::default();
        self.was_idle = false;
        self.is_admitted = false;
    }

    fn now(&self, skipped: Skipped) -> Duration {
        self.clock.now().since_start().saturating_add(skipped.of_start())
    }
}

fn address(upstream: &Upstream) -> NonZeroUsize {
    NonNull::from(upstream).addr()
}
