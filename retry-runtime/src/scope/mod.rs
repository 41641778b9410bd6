//! Finds the attempt that the running code is part of.
//!
//! The scope of an attempt follows the running task, not the source text. While the body is polled,
//! run or dropped, its scope is the last one of this thread, and armed sends find the scope there:
//! in a closure, a combinator, another function. A task that the body drives (by a `LocalSet`, by
//! `block_on`) is polled on the thread as well, but is not part of the attempt: tokio has another
//! id for that task.
//!
//! No code of the user's runs while the scopes are borrowed.

pub(crate) mod drain;
pub(crate) mod function;
pub(crate) mod outgoing;
pub(crate) mod progress;
pub(crate) mod renewal;
pub(crate) mod terms;

use std::cell::Cell;
use std::mem::{ManuallyDrop, forget, replace};
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use retry_policy::Policy;

use crate::engine::exchange::HintsOf;
use crate::engine::origin::{Origin, Origins};
use crate::engine::recorder::{Key, Mark, Prepared, Recorder, hash, next_number};
use crate::engine::report::PlainSuccess;
use crate::engine::retry::RetryState;
use crate::env::{Clock, Skipped};
use crate::scope::drain::Drain;
use crate::scope::function::Function;
use crate::scope::outgoing::Outgoing;
pub(crate) use crate::scope::outgoing::Withheld;
use crate::scope::progress::{Progress, Stage};
use crate::scope::renewal::RenewalCount;
use crate::scope::terms::{Change, Listeners, OuterAttempt, Terms};

thread_local! {
    /// The innermost of the entered scopes. Each holds the one behind it, so that entering one
    /// moves only pointers. Whoever enters a scope leaves it, so that a thread ends with none; a
    /// value without a destructor is found by fewer instructions.
    static ENTERED: Cell<Option<ManuallyDrop<Box<Scope>>>> = const { Cell::new(None) };

    /// The scopes that no call needs any more. The next call reuses one, and so allocates nothing.
    static FREE: Cell<Option<Box<Scope>>> = const { Cell::new(None) };
}

/// The number of scopes that a thread keeps for the next calls.
const KEPT: usize = 64;

/// An attempt, for the code that runs in it.
#[derive(Default)]
pub(crate) struct Scope {
    /// The scope behind this one: the scope of the attempt around, or the next free one.
    behind: Option<Box<Scope>>,
    /// The number of free scopes behind this one, while it is free.
    free_behind: usize,
    /// The number of the attempt.
    pub(crate) number: u64,
    /// The number of the call.
    pub(crate) call: u64,
    /// The task that polls it, if a task does.
    task: Option<tokio::task::Id>,
    /// Records its exchanges.
    pub(crate) recorder: Recorder,
    /// How far its terms are from the default.
    change: Change,
    terms: Terms,
    /// Names the type of a sender that is not known.
    pub(crate) unknown_sender: Option<fn() -> &'static str>,
    /// Drains the responses that the attempt has refused by their status.
    pub(crate) refused: Vec<Drain>,
    /// The progress of the call.
    pub(crate) progress: Progress,
}

/// The number of refused responses that an attempt keeps. A body that goes on after so many of them
/// does not hold more connections.
const REFUSED: usize = 8;

/// The scope of a call.
pub(crate) struct CallScope(Option<Box<Scope>>);

