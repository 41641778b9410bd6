//! The values that a function lends to a call of it.

use std::mem::forget;

use retry_policy::Policy;

use crate::call::upstream::UpstreamHandle;
use crate::observe::Observer;

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

    /// Forgets the values that were lent to a call that has ended. To drop them would do nothing,
    /// and would cost a move of the outcome.
    #[inline]
    pub fn forget(self) {
        forget(self);
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
