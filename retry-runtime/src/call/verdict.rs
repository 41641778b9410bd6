//! Decides about a finished attempt: whether another one follows, and after which wait.

use std::mem::{forget, take};

use crate::call::upstream::UpstreamHandle;
use crate::call::{Call, lent};
use crate::engine::compact_duration::CompactDuration;
use crate::engine::decide::{Decided, decide};
use crate::engine::exchange::HintsOf;
use crate::engine::origin::Origins;
use crate::engine::recorder::Mark;
use crate::engine::report::{By, Report, Returned};
use crate::engine::retry::{Stop, Verdict};
use crate::env;
use crate::observe::Step;
use crate::scope::progress::Demand;
use crate::scope::terms::Change;
use crate::scope::{self, Scope};
#[cfg(feature = "testing")]
use crate::testing;

/// A call that ends, and its scope, which the call gets back should an observer or a recorder of
/// metrics panic.
struct Ending<'c, 'p, 'l> {
    call: &'c mut Call<'p, 'l>,
    scope: Option<Box<Scope>>,
}

impl Ending<'_, '_, '_> {
    #[inline]
    fn end(mut self) {
        if let Some(scope) = self.scope.take() {
            scope::recycle(scope);
        }
        forget(self);
    }
}

impl Drop for Ending<'_, '_, '_> {
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take() {
            self.call.scope.give_back(scope);
        }
    }
}

impl Call<'_, '_> {
    /// Makes the hint of every response count, as the function has a `retry_if`.
    #[inline]
    pub fn read_all_hints(&mut self) {
        self.scope_before_start().terms_mut().hints.of = HintsOf::All;
    }

    /// Asks `retry_if` about the outcome.
    #[inline]
    pub fn ask_retry_if<R>(&mut self, outcome: &R, retry_if: impl FnOnce(&R) -> bool) {
        self.leave();
        if self.scope.progress.demand != Demand::Stop && retry_if(outcome) {
            self.scope.progress.demand = Demand::Retry;
        }
    }

    /// Asks `never_if` about the outcome. Call it before [`ask_retry_if`](Self::ask_retry_if).
    #[inline]
    pub fn ask_never_if<R>(&mut self, outcome: &R, never_if: impl FnOnce(&R) -> bool) {
        self.leave();
        self.scope.progress.demand = if never_if(outcome) { Demand::Stop } else { Demand::None };
    }

    /// Leaves the scope of an attempt whose body has returned a success. If nothing is left to
    /// decide about that, as in all calls but few, ends the call and returns `true`.
    ///
    /// Every call pays for this function. As `begin_get` does, it ends in a call for all that is
    /// rare.
    #[inline(never)]
    pub(super) fn try_end_by_success(&mut self, returned: Returned) -> bool {
        debug_assert!(!self.scope.is_present(), "the body has ended in its scope");
        let Some(scope) = scope::leave() else { return false };
        if !scope.recorder.is_brief_success(returned) {
            self.scope.give_back(scope);
            return false;
        }
        if scope.change() == Change::Any || scope.has_rest_of_attempt() {
            return self.try_end_with_rest(scope);
        }
        scope.progress.function.mark_recorded();
        if self.has_observer() {
            return self.end_observed(scope);
        }
        if cfg!(feature = "metrics") {
            return self.end_counted(scope);
        }
        scope::recycle(scope);
        true
    }

    /// Does the rest of [`try_end_by_success`](Self::try_end_by_success) for a call that is
    /// counted.
    #[inline(never)]
    fn end_counted(&mut self, scope: Box<Scope>) -> bool {
        let ending = Ending { call: self, scope: Some(scope) };
        if let Some(scope) = &ending.scope {
            Self::count_success(scope);
        }
        ending.end();
        true
    }

    /// Does the rest of [`try_end_by_success`](Self::try_end_by_success) for a call with an
    /// observer.
    #[inline(never)]
    fn end_observed(&mut self, scope: Box<Scope>) -> bool {
        let ending = Ending { call: self, scope: Some(scope) };
        if let Some(scope) = &ending.scope {
            ending.call.emit_brief_success(scope);
        }
        ending.end();
        true
    }

    /// Does the rest of [`try_end_by_success`](Self::try_end_by_success) for a call whose terms are
    /// not the default, or whose last attempt has left more than a success, if nobody learns from
    /// that.
    #[inline(never)]
    fn try_end_with_rest(&mut self, scope: Box<Scope>) -> bool {
        self.scope.give_back(scope);
        if self.has_observer() || self.upstream().is_some_and(|upstream| !upstream.was_idle()) {
            return false;
        }
        self.scope.progress.function.mark_recorded();
        Self::count_success(&self.scope);
        self.end();
        true
    }

    /// Returns `true` if the outcome is to be returned, of which `report` is. Otherwise plans the
    /// wait before the next attempt.
    #[inline]
    pub(super) fn concludes(&mut self, report: &Report<'_>) -> bool {
        self.check_recorded(report);
        if self.scope.progress.demand == Demand::None && self.scope.recorder.is_plain_success(report) {
            // An upstream that was idle learns nothing from it.
            let learns = self.upstream().is_some_and(|upstream| !upstream.was_idle());
            if learns || self.has_observer() {
                self.report_success(report);
            } else {
                Self::count_success(&self.scope);
            }
            return true;
        }
        self.judge(report)
    }