impl CallScope {
    /// Makes the scope of a call of `function` with this policy, whose terms differ from the
    /// default by `change`. If the call is part of an attempt, the terms of that hold for the call.
    /// The scope keeps a policy that is a constant; any other policy is kept by the call, and
    /// `constant` is the default.
    ///
    /// Enters the scope of an async call at once if its terms are the default and there is a free
    /// scope, since the first attempt follows.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the call checks at run time which values are lent")]
    pub(crate) fn begin(
        policy: &Policy,
        constant: &'static Policy,
        change: Change,
        clock: Clock,
        function: &'static Function,
        prepare: impl FnOnce(&mut Scope),
    ) -> Self {
        let free = match free_scope() {
            Some(mut scope) if clock == Clock::Tokio && change == Change::None => {
                let task = tokio::task::try_id();
                if !is_any_entered() {
                    scope.begin(clock, function, constant);
                    prepare(&mut scope);
                    (scope.task, scope.progress.stage) = (task, Stage::Running);
                    put_entered(Some(scope));
                    return Self(None);
                }
                Some(scope)
            }
            free => free,
        };
        let mut scope = Scope::begin_outside(free, policy, constant, change, clock, function);
        prepare(&mut scope);
        Self(Some(scope))
    }

    /// Calls `with` on the scope, which may be the innermost one of the thread.
    #[inline]
    pub(crate) fn with<T>(&mut self, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
        match &mut self.0 {
            Some(scope) => Some(with(scope)),
            None => innermost(with),
        }
    }

    /// Returns `true` if the scope is not entered.
    #[inline]
    pub(crate) fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// Makes a scope without limits, for what is part of no call.
    pub(crate) fn unbounded() -> Self {
        let mut scope = Self(Some(Box::default()));
        (scope.call, scope.number) = (next_number(), next_number());
        scope
    }

    /// Returns the scope, unless it is entered.
    #[inline]
    pub(crate) fn present(&self) -> Option<&Scope> {
        self.0.as_deref()
    }
}

const PRESENT: &str = "a scope that is entered is with the thread";

impl Deref for CallScope {
    type Target = Scope;

    #[inline]
    fn deref(&self) -> &Scope {
        self.0.as_deref().expect(PRESENT)
    }
}

impl DerefMut for CallScope {
    #[inline]
    fn deref_mut(&mut self) -> &mut Scope {
        self.0.as_deref_mut().expect(PRESENT)
    }
}

impl CallScope {
    /// Forgets the call that has ended, and keeps the scope for another one. Should a destructor
    /// panic, the scope stays here.
    #[inline(never)]
    pub(crate) fn end(&mut self) {
        let Some(scope) = &mut self.0 else { return };
        if scope.change != Change::None || scope.has_rest() {
            scope.reset();
        }
        scope.recorder.clear_brief();
        if let Some(scope) = self.0.take() {
            keep(scope);
        }
    }

    /// Gives back a scope that was left.
    #[inline]
    pub(crate) fn give_back(&mut self, scope: Box<Scope>) {
        forget(self.0.replace(scope));
    }
}

impl Drop for CallScope {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

/// Forgets the call that has ended by a plain success, and keeps its scope, which has no rest, for
/// another one. Not for the terms of `Change::Any`. Every call pays for this function.
#[inline]
pub(crate) fn end_plainly(mut scope: Box<Scope>) {
    debug_assert!(!scope.has_rest(), "a rest is for `CallScope::end`");
    if scope.change == Change::Listeners {
        (scope.change, scope.terms.listeners) = (Change::None, Listeners::NONE);
    }
    scope.recorder.clear_brief();
    keep(scope);
}

/// Keeps a scope for another call. On a thread that is about to end the scope is dropped.
#[inline]
fn keep(mut scope: Box<Scope>) {
    _ = FREE.try_with(|free| match free.take() {
        None => {
            scope.free_behind = 0;
            forget(free.replace(Some(scope)));
        }
        Some(behind) => keep_before(free, scope, behind),
    });
}

/// Keeps `scope` and the free scopes behind it.
#[inline(never)]
fn keep_before(free: &Cell<Option<Box<Scope>>>, mut scope: Box<Scope>, behind: Box<Scope>) {
    scope.free_behind = behind.free_behind + 1;
    link(&mut scope.behind, Some(behind));
    let kept = if scope.free_behind < KEPT { scope } else { without_first(scope) };
    forget(free.replace(Some(kept)));
}

/// Drops the first of the free scopes, and returns the others.
#[cold]
fn without_first(mut scope: Box<Scope>) -> Box<Scope> {
    scope.behind.take().unwrap_or(scope)
}

/// An entered scope. Dropping it leaves the scope, also after a panic.
pub(crate) struct Entered<'s> {
    scope: &'s mut CallScope,
}

