//! Renews the credentials of a call between two of its attempts.

use std::future::Future;
use std::sync::Arc;

use crate::call::Call;
use crate::engine::compact_duration::CompactDuration;
use crate::engine::report::Report;
use crate::env;
use crate::observe::Step;
use crate::scope::renewal::{self, Asker, Context, RenewalCount, Turns};

impl Call<'_, '_> {
    /// Counts renewals for the attempts, as the function renews credentials.
    #[inline]
    pub fn count_renewals(&mut self) {
        self.scope_before_start().terms_mut().renewals = Some(RenewalCount::now());
    }

    /// Returns whether to renew the credentials, after an attempt with this report. If so,
    /// [`run_renewal`](Self::run_renewal) must follow.
    pub(super) fn starts_renewal(&mut self, report: &Report<'_>) -> bool {
        let renewed = self.scope.progress.rare.as_mut().and_then(|rare| rare.renewed.take());
        let is_withheld = self.scope.terms().outgoing.withheld().is_some();
        let may_start = !self.scope.progress.is_last
            && !is_withheld
            && !renewal::is_under_way()
            && !self.scope.recorder.is_plain_success(report);
        if renewed.is_none() && !may_start {
            return false;
        }
        let decided = self.decide(report);
        if let Some(turns) = renewed {
            if decided.exchange.tells_of_credentials() {
                turns.on_attempt(self.function_address(), self.scope.progress.clock, &decided.exchange);
            } else {
                self.scope.progress.rare_mut().renewed = Some(turns);
            }
        }
        let policy = self.policy();
        let starts = may_start && self.scope.progress.retry.start_renewal(policy, &decided.exchange);
        if starts {
            self.scope.progress.rare_mut().unauthorized = Some(decided);
        }
        starts
    }

    /// Runs a renewal, within the time left for the call. Returns whether it succeeded; if not, the
    /// outcome is to be returned.
    pub async fn run_renewal(&mut self, renewal: impl Future<Output = bool>) -> bool {
        let left = self.left();
        let renewal = renewal::run(self.scope.for_renewal(), self.renewal_context(), renewal);
        let (has_renewed, turns) = match left {
            Some(left) => env::timeout(left, renewal).await.unwrap_or_default(),
            None => renewal.await,
        };
        let succeeded = has_renewed && self.has_time_left();
        self.finish_renewal(Step::Renewed { succeeded }, turns);
        succeeded
    }

    /// Runs the renewal of a sync function, which cannot be interrupted.
    pub fn run_renewal_blocking(&mut self, renewal: impl FnOnce() -> bool) -> bool {
        let mut scope = self.scope.for_renewal();
        let mut context = Some(self.renewal_context());
        let succeeded = renewal::run_part(&mut scope, &mut context, renewal) && self.has_time_left();
        self.finish_renewal(Step::Renewed { succeeded }, context.and_then(Context::into_turns));
        succeeded
    }

    fn renewal_context(&self) -> Context {
        Context::new(Asker {
            before: self.scope.terms().renewals,
            attempt: self.scope.number,
            function: self.function_address(),
            clock: self.scope.progress.clock,
        })
    }

    fn function_address(&self) -> usize {
        std::ptr::from_ref(self.scope.progress.function).addr()
    }

    fn has_time_left(&self) -> bool {
        self.left().is_none_or(|left| !left.is_zero())
    }

    /// Emits `step`, the end of a renewal, and prepares the attempt that follows, if one does.
    fn finish_renewal(&mut self, step: Step, turns: Option<Arc<Turns>>) {
        // The attempt that follows is counted already.
        let attempt = self.attempts().saturating_sub(1);
        let decided =
            self.scope.progress.rare.as_mut().and_then(|rare| rare.unauthorized.take()).unwrap_or_default();
        if let Some(upstream) = self.upstream_mut() {
            upstream.end_attempt();
        }
        self.emit(&decided.exchange, decided.host.as_deref(), attempt, || step);
        if matches!(step, Step::Renewed { succeeded: true }) {
            // The wait that another request of the attempt was asked for is kept all the same.
            let hint = decided.exchange.longest_hint().unwrap_or_default();
            self.scope.progress.planned_wait =
                CompactDuration::new(Some(hint.min(self.policy().max_retry_after())));
            self.reset_recorder();
            self.scope.progress.rare_mut().renewed = turns;
        } else if self.scope.terms().outer.is_some() {
            // Only this call could renew the credentials, and it could not.
            self.mark_settled(&decided);
        }
    }
}
