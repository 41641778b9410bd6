//! Connects a call to its upstream: admits its attempts, pays for its retries, and reports its
//! exchanges.

use std::borrow::Borrow;
use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::ptr::NonNull;
use std::task::Poll;
use std::time::Duration;

use crate::engine::exchange::Exchange;
use crate::engine::recorder::Recorded;
use crate::engine::report::Report;
use crate::engine::retry::Verdict;
use crate::engine::upstream::{Admission, Scope, Ticket, Upstream};
use crate::env::{self, Clock, Signal, Skipped};
use crate::scope;

impl Upstream {
    /// Returns the rest of the wait that the server has asked annotated functions for, or `None` if
    /// that wait is over. A call may have to wait longer, until its turn comes.
    ///
    /// Use it to refuse work early, or to tell a user when to come back:
    ///
    /// ```
    /// use retry_http::Upstream;
    ///
    /// static GITHUB: Upstream = Upstream::new("github");
    ///
    /// match GITHUB.remaining_cooldown() {
    ///     None => println!("GitHub takes requests"),
    ///     Some(wait) => println!("GitHub takes requests again in {} s", wait.as_secs()),
    /// }
    /// ```
    ///
    /// Within a runtime of tokio, the time is that of tokio's clock, which a test may pause.
    pub fn remaining_cooldown(&self) -> Option<Duration> {
        self.all().remaining_cooldown()
    }
}

impl Scope<'_> {
    /// Returns the rest of the wait that the server has asked annotated functions for in this
    /// scope, or `None` if that wait is over. See [`Upstream::remaining_cooldown`].
    pub fn remaining_cooldown(self) -> Option<Duration> {
        self.remaining_cooldown_at(Clock::Tokio.now().since_start())
    }
}

/// The value of `upstream`: an [`Upstream`], a pointer to one, or a [`Scope`] of one.
#[diagnostic::on_unimplemented(
    message = "`upstream` is an `Upstream`, a pointer to one or a scope of one, not `{Self}`",
    label = "not an `Upstream`",
    note = "an upstream that all calls share is in a `static` or a field: `static GITHUB: Upstream = Upstream::new(\"github\");`"
)]
pub trait IsUpstream {
    /// Returns the scope of the calls.
    fn scope(&self) -> Scope<'_>;
}

#[diagnostic::do_not_recommend]
impl<T: Borrow<Upstream>> IsUpstream for T {
    #[inline]
    fn scope(&self) -> Scope<'_> {
        self.borrow().all()
    }
}

#[diagnostic::do_not_recommend]
impl IsUpstream for Scope<'_> {
    #[inline]
    fn scope(&self) -> Scope<'_> {
        *self
    }
}

/// The upstream of a call.
pub(crate) struct UpstreamHandle<'p> {
    ticket: Ticket<'p>,
    /// The upstream was idle when the call began, so the success of a first attempt need not be
    /// reported.
    was_idle: bool,
    /// The call is part of an attempt that the upstream has admitted.
    is_admitted: bool,
}

impl<'p> UpstreamHandle<'p> {
    /// Makes the handle of a call that begins.
    #[inline]
    pub(crate) fn new(scope: Scope<'p>, clock: Clock) -> Self {
        if !scope.upstream().is_idle() {
            return Self::of_busy(scope, clock);
        }
        Self { ticket: scope.ticket(), was_idle: true, is_admitted: false }
    }

    #[cold]
    fn of_busy(scope: Scope<'p>, clock: Clock) -> Self {
        let mut ticket = scope.ticket();
        let is_admitted = scope::is_admitted_by(address(scope));
        if is_admitted {
            ticket.begin_admitted(clock.now().since_start());
        }
        Self { ticket, was_idle: false, is_admitted }
    }

    /// Returns whether the upstream was idle when the call began, and nothing was reported since.
    #[inline]
    pub(crate) fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Returns the address of the upstream, by which nested calls know that they share it.
    #[inline]
    pub(crate) fn address(&self) -> NonZeroUsize {
        address(self.ticket.scope())
    }

    /// Returns whether the upstream does not know of an exchange yet: no inner call has reported
    /// it.
    #[inline]
    pub(crate) fn is_news(&self, recorded: &Recorded) -> bool {
        recorded.reported_to != Some(self.address())
    }

    /// Returns `true` if the call is to ask before the next attempt.
    #[inline]
    pub(crate) fn asks(&self) -> bool {
        !self.was_idle && !self.is_admitted
    }

    /// Returns whether the next attempt may be sent. `longest` bounds the waits in all.
    pub(crate) fn admit(&mut self, now: Duration, longest: impl FnOnce() -> Duration) -> Admission {
        self.ticket.admit(now, longest())
    }

    /// Waits until the call is to ask again: when `wait` is over, or its turn comes earlier.
    pub(crate) async fn hold(&self, wait: impl Future<Output = ()>) {
        let mut wait = pin!(wait);
        poll_fn(|context| {
            if self.ticket.set_waker(context.waker()) {
                return Poll::Ready(());
            }
            wait.as_mut().poll(context)
        })
        .await;
    }

    /// Blocks the thread until the call is to ask again: after `wait`, or when its turn comes
    /// earlier.
    pub(crate) fn hold_blocking(&self, wait: Duration, skipped: &mut Skipped) {
        let signal = Signal::new();
        if !self.ticket.set_waker(&signal.waker()) {
            env::wait_for_signal(&signal, wait, skipped);
        }
    }

    /// Reports `exchange` to the upstream. Returns `verdict`, or another one if the budget does not
    /// pay for a retry.
    #[inline]
    pub(crate) fn on_attempt(
        &mut self,
        exchange: &Exchange,
        report: &Report<'_>,
        verdict: Verdict,
        now: impl FnOnce() -> Duration,
    ) -> Verdict {
        let is_plain_success = report.is_success() && !exchange.is_error();
        if self.was_idle && is_plain_success && matches!(verdict, Verdict::Stop(_)) {
            return verdict;
        }
        self.end_attempt();
        self.ticket.on_attempt(exchange, verdict, now(), env::random())
    }

    /// Ends an attempt: the next one asks to be admitted, also if the upstream was idle.
    pub(crate) fn end_attempt(&mut self) {
        self.ticket.end_probe();
        self.was_idle = false;
        self.is_admitted = false;
    }
}

/// Returns a number that is the same for all calls of a scope.
#[inline]
fn address(scope: Scope<'_>) -> NonZeroUsize {
    let upstream = NonNull::from(scope.upstream()).addr();
    match scope.key() {
        None => upstream,
        #[allow(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        Some(key) => NonZeroUsize::new(upstream.get() ^ key.get() as usize).unwrap_or(upstream),
    }
}