/// Enters a scope.
#[inline]
pub(crate) fn enter(scope: &mut CallScope) -> Entered<'_> {
    push(scope);
    Entered::new(scope)
}

impl<'s> Entered<'s> {
    /// Leaves `scope`, which was entered last, when the value is dropped.
    #[inline]
    pub(crate) fn new(scope: &'s mut CallScope) -> Self {
        Self { scope }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        pop(self.scope);
    }
}

/// Enters a scope, until [`pop`] leaves it.
#[inline]
pub(crate) fn push(scope: &mut CallScope) {
    with_entered(|entered| {
        let task = tokio::task::try_id();
        if let Some(mut scope) = scope.0.take() {
            scope.task = task;
            link(&mut scope.behind, entered.take().map(ManuallyDrop::into_inner));
            entered.set(Some(ManuallyDrop::new(scope)));
        }
    });
}

/// Leaves a scope that was entered last.
#[inline]
pub(crate) fn pop(scope: &mut CallScope) {
    if scope.0.is_none() {
        scope.0 = leave();
    }
}

/// Leaves the innermost scope of the thread, and returns it.
#[inline]
pub(crate) fn leave() -> Option<Box<Scope>> {
    with_entered(|entered| {
        let mut left = ManuallyDrop::into_inner(entered.take()?);
        entered.set(left.behind.take().map(ManuallyDrop::new));
        Some(left)
    })
    .flatten()
}

/// Takes a scope that no call needs any more. There are none on a thread that is about to end.
#[inline]
fn free_scope() -> Option<Box<Scope>> {
    let free = FREE.try_with(|free| {
        let mut scope = free.take()?;
        free.set(scope.behind.take());
        Some(scope)
    });
    free.ok().flatten()
}

/// Sets a link that is empty. Does not check for an old value to drop, which would cost more.
#[inline]
fn link(link: &mut Option<Box<Scope>>, scope: Option<Box<Scope>>) {
    debug_assert!(link.is_none(), "a scope that is linked already");
    forget(replace(link, scope));
}

/// Calls `with` on the entered scopes of the thread. There are none on a thread that is about to
/// end.
///
/// `LocalKey::with` is not inline, so the compiler may leave a call of it.
#[inline]
fn with_entered<T>(with: impl FnOnce(&Cell<Option<ManuallyDrop<Box<Scope>>>>) -> T) -> Option<T> {
    ENTERED.try_with(with).ok()
}

#[inline]
fn take_entered() -> Option<Box<Scope>> {
    with_entered(|entered| entered.take().map(ManuallyDrop::into_inner)).flatten()
}

#[inline]
fn put_entered(scope: Option<Box<Scope>>) {
    with_entered(|entered| entered.set(scope.map(ManuallyDrop::new)));
}

/// The entered scopes, while they are looked at. Dropping this puts them back, also after a panic.
struct Taken(Option<Box<Scope>>);

impl Drop for Taken {
    #[inline]
    fn drop(&mut self) {
        put_entered(self.0.take());
    }
}

/// Returns `true` if a scope is entered on this thread.
#[inline]
fn is_any_entered() -> bool {
    Taken(take_entered()).0.is_some()
}

/// Calls `with` on the scope of the running code, if there is one.
#[inline]
pub(crate) fn current<T>(with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    find(|_| true, with)
}

/// Calls `with` on the innermost scope of the thread. Only for code that is certain to run in the
/// task of that scope: the body of an attempt itself.
#[inline]
pub(crate) fn innermost<T>(with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    let mut entered = Taken(take_entered());
    entered.0.as_deref_mut().map(with)
}

