//! Runs one call of an annotated function: connects the pure core to clock, sleep, observers and
//! the calls around.

pub(crate) mod arguments;
pub(crate) mod attempt;
mod events;
pub(crate) mod lent;
pub(crate) mod outcome;
mod renewal;
mod upstream;
mod verdict;
mod wait;

use std::future::Future;
use std::mem::{forget, take};
use std::pin::Pin;
use std::time::Duration;

use crate::call::lent::Lent;
use crate::call::upstream::UpstreamHandle;
use crate::engine::recorder::Mark;
use crate::engine::upstream::Admission;
use crate::env::{self, Clock};
use crate::scope::function::Function;
use crate::scope::outgoing::{Refusal, Withheld};
use crate::scope::progress::Stage;
use crate::scope::terms::Change;
use crate::scope::{self, CallScope, Scope};
use retry_policy::{Policy, PolicyBuilder};

/// The part of the time left, one in so many, that is kept for sending.
const KEPT_FOR_SENDING: u32 = 8;

/// One call of an annotated function.
pub struct Call<'p, 'l> {
    /// The scope of its attempts. What needs no lifetime is in there, so that the future of an
    /// annotated function stays small.
    pub(crate) scope: CallScope,
    /// The values that the function lends, if it lends any.
    lent: Option<&'l mut Lent<'p>>,
}

/// An annotated function and its policy, which is a constant.
#[derive(Debug)]
pub struct Declaration {
    function: Function,
    policy: Policy,
    /// How far the terms of calls are from the default.
    change: Change,
}

impl Declaration {
    /// Declares the function with this path, whose body sends. The macro has checked the policy.
    pub const fn visible(name: &'static str, policy: PolicyBuilder<'_>) -> Self {
        let policy = policy.__trusted();
        Self { function: Function::visible(name), policy, change: Change::of(&policy) }
    }
}

impl<'p, 'l> Call<'p, 'l> {
    /// Begins a call of a function with a policy that is a constant.
    #[inline]
    pub fn of(clock: Clock, declaration: &'static Declaration) -> Self {
        let Declaration { function, policy, change } = declaration;
        Self { scope: CallScope::begin(policy, policy, *change, clock, function, |_| {}), lent: None }
    }

    /// Does what [`of`](Self::of) does, for a function that lends an observer or an upstream.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the call checks at run time which values are lent")]
    pub fn of_lender(clock: Clock, declaration: &'static Declaration, lent: &'l mut Lent<'p>) -> Self {
        let Declaration { function, policy, change } = declaration;
        Self::lending(clock, function, policy, *change, lent)
    }

    /// Begins a call of a function with a policy that is a constant, declared apart from it.
    #[inline]
    pub fn start(clock: Clock, function: &'static Function, policy: &'static Policy) -> Self {
        Self {
            scope: CallScope::begin(policy, policy, Change::of(policy), clock, function, |_| {}),
            lent: None,
        }
    }

    /// Does what [`start`](Self::start) does, for a function that lends an observer or an upstream.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the call checks at run time which values are lent")]
    pub fn start_lender(
        clock: Clock,
        function: &'static Function,
        policy: &'static Policy,
        lent: &'l mut Lent<'p>,
    ) -> Self {
        Self::lending(clock, function, policy, Change::of(policy), lent)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the call checks at run time which values are lent")]
    fn lending(
        clock: Clock,
        function: &'static Function,
        policy: &'static Policy,
        change: Change,
        lent: &'l mut Lent<'p>,
    ) -> Self {
        let listening = lent.listening();
        let change = listening.change(change);
        let scope = CallScope::begin(policy, policy, change, clock, function, |scope| listening.begin(scope));
        Self { scope, lent: Some(lent) }
    }

    /// Begins a call of a function with a policy that it lends.
    pub fn borrow(clock: Clock, function: &'static Function, lent: &'l mut Lent<'p>) -> Self {
        let policy = lent.policy.unwrap_or(&Policy::DEFAULT);
        let listening = lent.listening();
        let change = listening.change(Change::of(policy));
        let begin = |scope: &mut Scope| listening.begin(scope);
        let scope = CallScope::begin(policy, &Policy::DEFAULT, change, clock, function, begin);
        Self { scope, lent: Some(lent) }
    }

    /// Returns the policy of the call.
    #[inline]
    fn policy(&self) -> &'p Policy {
        let lent = self.lent.as_ref().and_then(|lent| lent.policy);
        lent.unwrap_or(self.scope.progress.policy)
    }

