//! The values that a function lends to a call of it.

use std::mem::forget;
use std::num::NonZeroUsize;

use retry_policy::Policy;

use crate::call::upstream::{IsUpstream, UpstreamHandle};
use crate::engine::origin::Origins;
use crate::env::Clock;
use crate::observe::Observer;
use crate::scope::Scope;
use crate::scope::terms::Change;

/// The values that a function lends to a call of it. A function with a constant policy and without
/// an observer and an upstream lends nothing, and its future is the smaller for that.
#[derive(Default)]
pub struct Lent<'p> {
    /// The policy, unless it is a constant.
    pub(super) policy: Option<&'p Policy>,
    /// The upstream that the call shares with others.
    pub(super) upstream: Option<UpstreamHandle<'p>>,
    /// The observer of the call.
    pub(super) observer: Option<&'p dyn Observer>,
}

impl<'p> Lent<'p> {
    /// Lends nothing yet.
    #[inline]
    pub const fn new() -> Self {
        Self { policy: None, upstream: None, observer: None }
    }

    /// Lends a policy that is no constant.
    #[inline]
    pub const fn of_policy(policy: &'p Policy) -> Self {
        Self { policy: Some(policy), upstream: None, observer: None }
    }

    /// Lends an observer.
    #[inline]
    pub const fn set_observer(&mut self, observer: &'p dyn Observer) {
        self.observer = Some(observer);
    }

    /// Lends an upstream, which admits the attempts of a call on this clock. Whether the upstream
    /// is idle is read here, so the call must begin next. Call this once.
    #[inline]
    pub fn set_upstream<U: IsUpstream>(&mut self, clock: Clock, upstream: &'p U) {
        debug_assert!(self.upstream.is_none(), "a function has one upstream");
        let handle = UpstreamHandle::new(upstream.scope(), clock);
        // Does not check for an old value to drop, which would cost more.
        forget(self.upstream.replace(handle));
    }

    /// Returns what a call that begins must know of the values.
    #[inline]
    pub(super) fn listening(&self) -> Listening {
        Listening {
            is_observed: self.observer.is_some(),
            upstream: self.upstream.as_ref().map(|upstream| (upstream.address(), upstream.was_idle())),
        }
    }

    /// Forgets the values that were lent to a call that has ended. To drop them would do nothing,
    /// and would cost a move of the outcome.
    #[inline]
    pub fn forget(self) {
        forget(self);
    }
}

/// The part of a [`Lent`] that the scope of a call must know. It is copied before the call begins,
/// since the compiler would read the fields of the `Lent` again whenever another function may have
/// changed them.
#[derive(Clone, Copy)]
pub(super) struct Listening {
    is_observed: bool,
    /// The address of the upstream, and whether it is idle.
    upstream: Option<(NonZeroUsize, bool)>,
}

impl Listening {
    /// Returns how far the terms of the call are from the default, if its policy is by `change`.
    #[inline]
    pub(super) fn change(self, change: Change) -> Change {
        match self.upstream {
            Some((_, false)) => Change::Any,
            _ => change,
        }
    }

    /// Tells the scope of the call.
    #[inline]
    pub(super) fn begin(self, scope: &mut Scope) {
        if self.is_observed {
            let now = scope.progress.clock.instant();
            let listeners = scope.listeners_mut();
            (listeners.is_observed, listeners.observed_since) = (true, Some(now));
        }
        if let Some((address, is_idle)) = self.upstream {
            let origins = if is_idle { Origins::OfFailures } else { Origins::OfAll };
            let listeners = scope.listeners_mut();
            (listeners.upstream, listeners.origins) = (Some(address), origins);
            scope.skipped_mut().begin();
        }
    }
}

/// Returns the upstream that is lent, if one is. A function of the field of a call, whose scope can
/// be used meanwhile.
#[inline]
pub(super) fn upstream<'h, 'p>(lent: &'h Option<&mut Lent<'p>>) -> Option<&'h UpstreamHandle<'p>> {
    lent.as_ref().and_then(|lent| lent.upstream.as_ref())
}

/// Returns the upstream that is lent, if one is, to change it.
#[inline]
pub(super) fn upstream_mut<'h, 'p>(
    lent: &'h mut Option<&mut Lent<'p>>,
) -> Option<&'h mut UpstreamHandle<'p>> {
    lent.as_mut().and_then(|lent| lent.upstream.as_mut())
}