/// Begins a GET of this URL in the innermost scope of the thread, if the terms of the call are the
/// default but for listeners. Returns the number of its exchange.
///
/// Every call pays for this and for [`end_by_success`]. They take the scope and put it back
/// themselves, and end in a call for all that is rare, so that they need few registers.
#[inline(never)]
pub(crate) fn begin_get(url: &str) -> Option<NonZeroU64> {
    with_entered(|entered| {
        let mut scope = entered.take()?;
        if scope.change == Change::Any {
            entered.set(Some(scope));
            return None;
        }
        if scope.terms.listeners.origins == Origins::Unused {
            if let Some(number) = scope.recorder.on_only_get(None) {
                entered.set(Some(scope));
                return Some(number);
            }
        }
        begin_other_get(ManuallyDrop::into_inner(scope), url)
    })
    .flatten()
}

/// Does what [`begin_get`] does, for an upstream or after other requests.
#[inline(never)]
fn begin_other_get(mut scope: Box<Scope>, url: &str) -> Option<NonZeroU64> {
    let origin = scope.terms.listeners.origin_of(url);
    let Some(number) = scope.recorder.on_only_get(origin) else { return begin_further_get(scope, origin) };
    put_entered(Some(scope));
    Some(number)
}

/// Does what [`begin_get`] does, after other requests.
#[cold]
fn begin_further_get(mut scope: Box<Scope>, origin: Option<Origin>) -> Option<NonZeroU64> {
    let number = scope.recorder.on_request(Prepared::get_from(origin));
    put_entered(Some(scope));
    NonZeroU64::new(number)
}

/// Tells whether the end of a request is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is not.
    No,
    /// It is.
    Whole,
    /// It is, except for the host, which an observer needs.
    WithoutHost,
}

/// Records in the innermost scope of the thread that the request with this number has ended by a
/// plain success, if that is all there is to record.
#[inline(never)]
pub(crate) fn end_by_success(number: NonZeroU64, status: StatusCode, url: &str) -> Ended {
    with_entered(|entered| {
        let Some(mut scope) = entered.take() else { return Ended::No };
        let success = PlainSuccess { status, url };
        if scope.change == Change::Any || !scope.recorder.on_brief_success(number, success) {
            return end_other_by_success(ManuallyDrop::into_inner(scope), number, status, url);
        }
        if scope.terms.listeners.is_observed {
            return end_observed(ManuallyDrop::into_inner(scope), url);
        }
        entered.set(Some(scope));
        Ended::Whole
    })
    .unwrap_or(Ended::No)
}

/// Records the host of the request that has ended, if that is the host that was recorded last.
#[inline(never)]
fn end_observed(mut scope: Box<Scope>, url: &str) -> Ended {
    let has_host = scope.recorder.record_known_host(url);
    put_entered(Some(scope));
    if has_host { Ended::Whole } else { Ended::WithoutHost }
}

/// Does what [`end_by_success`] does, for all but the only request of a call on the default terms.
#[cold]
fn end_other_by_success(mut scope: Box<Scope>, number: NonZeroU64, status: StatusCode, url: &str) -> Ended {
    let success = PlainSuccess { status, url };
    if !scope.takes_plain_successes() || !scope.recorder.on_plain_success(number.get(), success) {
        put_entered(Some(scope));
        return Ended::No;
    }
    if scope.terms.listeners.is_observed {
        return end_observed(scope, url);
    }
    put_entered(Some(scope));
    Ended::Whole
}

/// Calls `with` on the scope of the attempt with this number, if the running code is part of that
/// attempt.
#[inline]
pub(crate) fn of_attempt<T>(number: u64, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    find(|scope| scope.number == number, with)
}

/// Returns whether the running code is part of an attempt that the upstream at this address has
/// admitted.
pub(crate) fn is_admitted_by(upstream: NonZeroUsize) -> bool {
    find(|scope| scope.terms.listeners.upstream == Some(upstream), |_| ()).is_some()
}

