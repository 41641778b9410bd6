//! One call of an annotated function: connects the pure core to clock, sleep, observers and the calls around.

pub(crate) mod arguments;
pub(crate) mod attempt;
mod conclude;
pub(crate) mod function;
mod upstream;

use std::future::Future;
use std::mem::take;
use std::time::Duration;

use http::StatusCode;
use retry_policy::Policy;

use crate::call::function::Function;
use crate::call::upstream::{IsUpstream, Shared};
use crate::engine::decide::{Decided, decide};
use crate::engine::exchange::{Exchange, Hints};
use crate::engine::recorder::{Mark, Recorder};
use crate::engine::report::{By, Report};
use crate::engine::retry::{Retry, Stop, Verdict};
use crate::env::{self, Moment};
use crate::observe::{Event, Observer, Step};
use crate::scope::outgoing::Outgoing;
use crate::scope::renewal;
use crate::scope::{self, Around, OwnScope};
#[cfg(feature = "testing")]
use crate::testing;
use crate::transport::Work;

/// One call of an annotated function.
pub struct Call<'p> {
    function: &'static Function,
    retry: Retry<'p>,
    /// The scope of its attempts.
    pub(crate) scope: OwnScope,
    /// The wait before the next attempt of an async function.
    pub(crate) wait: Option<Work>,
    /// Whether `retry_if` wants the outcome retried.
    is_wanted: bool,
    /// `true` once an argument cannot be given to another attempt.
    is_last: bool,
    /// The wait before the attempt that follows a renewal.
    owed: Duration,
    /// The attempt that the call is part of.
    around: Option<Around>,
    /// State that few calls need.
    rare: Option<Box<Rare>>,
    /// The upstream that this call shares with others.
    shared: Option<Shared<'p>>,
    /// The observer.
    watch: Option<Box<Watch<'p>>>,
}

#[derive(Default)]
struct Rare {
    /// The exchanges of earlier attempts, for the attempt around this call.
    earlier: Recorder,
    /// The exchange whose 401 is being cured.
    unauthorized: Option<Decided>,
}

struct Watch<'p> {
    observer: &'p dyn Observer,
    start: Moment,
}

impl<'p> Call<'p> {
    /// Begins a call of an async function.
    #[inline]
    pub fn start(function: &'static Function, policy: &'p Policy) -> Self {
        Self::begin(function, policy, env::moment)
    }

