//! Emits the events of a call to its observer, to logs and to metrics.

use std::time::Duration;

use retry_policy::FailureSet;

use crate::call::Call;
use crate::engine::exchange::Exchange;
use crate::engine::report::{By, Report};
use crate::observe::{Event, Observer, Step};
use crate::scope::Scope;
#[cfg(feature = "testing")]
use crate::testing;

impl<'p> Call<'p, '_> {
    /// Emits an event about an exchange.
    #[inline]
    pub(super) fn emit(
        &self,
        exchange: &Exchange,
        host: Option<&str>,
        attempt: u32,
        step: impl FnOnce() -> Step,
    ) {
        if self.is_observed() {
            self.emit_exchange(exchange, host, attempt, step());
        }
    }

    /// Returns whether anything may listen to events of the call.
    #[inline]
    fn is_observed(&self) -> bool {
        cfg!(any(feature = "tracing", feature = "metrics")) || self.has_observer()
    }

    /// Returns the observer of the call.
    #[inline]
    fn observer(&self) -> Option<&'p dyn Observer> {
        self.lent.as_ref().and_then(|lent| lent.observer)
    }

    /// Returns whether an observer or a test listens to events of the call.
    #[inline]
    pub(super) fn has_observer(&self) -> bool {
        let has_observer = self.observer().is_some();
        #[cfg(feature = "testing")]
        let has_observer = has_observer || testing::is_active();
        has_observer
    }

    /// Counts a success that has no observer, without an event. Successes are not logged.
    #[cfg_attr(feature = "metrics", inline(never))]
    #[allow(unused_variables, reason = "used with the feature `metrics`")]
    pub(super) fn count_success(scope: &Scope) {
        #[cfg(feature = "metrics")]
        crate::observe::metrics::count_success(scope.progress.function.name(), scope.progress.attempts());
    }

    /// Emits the end of a call by a plain success, if that is kept in short form.
    #[inline]
    pub(super) fn emit_brief_success(&self, scope: &Scope) {
        // The first call, so that little is kept across it.
        let elapsed = scope.time_since_start();
        let brief = scope.recorder.brief_success();
        debug_assert!(brief.is_some(), "the caller has seen the success");
        let Some((method, status, host)) = brief else { return };
        self.emit_to_all(&Event {
            function: scope.progress.function.name(),
            attempt: scope.progress.attempts(),
            elapsed,
            method: Some(method),
            host,
            status: Some(status),
            failures: FailureSet::EMPTY,
            hint: None,
            hint_header: None,
            step: Step::SUCCESS,
        });
    }

    #[cold]
    fn emit_exchange(&self, exchange: &Exchange, host: Option<&str>, attempt: u32, step: Step) {
        self.emit_to_all(&Event {
            function: self.scope.progress.function.name(),
            attempt,
            elapsed: self.scope.time_since_start(),
            method: exchange.method(),
            host,
            status: exchange.status(),
            failures: exchange.failures(),
            hint: exchange.longest_hint(),
            hint_header: exchange.hint_header(),
            step,
        });
    }

    #[inline]
    fn emit_to_all(&self, event: &Event<'_>) {
        if let Some(observer) = self.observer() {
            observer.observe(event);
        }
        #[cfg(feature = "testing")]
        testing::record(event);
        #[cfg(feature = "tracing")]
        crate::observe::tracing::log(event);
        #[cfg(feature = "metrics")]
        crate::observe::metrics::count(event);
    }

    /// Emits that the upstream delays the next attempt, of whose request nothing is known yet.
    pub(super) fn emit_delay(&self, wait: Duration) {
        self.emit(&Exchange::default(), None, self.attempts(), || Step::Held { wait });
    }

    /// Remembers that the function has recorded a request, or warns that it has not where that
    /// matters.
    #[inline]
    pub(super) fn check_recorded(&self, report: &Report<'_>) {
        if self.scope.recorder.is_empty() {
            self.warn_unrecorded(report);
        } else {
            self.scope.progress.function.mark_recorded();
        }
    }

    /// Warns, once a function, that its requests are not recorded: after a failure, of which only
    /// the error is known, or after a request that should have had a time limit or a key.
    #[cold]
    fn warn_unrecorded(&self, report: &Report<'_>) {
        let policy = self.policy();
        let is_imposing =
            policy.timeout().is_some() || policy.deadline().is_some() || policy.idempotency_key();
        let is_failure = match report.by {
            By::Error | By::Elapsed | By::Transport => true,
            By::Own => report.is_silent(),
            By::Response => {
                report.status.is_some_and(|status| status.is_client_error() || status.is_server_error())
            }
            By::Unsent | By::Success => false,
        };
        let is_of_a_request = matches!(report.by, By::Response | By::Transport | By::Own);
        let was_sent = self.scope.unknown_sender.is_some() || (is_of_a_request && !report.is_silent());
        if is_failure || (is_imposing && was_sent) {
            #[cfg(feature = "tracing")]
            if self.scope.progress.function.claim_warning(self.scope.unknown_sender) {
                crate::observe::tracing::warn_unrecorded(
                    self.scope.progress.function.name(),
                    self.scope.unknown_sender.map(|name| name()),
                );
            }
        }
    }
}