/// Calls `with` on the innermost scope of this task that `matches`. The scopes behind one of
/// another task are not those of the running code.
#[inline]
fn find<T>(matches: impl Fn(&Scope) -> bool, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    let mut entered = Taken(take_entered());
    let innermost = entered.0.as_deref_mut()?;
    let task = tokio::task::try_id();
    let mut next = Some(innermost);
    while let Some(scope) = next.filter(|scope| scope.task == task) {
        if matches(scope) {
            return Some(with(scope));
        }
        next = scope.behind.as_deref_mut();
    }
    None
}

/// Keeps a response that the running attempt refuses, if there is one, to drain it before the next
/// attempt.
pub(crate) fn keep_refused(drain: Drain) {
    let mut drain = vec![drain];
    current(|scope| scope.keep_refused(&mut drain));
    // What is not kept is dropped here, where no scope is borrowed.
}

/// The demands of an attempt on a request that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    Nothing,
    /// To record its origin.
    Origin,
    /// To record its origin, and to give it a time limit or a key, or not to send it.
    All,
}

impl Scope {
    /// Returns what the attempt demands of a request.
    #[inline]
    fn demand(&self) -> Demand {
        if self.terms.outgoing.is_imposing() {
            Demand::All
        } else if self.terms.listeners.origins == Origins::Unused {
            Demand::Nothing
        } else {
            Demand::Origin
        }
    }
}

/// Returns what the running attempt demands of a request.
#[inline]
pub(crate) fn demand() -> Demand {
    current(|scope| scope.demand()).unwrap_or(Demand::Nothing)
}

/// Returns what the innermost attempt of the thread demands of a request, which it awaits itself.
#[inline]
pub(crate) fn demand_of_innermost() -> Demand {
    innermost(|scope| scope.demand()).unwrap_or(Demand::Nothing)
}

/// Returns what a request ends with, if it is not to be sent.
pub(crate) fn withheld() -> Option<Withheld> {
    current(|scope| scope.terms.outgoing.withheld()).flatten()
}

/// Returns the time limit of a request that is about to be sent.
pub(crate) fn bound() -> Option<Duration> {
    current(|scope| scope.terms.outgoing.bound()).flatten()
}

/// Sets the idempotency key of a request that is about to be sent, if a call around has
/// `idempotency_key`. A request that has a key keeps it.
pub(crate) fn set_key(method: &Method, path: &str, headers: &mut HeaderMap) -> Option<Key> {
    current(|scope| {
        let request = hash(&(method, path));
        let (call, id) = if let Some(own) = scope.terms.outgoing.keys.as_ref()?.own(headers) {
            (None, hash(&(request, own.as_bytes())))
        } else {
            let number = scope.key_number(request);
            let keys = scope.terms.outgoing.keys.as_ref()?;
            keys.write(request, number, headers)?;
            (Some(keys.owner), hash(&(request, number)))
        };
        Some(Key { call, request, id, is_repeat: scope.is_repeat(id) })
    })
    .flatten()
}

impl Scope {
    /// Returns the scope of the attempt with this number, if the running code is part of that.
    fn of_number(&mut self, number: u64) -> Option<&mut Self> {
        let mut next = Some(self);
        while let Some(scope) = next {
            if scope.number == number {
                return Some(scope);
            }
            next = scope.behind.as_deref_mut();
        }
        None
    }

    /// Returns `true` if an earlier attempt has sent the key with this id, or an attempt before the
    /// one of a call around that has the same keys.
    fn is_repeat(&mut self, id: u64) -> bool {
        let mut next = Some(self);
        while let Some(scope) = next {
            let Some(keys) = &scope.terms.outgoing.keys else { return false };
            if keys.has_sent(id) {
                return true;
            }
            let outer = keys.outer;
            next = outer.and_then(|outer| scope.of_number(outer));
        }
        false
    }