    /// Begins a call of a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn start_blocking(function: &'static Function, policy: &'p Policy) -> Self {
        Self::begin(function, policy, env::blocking::moment)
    }

    #[inline]
    fn begin(function: &'static Function, policy: &'p Policy, moment: fn() -> Moment) -> Self {
        let (mut scope, around) = OwnScope::begin(Outgoing::new(policy, moment), policy.idempotent());
        let mut retry = Retry::new(policy);
        if around.is_some() {
            // The calls around have a deadline, too.
            if let Some(left) = scope.outgoing.left() {
                retry.lower_deadline(left);
            }
        }
        if policy.idempotency_key() {
            let call = scope.call;
            scope.outgoing.have_keys(call);
        }
        // In one piece, where it is to be: all of a call is large.
        Self {
            function,
            retry,
            scope,
            wait: None,
            is_wanted: false,
            is_last: false,
            owed: Duration::ZERO,
            around,
            rare: None,
            shared: None,
            watch: None,
        }
    }

    /// Adds an observer.
    #[inline]
    #[must_use]
    pub fn observed(self, observer: &'p dyn Observer) -> Self {
        self.watched(observer, env::moment)
    }

    /// Adds an observer to the call of a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    #[must_use]
    pub fn observed_blocking(self, observer: &'p dyn Observer) -> Self {
        self.watched(observer, env::blocking::moment)
    }

    fn watched(mut self, observer: &'p dyn Observer, moment: fn() -> Moment) -> Self {
        self.scope.is_observed = true;
        self.watch = Some(Box::new(Watch { observer, start: moment() }));
        self
    }

    /// Adds an upstream.
    #[inline]
    #[must_use]
    pub fn with_upstream<U: IsUpstream>(self, upstream: &'p U) -> Self {
        self.sharing(upstream, env::moment)
    }

    /// Adds an upstream to the call of a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    #[must_use]
    pub fn with_upstream_blocking<U: IsUpstream>(self, upstream: &'p U) -> Self {
        self.sharing(upstream, env::blocking::moment)
    }

    #[inline]
    fn sharing<U: IsUpstream>(mut self, upstream: &'p U, moment: fn() -> Moment) -> Self {
        let shared = Shared::new(upstream.upstream(), moment);
        self.scope.upstream = Some(shared.address());
        self.shared = Some(shared);
        self.scope.outgoing.skipped.begin();
        self
    }

    /// Says that the function has a `retry_if`.
    #[inline]
    #[must_use]
    pub fn with_retry_if(mut self) -> Self {
        self.scope.hints = Hints::OfAll;
        self
    }

    /// Says that the function renews credentials.
    #[inline]
    #[must_use]
    pub fn with_renewal(mut self) -> Self {
        self.scope.renewals = Some(renewal::so_far());
        self
    }

    /// Waits until the next attempt may go: after the wait since the last one, when its upstream lets it.
    #[inline]
    pub async fn admitted(&mut self) {
        if let Some(wait) = self.wait.take() {
            wait.await;
        }
        while let Some(wait) = self.hold() {
            self.tell_held(wait);
            env::wait(wait, &mut self.scope.outgoing.skipped).await;
        }
    }

    /// [`admitted`](Self::admitted), in a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn admitted_blocking(&mut self) {
        while let Some(wait) = self.hold() {
            self.tell_held(wait);
            env::blocking::wait(env::blocking::now(), wait, &mut self.scope.outgoing.skipped);
        }
    }

    #[inline]
    fn hold(&mut self) -> Option<Duration> {
        let (retry, outgoing) = (&self.retry, &self.scope.outgoing);
        self.shared.as_mut()?.hold(outgoing.skipped, || {
            // An eighth of the time is kept for sending.
            let left = outgoing.left().unwrap_or(Duration::MAX);
            retry.policy().max_retry_after().min(left.saturating_sub(left / 8))
        })
    }

    /// Has the next attempt begin with `wait`.
    pub(crate) fn wait_for(&mut self, wait: Work) {
        self.wait = Some(wait);
    }

    /// Begins an attempt: the wait before it is over.
    #[inline]
    pub(crate) fn begin_attempt(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.earlier.end_wait(Mark::Retried);
        }
        self.scope.begin_attempt();
    }

    /// Says that this attempt is the last one, as its request cannot be cloned for another.
    pub(crate) fn end_after_this(&mut self) {
        self.is_last = true;
    }

    /// Says that `retry_if` wants the outcome retried.
    #[inline]
    pub fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Decides what follows an attempt whose outcome says what is in `report`: returns the wait before the next one, or
    /// `None` where the outcome is to be returned.
    #[inline]
    pub(crate) fn next(&mut self, report: &Report<'_>) -> Option<Duration> {
        self.note_what_was_seen(report);
        if !self.is_wanted {
            if let Some(recorded) = self.scope.recorder.plain_success(report) {
                let (exchange, stop) = (&recorded.exchange, Stop::NotRetryable);
                if let Some(shared) = self.shared.as_mut().filter(|shared| shared.is_news(recorded)) {
                    // There is nothing to pay for.
                    _ = shared.after(exchange, true, Verdict::Stop(stop), self.scope.outgoing.skipped);
                }
                let host = recorded.host.as_deref();
                self.tell(exchange, host, self.attempts(), || Step::End { stop, succeeded: true });
                return None;
            }
        }
        self.next_of_several(report)
    }

    /// [`next`](Self::next), of anything but a plain success.
    #[cold]
    fn next_of_several(&mut self, report: &Report<'_>) -> Option<Duration> {
        let mut decided = self.decide(report);
        if take(&mut self.is_wanted) {
            decided.exchange.demand_retry();
        }
        let says_something =
            matches!(report.by, By::Response | By::Transport | By::Own) && !report.is_silent();
        if self.around.is_some() && decided.number.is_none() && says_something {
            // The attempt around is to know of it as well.
            let exchange = decided.exchange.clone();
            decided.number = Some(self.scope.recorder.record_reported(exchange, report));
        }
        if report.is_success() {
            decided.exchange.on_success();
        }
        let Decided { exchange, host, .. } = &decided;
        let attempt = self.attempts();
        let succeeded = report.is_success();
        let mut verdict = self.retry.next(exchange, self.elapsed(), env::random);
        if self.is_last && matches!(verdict, Verdict::Wait(_)) {
            verdict = Verdict::Stop(Stop::NotCloneable);
        }
        #[cfg(feature = "testing")]
        {
            verdict = testing::judge(verdict);
        }
        let recorded = self.scope.recorder.exchanges();
        let recorded = recorded.iter().find(|recorded| decided.number == Some(recorded.began));
        let is_retry = matches!(verdict, Verdict::Wait(_));
        let tells =
            |shared: &&mut Shared<'_>| is_retry || recorded.is_none_or(|recorded| shared.is_news(recorded));
        if let Some(shared) = self.shared.as_mut().filter(tells) {
            verdict = shared.after(exchange, succeeded, verdict, self.scope.outgoing.skipped);
        }
        self.tell(exchange, host.as_deref(), attempt, || match verdict {
            Verdict::Wait(wait) => Step::Retry { wait },
            Verdict::Stop(stop) => Step::End { stop, succeeded: succeeded && !exchange.is_error() },
        });
        match verdict {
            Verdict::Wait(wait) => {
                self.begin_anew();
                Some(wait)
            }
            Verdict::Stop(stop) => {
                if self.around.is_some() {
                    self.mark(&decided, stop, succeeded);
                }
                None
            }
        }
    }

    #[inline]
    fn decide(&self, report: &Report<'_>) -> Decided {
        decide(&self.scope.recorder, report, self.retry.policy(), self.scope.hints, env::now)
    }

    /// Leaves the exchanges of an attempt behind: the next one has its own.
    #[inline]
    fn begin_anew(&mut self) {
        if self.around.is_none() {
            self.scope.recorder.clear();
            return;
        }
        let mut recorder = take(&mut self.scope.recorder);
        for recorded in recorder.exchanges_mut() {
            if recorded.mark == Mark::None && recorded.has_failed() {
                recorded.mark = Mark::Waiting;
            }
        }
        self.rare.get_or_insert_default().earlier.absorb(recorder);
    }

    /// Marks the exchanges of the last attempt for the attempt around: those that the call decided about, or succeeded
    /// in spite of.
    fn mark(&mut self, decided: &Decided, stop: Stop, succeeded: bool) {
        let exchange = &decided.exchange;
        let refused_renewal = exchange.status() == Some(StatusCode::UNAUTHORIZED) && self.retry.has_renewed();
        let is_settled = stop.is_decision() || exchange.should_retry() == Some(false) || refused_renewal;
        for recorded in self.scope.recorder.exchanges_mut() {
            if is_settled && decided.number == Some(recorded.began) {
                recorded.mark = Mark::Settled;
            } else if !is_settled && succeeded && recorded.mark == Mark::None {
                recorded.mark = Mark::Succeeded;
            }
        }
    }

    /// Notes that the function has recorded something, or says that it has not where that matters.
    #[inline]
    fn note_what_was_seen(&self, report: &Report<'_>) {
        if self.scope.recorder.is_empty() {
            self.warn_unseen(report);
        } else {
            self.function.record();
        }
    }

    /// Warns, once a function, that its requests are not seen: where an error says nothing, so nothing is retried, or
    /// where there was a request that should have been bounded, or have a key.
    #[cold]
    fn warn_unseen(&self, report: &Report<'_>) {
        let policy = self.retry.policy();
        let is_imposing =
            policy.timeout().is_some() || policy.deadline().is_some() || policy.idempotency_key();
        let is_failure =
            matches!(report.by, By::Error | By::Elapsed) || (report.by == By::Own && report.is_silent());
        let is_of_a_request = matches!(report.by, By::Response | By::Transport | By::Own);
        let was_sent = self.scope.unknown_sender.is_some() || (is_of_a_request && !report.is_silent());
        if is_failure || (is_imposing && was_sent) {
            #[cfg(feature = "tracing")]
            if self.function.is_to_warn(self.scope.unknown_sender) {
                crate::observe::tracing::warn_unseen(
                    self.function.name(),
                    self.scope.unknown_sender.map(|name| name()),
                );
            }
        }
    }

    /// Returns for how long the call runs, where that is bounded; else zero.
    #[inline]
    fn elapsed(&self) -> Duration {
        let deadline = self.retry.deadline().unwrap_or_default();
        self.scope.outgoing.left().map_or(Duration::ZERO, |left| deadline.saturating_sub(left))
    }

    /// Returns how many attempts there were, with the one that is under way.
    fn attempts(&self) -> u32 {
        let retries = self.retry.retries().saturating_add(1);
        retries.saturating_add(u32::from(self.retry.has_renewed()))
    }

    /// Takes the wait before the attempt that follows a renewal.
    pub(crate) fn take_owed(&mut self) -> Duration {
        take(&mut self.owed)
    }

    /// Returns what is left of the call, where that is bounded.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.scope.outgoing.left()
    }

    #[inline]
    fn tell(&self, exchange: &Exchange, host: Option<&str>, attempt: u32, step: impl FnOnce() -> Step) {
        let told = self.watch.is_some() || cfg!(any(feature = "tracing", feature = "metrics"));
        #[cfg(feature = "testing")]
        let told = told || testing::is_here();
        if told {
            self.tell_all(exchange, host, attempt, step());
        }
    }

    #[cold]
    fn tell_all(&self, exchange: &Exchange, host: Option<&str>, attempt: u32, step: Step) {
        let event = Event {
            function: self.function.name(),
            attempt,
            elapsed: self.watch.as_ref().map_or_else(
                || self.elapsed(),
                |watch| watch.start.elapsed().saturating_add(self.scope.outgoing.skipped.of_call()),
            ),
            method: exchange.method(),
            host,
            status: exchange.status(),
            failures: exchange.failures(),
            hint: exchange.longest_hint(),
            hint_header: exchange.hint_header(),
            step,
        };
        if let Some(watch) = &self.watch {
            watch.observer.observe(&event);
        }
        #[cfg(feature = "testing")]
        testing::record(&event);
        #[cfg(feature = "tracing")]
        crate::observe::tracing::log(&event);
        #[cfg(feature = "metrics")]
        crate::observe::metrics::count(&event);
    }

    /// Of a request that is yet to be sent nothing is known.
    fn tell_held(&self, wait: Duration) {
        self.tell(&Exchange::default(), None, self.attempts(), || Step::Held { wait });
    }

    /// Decides whether to renew the credentials, after an attempt whose outcome says what is in `report`. Where the
    /// answer is yes, [`renewing`](Self::renewing) follows.
    pub(crate) fn start_renewal(&mut self, report: &Report<'_>) -> bool {
        if self.is_last || renewal::is_under_way() {
            return false;
        }
        let decided = self.decide(report);
        let renews = self.retry.start_renewal(&decided.exchange);
        if renews {
            self.rare.get_or_insert_default().unauthorized = Some(decided);
        }
        renews
    }

    /// Renews credentials, within what is left of the call. Where that fails the outcome is to be returned.
    pub async fn renewing(&mut self, renewal: impl Future<Output = bool>) -> bool {
        let left = self.left();
        let renewal = renewal::during_polls(self.scope.for_renewal(), renewal);
        let renewed = match left {
            Some(left) => env::at_most(left, renewal).await.unwrap_or(false),
            None => renewal.await,
        };
        self.renewed(renewed)
    }

    /// [`renewing`](Self::renewing), in a sync function, where what takes too long cannot be interrupted.
    #[cfg(feature = "blocking")]
    pub fn renewing_blocking(&mut self, renewal: impl FnOnce() -> bool) -> bool {
        let mut scope = self.scope.for_renewal();
        let renewed = renewal::during(&mut scope, renewal);
        self.renewed(renewed)
    }

    fn renewed(&mut self, renewed: bool) -> bool {
        let succeeded = renewed && self.left().is_none_or(|left| !left.is_zero());
        // The attempt that follows is counted already.
        let attempt = self.attempts().saturating_sub(1);
        let decided = self.rare.as_mut().and_then(|rare| rare.unauthorized.take()).unwrap_or_default();
        if let Some(shared) = &mut self.shared {
            shared.look_again();
        }
        self.tell(&decided.exchange, decided.host.as_deref(), attempt, || Step::Renewed { succeeded });
        if succeeded {
            // What another request of the attempt was asked to wait for is waited for all the same.
            let hint = decided.exchange.longest_hint().unwrap_or_default();
            self.owed = hint.min(self.retry.policy().max_retry_after());
            self.begin_anew();
        } else if self.around.is_some() {
            // The call was to renew the credentials, and could not.
            self.mark(&decided, Stop::Exhausted, false);
        }
        succeeded
    }
}

/// A call that ends, or is dropped, hands what it has recorded to the attempt that it is part of.
impl Drop for Call<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.around.is_some() {
            self.hand_up();
        }
    }
}

impl Call<'_> {
    #[cold]
    fn hand_up(&mut self) {
        let Some(around) = self.around else { return };
        let mut recorder = self.rare.take().map(|rare| rare.earlier).unwrap_or_default();
        // A call that is dropped while it waits has not decided, and nobody has waited.
        recorder.end_wait(Mark::None);
        recorder.absorb(take(&mut self.scope.recorder));
        recorder.leave_call(self.scope.call, self.scope.upstream, self.retry.policy().idempotent());
        let waits = around.skipped.saturating_add(self.scope.outgoing.skipped.of_call());
        scope::attempt(around.attempt, |scope| {
            scope.recorder.end_call(around.number);
            scope.recorder.absorb(recorder);
            scope.outgoing.skipped.reach(waits);
        });
    }
}