    /// Tells the upstream and the observers of a plain success.
    #[cold]
    fn report_success(&mut self, report: &Report<'_>) {
        self.scope.recorder.expand();
        let Some(recorded) = self.scope.recorder.only() else { return };
        let exchange = &recorded.exchange;
        let learns = |upstream: &&mut UpstreamHandle<'_>| !upstream.was_idle() && upstream.is_news(recorded);
        let upstream = lent::upstream_mut(&mut self.lent);
        if let Some(upstream) = upstream.filter(learns) {
            // Only a retry changes the verdict.
            _ = upstream.on_attempt(exchange, report, Verdict::Stop(Stop::NotRetryable), || {
                self.scope.since_process_start()
            });
        }
        self.emit(exchange, recorded.host.as_deref(), self.attempts(), || Step::SUCCESS);
    }

    /// Does what [`concludes`](Self::concludes) does, for all but plain successes.
    #[cold]
    fn judge(&mut self, report: &Report<'_>) -> bool {
        let mut decided = self.decide(report);
        if take(&mut self.scope.progress.demand) == Demand::Retry {
            decided.exchange.demand_retry();
        }
        let says_something =
            matches!(report.by, By::Response | By::Transport | By::Own) && !report.is_silent();
        if self.scope.terms().outer.is_some() && decided.number.is_none() && says_something {
            // The outer attempt must know of the exchange, too.
            let exchange = decided.exchange.clone();
            decided.number = Some(self.scope.recorder.record_reported(exchange, report));
        }
        if report.is_success() {
            decided.exchange.on_success();
        }
        let Decided { exchange, host, .. } = &decided;
        let attempt = self.attempts();
        let succeeded = report.is_success();
        let (policy, elapsed) = (self.policy(), self.scope.elapsed());
        let mut verdict = self.scope.progress.retry.next(policy, exchange, elapsed, env::random);
        if self.scope.progress.is_last && matches!(verdict, Verdict::Wait(_)) {
            verdict = Verdict::Stop(Stop::NotCloneable);
        }
        #[cfg(feature = "testing")]
        {
            verdict = testing::override_verdict(verdict);
        }
        if let Some(withheld) =
            self.scope.terms().outgoing.withheld().filter(|_| !succeeded || exchange.is_error())
        {
            verdict = Verdict::Stop(withheld.stop());
        }
        let recorded = self.scope.recorder.exchanges();
        let recorded = recorded.iter().find(|recorded| decided.number == Some(recorded.began));
        let is_retry = matches!(verdict, Verdict::Wait(_));
        let upstream = lent::upstream_mut(&mut self.lent);
        if let Some(upstream) = upstream {
            if is_retry || recorded.is_none_or(|recorded| upstream.is_news(recorded)) {
                verdict = upstream.on_attempt(exchange, report, verdict, || self.scope.since_process_start());
            }
            self.scope.terms_mut().listeners.origins = Origins::OfAll;
        }
        self.emit(exchange, host.as_deref(), attempt, || match verdict {
            Verdict::Wait(wait) => Step::Retry { wait },
            Verdict::Stop(stop) => Step::End { stop, succeeded: succeeded && !exchange.is_error() },
        });
        match verdict {
            Verdict::Wait(wait) => {
                self.reset_recorder();
                self.scope.progress.planned_wait = CompactDuration::new(Some(wait));
                false
            }
            Verdict::Stop(stop) => {
                if self.scope.terms().outer.is_some() {
                    self.mark(&decided, stop, report);
                }
                true
            }
        }
    }

    #[inline]
    pub(super) fn decide(&mut self, report: &Report<'_>) -> Decided {
        let (policy, hints) = (self.policy(), self.scope.terms().hints);
        let mut decided = decide(self.scope.recorder.records(), report, policy, hints, env::now);
        if self.scope.progress.demand == Demand::Stop {
            decided.exchange.forbid_retry();
        }
        decided
    }

    /// Marks the exchanges of the last attempt for the outer one.
    fn mark(&mut self, decided: &Decided, stop: Stop, report: &Report<'_>) {
        let exchange = &decided.exchange;
        let refused_renewal = exchange.has_expired_credentials() && self.scope.progress.retry.has_renewed();
        // A call whose retries are off decides nothing.
        let is_off = self.policy().max() == 0;
        // An `Ok` that is not to be retried is what the function wants, whatever was answered.
        let is_wanted = stop == Stop::Never && report.by == By::Success;
        if !is_off
            && !is_wanted
            && (stop.is_decision() || exchange.should_retry() == Some(false) || refused_renewal)
        {
            self.mark_settled(decided);
        } else if report.is_success() {
            self.mark_succeeded();
        }
    }

    /// Marks the exchange that the call has decided about.
    pub(super) fn mark_settled(&mut self, decided: &Decided) {
        for recorded in self.scope.recorder.exchanges_mut() {
            if decided.number == Some(recorded.began) {
                recorded.mark = Mark::Settled;
            }
        }
    }

    /// Marks the exchanges that the call has succeeded in spite of.
    fn mark_succeeded(&mut self) {
        for recorded in self.scope.recorder.exchanges_mut() {
            if recorded.mark == Mark::None {
                recorded.mark = Mark::Succeeded;
            }
        }
    }
}