    /// Takes a number for a request, from the call that owns the keys.
    fn key_number(&mut self, request: u64) -> u64 {
        // A call that has left the outer attempt shares no numbers with it.
        let unshared = || next_number() | (1 << 63);
        let Some(keys) = &mut self.terms.outgoing.keys else { return unshared() };
        if let Some(number) = keys.reuse(request) {
            return number;
        }
        let number = match keys.outer {
            None => keys.free_number(request),
            Some(outer) => match self.of_number(outer).filter(|outer| outer.terms.outgoing.keys.is_some()) {
                Some(outer) => outer.key_number(request),
                None => unshared(),
            },
        };
        if let Some(keys) = &mut self.terms.outgoing.keys {
            keys.assign(request, number);
        }
        number
    }

    /// Begins a call of `function`. The first attempt of an async call has the number of the call,
    /// unless `Change` is `Any`.
    #[inline]
    fn begin(&mut self, clock: Clock, function: &'static Function, policy: &'static Policy) {
        self.call = next_number();
        (self.number, self.unknown_sender) = (self.call, None);
        self.progress.begin(clock, function, policy);
    }

    /// Begins a call in a scope that is not entered.
    #[inline(never)]
    fn begin_outside(
        free: Option<Box<Self>>,
        policy: &Policy,
        constant: &'static Policy,
        change: Change,
        clock: Clock,
        function: &'static Function,
    ) -> Box<Self> {
        let mut scope = free.unwrap_or_default();
        scope.begin(clock, function, constant);
        if change != Change::None || is_any_entered() {
            scope.set_terms(policy);
        }
        scope
    }

    /// Sets the terms of a call with this policy, in addition to those of the attempt that the call
    /// is part of, if it is.
    #[cold]
    fn set_terms(&mut self, policy: &Policy) {
        self.terms_mut().outgoing = Outgoing::new(policy, self.progress.clock);
        self.progress.retry = RetryState::new(policy);
        self.terms.outer = current(|outer| self.inherit(outer, policy.idempotent()));
        if self.terms.outer.is_some() {
            // The calls around have deadlines, too.
            if let Some(left) = self.terms.outgoing.left() {
                self.progress.retry.lower_deadline(left);
            }
        }
        // Those of the calls around are not asked about.
        self.terms.hints.names = policy.hint();
        if let Some(header) = policy.idempotency_header() {
            self.terms.outgoing.add_keys(self.call, header);
        }
    }

    /// Inherits the terms of the outer attempt, and returns that attempt.
    fn inherit(&mut self, outer: &mut Self, idempotent: Option<bool>) -> OuterAttempt {
        let (number, skipped) = (outer.number, outer.terms.outgoing.skipped.of_call());
        let Terms { outgoing, hints, listeners, .. } = &outer.terms;
        self.terms.outgoing.inherit(outgoing);
        self.terms.outgoing.keys = outgoing.keys.as_ref().map(|keys| Box::new(keys.for_inner_call(number)));
        self.terms.hints.of = hints.of;
        let Listeners { is_observed, origins, .. } = *listeners;
        self.terms.listeners = Listeners { is_observed, origins, ..Listeners::NONE };
        OuterAttempt { attempt: number, number: outer.recorder.begin_call(idempotent), skipped }
    }

    /// Returns the terms of the call.
    #[inline]
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Returns the terms of the call, to change them in any way.
    #[inline]
    pub(crate) fn terms_mut(&mut self) -> &mut Terms {
        self.change = Change::Any;
        &mut self.terms
    }

    /// Returns the listeners of the call, to add one that needs nothing of a plain success but its
    /// host.
    #[inline]
    pub(crate) fn listeners_mut(&mut self) -> &mut Listeners {
        self.change = self.change.max(Change::Listeners);
        &mut self.terms.listeners
    }

    /// Returns the waits that tests have skipped, to skip one more.
    #[inline]
    pub(crate) fn skipped_mut(&mut self) -> &mut Skipped {
        &mut self.terms.outgoing.skipped
    }

