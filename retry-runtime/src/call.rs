//! What the generated loop calls: one call of an annotated function, which joins the core to the world.

use std::future::Future;
use std::time::Duration;

use http::StatusCode;

use crate::ambient::{self, Moment};
use crate::event::{Event, Observer, Step};
use crate::exchange::Exchange;
use crate::nesting;
use crate::policy::Policy;
use crate::renewal;
use crate::retry::{Retry, Verdict};
use crate::seen::Seen;
use crate::shared::{IsUpstream, Shared};
#[cfg(feature = "testing")]
use crate::testing;
use crate::transport::Work;

/// One call of an annotated function.
pub struct Call<'p> {
    function: &'static str,
    retry: Retry<'p>,
    /// What the attempt has seen so far.
    pub seen: Seen,
    /// What is to be awaited before the next attempt of an async function.
    pause: Option<Work>,
    /// What it has to do with other calls.
    shared: Option<Shared<'p>>,
    /// Who wants to know of it.
    watch: Option<Box<Watch<'p>>>,
}

struct Watch<'p> {
    observer: &'p dyn Observer,
    start: Moment,
}

impl<'p> Call<'p> {
    /// Before the first attempt of an async function.
    #[inline]
    pub fn start(function: &'static str, policy: &'p Policy) -> Self {
        Self::begin(function, policy, ambient::moment)
    }

