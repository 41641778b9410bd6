//! Records a GET that succeeds at once.
//!
//! Every call pays for this. Its functions take the scope and put it back themselves, and end in a
//! call for all that is rare, so that they need few registers.

use std::mem::ManuallyDrop;
use std::num::NonZeroU64;

use http::StatusCode;

use crate::engine::origin::{Origin, Origins};
use crate::engine::recorder::Prepared;
use crate::engine::report::PlainSuccess;
use crate::scope::Scope;
use crate::scope::stack::{put_entered, with_entered};
use crate::scope::terms::Change;

/// Begins a GET of this URL in the innermost scope of the thread, if the terms of the call are the
/// default but for listeners. Returns the number of its exchange.
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