    /// Returns how far the terms of the call are from the default.
    #[inline]
    pub(crate) fn change(&self) -> Change {
        self.change
    }

    /// Returns how long the call has run if it is bounded, else zero.
    #[inline]
    pub(crate) fn elapsed(&self) -> Duration {
        let deadline = self.progress.retry.deadline().unwrap_or_default();
        self.terms.outgoing.left().map_or(Duration::ZERO, |left| deadline.saturating_sub(left))
    }

    /// Returns the time since a moment that is the same for all calls of the process.
    pub(crate) fn since_process_start(&self) -> Duration {
        let skipped = self.terms.outgoing.skipped.of_start();
        self.progress.clock.now().since_start().saturating_add(skipped)
    }

    /// Returns the time since the call began, if it is observed or bounded.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "every observed call reads it")]
    pub(crate) fn time_since_start(&self) -> Duration {
        match self.terms.listeners.observed_since {
            Some(start) => self.terms.outgoing.skipped.add_to(self.progress.clock.elapsed_since(start)),
            None => self.elapsed(),
        }
    }

    /// Returns `true` if the call has left more than a request in short form and its terms.
    #[inline]
    fn has_rest(&self) -> bool {
        self.has_rest_of_attempt() || self.progress.has_rest()
    }

    /// Returns `true` if the last attempt has left more than a request in short form. When it ends,
    /// nothing is left of the waits before.
    #[inline]
    pub(crate) fn has_rest_of_attempt(&self) -> bool {
        self.recorder.has_more() || !self.refused.is_empty() || self.has_skipped()
    }

    /// Returns `true` if a test has skipped waits of the call.
    #[inline]
    fn has_skipped(&self) -> bool {
        self.terms.outgoing.skipped != Skipped::default()
    }

    /// Forgets the call that has ended.
    fn reset(&mut self) {
        (self.change, self.terms) = (Change::None, Terms::default());
        self.recorder.clear();
        self.refused.clear();
        self.progress.clear();
    }

    /// Returns `true` if nothing but the recorder and an observer needs plain successes.
    #[cold]
    fn takes_plain_successes(&self) -> bool {
        self.terms.hints.of == HintsOf::Retryable
            && self.terms.listeners.origins != Origins::OfAll
            && self.terms.renewals.is_none()
    }

    /// Keeps as many of `refused` as there is room for.
    pub(crate) fn keep_refused(&mut self, refused: &mut Vec<Drain>) {
        let room = REFUSED.saturating_sub(self.refused.len());
        self.refused.extend(refused.drain(..room.min(refused.len())));
    }

    /// Makes the scope of a renewal for a call. Its requests have the deadline of the call, and
    /// belong to no attempt.
    pub(crate) fn for_renewal(&self) -> CallScope {
        let mut scope = CallScope::unbounded();
        scope.call = self.call;
        scope.terms_mut().renewals = self.terms.renewals;
        scope.terms_mut().outgoing.inherit(&self.terms.outgoing);
        scope
    }

    /// Remembers which keys the attempt that has ended has sent, if requests get any.
    #[inline]
    pub(crate) fn remember_keys(&mut self) {
        if let Some(keys) = &mut self.terms.outgoing.keys {
            keys.remember(&mut self.recorder);
        }
    }

    /// Begins an attempt, after the wait for it. The first one of an async call begins with
    /// the call, unless `Change` is `Any`.
    pub(crate) fn begin_attempt(&mut self) {
        if let Some(rare) = &mut self.progress.rare {
            rare.earlier.end_wait(Mark::Retried);
        }
        self.number = next_number();
        self.unknown_sender = None;
        if let Some(keys) = &mut self.terms.outgoing.keys {
            keys.restart();
        }
        if self.terms.renewals.is_some() {
            self.terms.renewals = Some(RenewalCount::now());
        }
    }
}
