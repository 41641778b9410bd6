//! Renews the credentials of a call between two of its attempts.

use std::future::Future;

use crate::call::Call;
use crate::engine::report::Report;
use crate::env;
use crate::observe::Step;
use crate::scope::renewal::{self, RenewalCount};

impl Call<'_> {
    /// Counts renewals for the attempts, as the function renews credentials.
    #[inline]
    #[must_use]
    pub fn with_renewal(mut self) -> Self {
        self.scope.renewals = Some(RenewalCount::now());
        self
    }

    /// Returns whether to renew the credentials, after an attempt with this report. If so,
    /// [`run_renewal`](Self::run_renewal) must follow.
    pub(crate) fn start_renewal(&mut self, report: &Report<'_>) -> bool {
        if self.is_last || renewal::is_under_way() {
            return false;
        }
        let decided = self.decide(report);
        let starts = self.retry.start_renewal(&decided.exchange);
        if starts {
            self.rare.get_or_insert_default().unauthorized = Some(decided);
        }
        starts
    }

    /// Runs a renewal, within the time left for the call. Returns whether it succeeded; if not, the
    /// outcome is to be returned.
    pub async fn run_renewal(&mut self, renewal: impl Future<Output = bool>) -> bool {
        let left = self.left();
        let renewal = renewal::run(self.scope.for_renewal(), renewal);
        let has_renewed = match left {
            Some(left) => env::timeout(left, renewal).await.unwrap_or(false),
            None => renewal.await,
        };
        let succeeded = has_renewed && self.has_time_left();
        self.finish_renewal(Step::Renewed { succeeded });
        succeeded
    }

    /// Runs the renewal of a sync function, which cannot be interrupted.
    pub fn run_renewal_blocking(&mut self, renewal: impl FnOnce() -> bool) -> bool {
        let mut scope = self.scope.for_renewal();
        let succeeded = renewal::run_part(&mut scope, renewal) && self.has_time_left();
        self.finish_renewal(Step::Renewed { succeeded });
        succeeded
    }

    fn has_time_left(&self) -> bool {
        self.left().is_none_or(|left| !left.is_zero())
    }

    /// Emits `step`, the end of a renewal, and prepares the attempt that follows, if one does.
    fn finish_renewal(&mut self, step: Step) {
        // The attempt that follows is counted already.
        let attempt = self.attempts().saturating_sub(1);
        let decided = self.rare.as_mut().and_then(|rare| rare.unauthorized.take()).unwrap_or_default();
        if let Some(upstream) = &mut self.upstream {
            upstream.reset_ticket();
        }
        self.emit(&decided.exchange, decided.host.as_deref(), attempt, || step);
        if matches!(step, Step::Renewed { succeeded: true }) {
            // The wait that another request of the attempt was asked for is kept all the same.
            let hint = decided.exchange.longest_hint().unwrap_or_default();
            self.wait_after_renewal = hint.min(self.retry.policy().max_retry_after());
            self.reset_recorder();
        } else if self.outer.is_some() {
            // Only this call could renew the credentials, and it could not.
            self.mark_settled(&decided);
        }
    }
}