    /// Returns the upstream of the call.
    #[inline]
    fn upstream(&self) -> Option<&UpstreamHandle<'p>> {
        lent::upstream(&self.lent)
    }

    #[inline]
    fn upstream_mut(&mut self) -> Option<&mut UpstreamHandle<'p>> {
        lent::upstream_mut(&mut self.lent)
    }

    /// Leaves the scope and returns it, to change the terms of the call. The first attempt enters
    /// it again.
    fn scope_before_start(&mut self) -> &mut Scope {
        scope::pop(&mut self.scope);
        self.scope.progress.stage = Stage::Start;
        &mut self.scope
    }

    /// Leaves the scope, as arguments are cloned for the first attempt, which enters it again.
    pub fn leave_for_arguments(&mut self) {
        self.scope_before_start();
    }

    /// Returns a future that ends when the upstream admits the next attempt, after the wait since
    /// the last one. Boxed, so that the future of a call that does not wait is small.
    #[cold]
    pub fn wait_for_admission(&mut self) -> Pin<Box<impl Future<Output = ()>>> {
        Box::pin(self.ask_for_admission())
    }

    async fn ask_for_admission(&mut self) {
        if let Some(wait) = self.scope.progress.wait_before.take() {
            wait.await;
        }
        loop {
            match self.admit() {
                Admission::Send => return,
                Admission::Wait(delay) => self.hold(delay).await,
                admission => {
                    if let Some(rest) = self.withhold(admission) {
                        env::wait(rest, self.scope.skipped_mut()).await;
                    }
                    return;
                }
            }
        }
    }

    /// Blocks until the upstream admits the next attempt.
    #[inline]
    pub fn wait_for_admission_blocking(&mut self) {
        while self.asks_for_admission() {
            match self.admit() {
                Admission::Send => return,
                Admission::Wait(delay) => {
                    self.emit_delay(delay);
                    let upstream = lent::upstream(&self.lent);
                    if let Some(upstream) = upstream {
                        upstream.hold_blocking(delay, self.scope.skipped_mut());
                    }
                }
                admission => {
                    if let Some(rest) = self.withhold(admission) {
                        let now = self.scope.progress.clock.now();
                        env::wait_blocking(now, rest, self.scope.skipped_mut());
                    }
                    return;
                }
            }
        }
    }

    /// Returns `true` if the call is to ask the upstream before the next attempt. What a call
    /// around withholds anyway takes no turn from others.
    #[inline]
    pub fn asks_for_admission(&self) -> bool {
        let asks = self.upstream().is_some_and(UpstreamHandle::asks);
        asks && self.scope.terms().outgoing.withheld().is_none()
    }

    #[cold]
    fn admit(&mut self) -> Admission {
        let (policy, outgoing) = (self.policy(), &self.scope.terms().outgoing);
        let upstream = lent::upstream_mut(&mut self.lent);
        let Some(upstream) = upstream else { return Admission::Send };
        upstream.admit(self.scope.since_process_start(), || {
            let left = outgoing.left().unwrap_or(Duration::MAX);
            policy.max_retry_after().min(left.saturating_sub(left / KEPT_FOR_SENDING))
        })
    }

    /// Waits until the call is to ask the upstream again.
    async fn hold(&mut self, delay: Duration) {
        self.emit_delay(delay);
        let wait = env::wait(delay, self.scope.skipped_mut());
        if let Some(upstream) = self.upstream() {
            upstream.hold(wait).await;
        }
    }

    /// Withholds the requests of the next attempt, as `admission` says. Returns the time until the
    /// deadline, if the call was to wait for that.
    #[cold]
    fn withhold(&mut self, admission: Admission) -> Option<Duration> {
        let max_retry_after = self.policy().max_retry_after();
        let outgoing = &mut self.scope.terms_mut().outgoing;
        if let Admission::Refused { status, retry_after } = admission {
            outgoing.withhold(Withheld::Refused(Refusal { status, retry_after }));
            return None;
        }
        outgoing.withhold(Withheld::TimedOut);
        // Where `max_retry_after` ended the wait, the deadline is farther away.
        let is_end = |left: &Duration| left.saturating_mul(KEPT_FOR_SENDING - 1) <= max_retry_after;
        outgoing.left().filter(is_end)
    }

    /// Leaves the scope of an attempt whose body has ended.
    #[inline]
    fn leave(&mut self) {
        scope::pop(&mut self.scope);
        self.scope.progress.stage = Stage::Between;
    }

    /// Makes this attempt the last one, as an argument cannot be cloned for another.
    pub(crate) fn end_after_this(&mut self) {
        self.scope.with(|scope| scope.progress.is_last = true);
    }

    /// Returns the time left for the call, if it is bounded.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.scope.terms().outgoing.left()
    }

    /// Returns the number of attempts so far, including the current one.
    #[inline]
    fn attempts(&self) -> u32 {
        self.scope.progress.attempts()
    }

    /// Sets the exchanges of the attempt aside: the next one records its own.
    #[inline]
    fn reset_recorder(&mut self) {
        self.scope.remember_keys();
        if self.scope.terms().outer.is_none() {
            self.scope.recorder.clear();
            return;
        }
        let mut recorder = take(&mut self.scope.recorder);
        for recorded in recorder.exchanges_mut() {
            if recorded.mark == Mark::None && recorded.has_failed() {
                recorded.mark = Mark::Waiting;
            }
        }
        self.scope.progress.rare_mut().earlier.absorb(recorder);
    }

    /// Forgets the call, which has ended. To drop it would do nothing, and would cost a move of the
    /// outcome.
    #[inline]
    pub fn forget(self) {
        forget(self);
    }

    /// Ends the call: leaves its scope, hands its exchanges to the attempt that it is part of, and
    /// gives back what it holds of an upstream. The scope goes last, since a call without one is
    /// taken for one whose scope is entered, should a destructor panic before.
    fn end(&mut self) {
        scope::pop(&mut self.scope);
        if self.scope.change() == Change::Any {
            self.hand_over();
        }
        drop(self.lent.as_mut().and_then(|lent| lent.upstream.take()));
        self.scope.end();
    }

    /// Hands the recorded exchanges to the outer attempt.
    #[cold]
    fn hand_over(&mut self) {
        let Some(outer) = self.scope.terms().outer else { return };
        let policy = self.policy();
        let mut recorder = self.scope.progress.rare.take().map(|rare| rare.earlier).unwrap_or_default();
        // A call that is dropped during a wait has decided nothing, and the wait was not kept.
        recorder.end_wait(Mark::None);
        recorder.absorb(take(&mut self.scope.recorder));
        recorder.leave_call(self.scope.call, self.scope.terms().listeners.upstream, policy);
        let waits = outer.skipped.saturating_add(self.scope.terms().outgoing.skipped.of_call());
        let mut refused = take(&mut self.scope.refused);
        scope::of_attempt(outer.attempt, |scope| {
            scope.keep_refused(&mut refused);
            scope.recorder.end_call(outer.number);
            scope.recorder.absorb(recorder);
            scope.skipped_mut().reach(waits);
        });
    }
}

/// A call that ends or is dropped hands its exchanges to the attempt that it is part of. One whose
/// attempt was dropped first leaves the scope of that.
impl Drop for Call<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
