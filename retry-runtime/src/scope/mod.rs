//! Finds the attempt that the running code is part of.
//!
//! The scope of an attempt follows the running task, not the source text. While the body is polled,
//! run or dropped, its scope is the last one of this thread, and armed sends find the scope there:
//! in a closure, a combinator, another function. A task that the body drives (by a `LocalSet`, by
//! `block_on`) is polled on the thread as well, but is not part of the attempt: tokio has another
//! id for that task.
//!
//! No code of the user's runs while the scopes are borrowed.

mod brief;
pub(crate) mod drain;
pub(crate) mod function;
pub(crate) mod outgoing;
pub(crate) mod progress;
pub(crate) mod renewal;
mod stack;
pub(crate) mod terms;

use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderMap, Method};
use retry_policy::Policy;

use crate::engine::exchange::HintsOf;
use crate::engine::origin::Origins;
use crate::engine::recorder::{Key, Mark, Recorder, hash, next_number};
use crate::engine::retry::RetryState;
use crate::env::{Clock, Skipped};
pub(crate) use crate::scope::brief::{Ended, begin_get, end_by_success};
use crate::scope::drain::Drain;
use crate::scope::function::Function;
use crate::scope::outgoing::Outgoing;
pub(crate) use crate::scope::outgoing::Withheld;
use crate::scope::progress::Progress;
use crate::scope::renewal::RenewalCount;
pub(crate) use crate::scope::stack::{
    CallScope, Entered, current, enter, innermost, leave, of_attempt, pop, push, recycle,
};
use crate::scope::stack::{find, is_any_entered};
use crate::scope::terms::{Change, Listeners, OuterAttempt, Terms};

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

/// Returns whether the running code is part of an attempt that the upstream at this address has
/// admitted.
pub(crate) fn is_admitted_by(upstream: NonZeroUsize) -> bool {
    find(|scope| scope.terms.listeners.upstream == Some(upstream), |_| ()).is_some()
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