    /// Before the first attempt of a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn start_blocking(function: &'static str, policy: &'p Policy) -> Self {
        Self::begin(function, policy, ambient::blocking::moment)
    }

    #[inline]
    fn begin(function: &'static str, policy: &'p Policy, moment: fn() -> Moment) -> Self {
        let (retry, seen) = (Retry::new(policy), Seen::new(policy, moment));
        Self { function, retry, seen, pause: None, shared: None, watch: None }
    }

    /// With an observer.
    #[inline]
    #[must_use]
    pub fn observed(self, observer: &'p dyn Observer) -> Self {
        self.watched(observer, ambient::moment)
    }

    /// The same in a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    #[must_use]
    pub fn observed_blocking(self, observer: &'p dyn Observer) -> Self {
        self.watched(observer, ambient::blocking::moment)
    }

    fn watched(mut self, observer: &'p dyn Observer, moment: fn() -> Moment) -> Self {
        self.seen.observed = true;
        self.watch = Some(Box::new(Watch { observer, start: moment() }));
        self
    }

    /// With an upstream.
    #[inline]
    #[must_use]
    pub fn with_upstream<U: IsUpstream>(mut self, upstream: &'p U) -> Self {
        self.shared = Some(Shared::new(upstream.upstream(), ambient::moment));
        self.seen.skipped.begin();
        self
    }

    /// The same in a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    #[must_use]
    pub fn with_upstream_blocking<U: IsUpstream>(mut self, upstream: &'p U) -> Self {
        self.shared = Some(Shared::new(upstream.upstream(), ambient::blocking::moment));
        self.seen.skipped.begin();
        self
    }

    /// Waits until the next attempt may go: after the pause since the last one, when its upstream lets it.
    #[inline]
    pub async fn admitted(&mut self) {
        if let Some(pause) = self.pause() {
            pause.await;
        }
        while let Some(wait) = self.hold() {
            self.tell_held(wait);
            ambient::wait(wait, &mut self.seen.skipped).await;
        }
    }

    /// The same in a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn admitted_blocking(&mut self) {
        while let Some(wait) = self.hold() {
            self.tell_held(wait);
            ambient::blocking::wait(ambient::blocking::now(), wait, &mut self.seen.skipped);
        }
    }

    #[inline]
    fn hold(&mut self) -> Option<Duration> {
        let (retry, seen) = (&self.retry, &self.seen);
        self.shared.as_mut()?.hold(seen.skipped, || {
            // An eighth of the time is kept for sending.
            let left = seen.left().unwrap_or(Duration::MAX);
            retry.policy().max_retry_after().min(left.saturating_sub(left / 8))
        })
    }

    /// The next attempt begins with `pause`.
    pub(crate) fn pause_for(&mut self, pause: Work) {
        self.pause = Some(pause);
    }

    /// What the attempt that follows begins with.
    #[inline]
    pub fn pause(&mut self) -> Option<Work> {
        self.pause.take()
    }

    /// After each attempt, which `succeeded` or not: the wait before the next one, or `None` where the outcome is to be
    /// returned.
    #[inline]
    pub fn after(&mut self, retried_below: bool, succeeded: bool) -> Option<Duration> {
        let mut exchange = self.seen.take();
        if retried_below {
            exchange.was_retried_below();
        }
        let attempt = self.attempts();
        let mut verdict = self.retry.next(&exchange, self.elapsed(), ambient::random);
        #[cfg(feature = "testing")]
        {
            verdict = testing::judge(verdict);
        }
        if let Some(shared) = &mut self.shared {
            verdict = shared.after(&exchange, succeeded, verdict, self.seen.skipped);
        }
        self.tell(&exchange, attempt, || match verdict {
            Verdict::Wait(wait) => Step::Retry { wait },
            Verdict::Stop(stop) => Step::End { stop, succeeded: succeeded && !exchange.is_error() },
        });
        match verdict {
            Verdict::Wait(wait) => Some(wait),
            Verdict::Stop(stop) => {
                let renewed =
                    || exchange.status() == Some(StatusCode::UNAUTHORIZED) && self.retry.has_renewed();
                if stop.gave_up() || renewed() {
                    nesting::mark();
                }
                None
            }
        }
    }

    /// How long the call runs, where that is bounded; else zero.
    #[inline]
    fn elapsed(&self) -> Duration {
        let deadline = self.retry.policy().deadline().unwrap_or_default();
        self.seen.left().map_or(Duration::ZERO, |left| deadline.saturating_sub(left))
    }

    /// How many attempts there were, with the one that is under way.
    fn attempts(&self) -> u32 {
        let retries = self.retry.retries().saturating_add(1);
        retries.saturating_add(u32::from(self.retry.has_renewed()))
    }

    #[inline]
    fn tell(&self, exchange: &Exchange, attempt: u32, step: impl FnOnce() -> Step) {
        let told = self.watch.is_some() || cfg!(any(feature = "tracing", feature = "metrics"));
        #[cfg(feature = "testing")]
        let told = told || testing::is_here();
        if told {
            self.tell_all(exchange, attempt, step());
        }
    }

    #[cold]
    fn tell_all(&self, exchange: &Exchange, attempt: u32, step: Step) {
        let event = Event {
            function: self.function,
            attempt,
            elapsed: self.watch.as_ref().map_or_else(
                || self.elapsed(),
                |watch| watch.start.elapsed().saturating_add(self.seen.skipped.of_call()),
            ),
            method: exchange.method(),
            // That of the last send, where the attempt has one.
            host: exchange.method().and(self.seen.host()),
            status: exchange.status(),
            failures: exchange.failures(),
            hint: exchange.hint(),
            hint_header: exchange.hint_header(),
            step,
        };
        if let Some(watch) = &self.watch {
            watch.observer.observe(&event);
        }
        #[cfg(feature = "testing")]
        testing::record(&event);
        #[cfg(feature = "tracing")]
        crate::log::log(&event);
        #[cfg(feature = "metrics")]
        crate::count::count(&event);
    }

    /// Of a request that is yet to be sent nothing is known.
    fn tell_held(&self, wait: Duration) {
        self.tell(&Exchange::default(), self.attempts(), || Step::Held { wait });
    }

    /// After an attempt of a function that can renew credentials: whether to do so.
    pub(crate) fn renews(&mut self, retried_below: bool) -> bool {
        !retried_below && !renewal::is_under_way() && self.retry.renews(self.seen.exchange())
    }

    /// Renews credentials, within what is left of the call. Where that fails the outcome is to be returned.
    pub async fn renewing(&mut self, renewal: impl Future<Output = bool>) -> bool {
        let renewal = renewal::during_polls(self.seen.renewals(), renewal);
        let renewed = match self.seen.left() {
            Some(left) => ambient::at_most(left, renewal).await.unwrap_or(false),
            None => renewal.await,
        };
        self.renewed(renewed)
    }

    /// The same in a sync function, where what takes too long cannot be interrupted.
    #[cfg(feature = "blocking")]
    pub fn renewing_blocking(&mut self, renewal: impl FnOnce() -> bool) -> bool {
        let renewed = renewal::during(self.seen.renewals(), renewal);
        self.renewed(renewed)
    }

    fn renewed(&mut self, renewed: bool) -> bool {
        let succeeded = renewed && self.seen.left().is_none_or(|left| !left.is_zero());
        // The attempt that follows is counted already.
        let attempt = self.attempts().saturating_sub(1);
        let exchange = self.seen.take();
        if let Some(shared) = &mut self.shared {
            shared.look_again();
        }
        self.tell(&exchange, attempt, || Step::Renewed { succeeded });
        if !succeeded {
            nesting::mark();
        }
        succeeded
    }
}
