//! Scopes: which attempt the running code is part of.
//!
//! An attempt's scope follows the running task, not the source text. While the body is polled, run or dropped, its scope is
//! the last one of this thread, and armed sends find the scope there: in a closure, a combinator, another function. Being
//! polled on the thread is not enough: a task that the body drives (by a `LocalSet`, by `block_on`) is not part of the
//! attempt, and tokio has another number for it.
//!
//! Nothing of the user's runs while the scopes are borrowed.

pub(crate) mod outgoing;
pub(crate) mod renewal;

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use http::{HeaderMap, Method};

use crate::engine::exchange::Hints;
use crate::engine::recorder::{Key, Recorder, hash, next_number};
use crate::scope::outgoing::Outgoing;
use crate::scope::renewal::SoFar;

thread_local! {
    static SCOPES: RefCell<Scopes> =
        const { RefCell::new(Scopes { entered: Vec::new(), free: Vec::new() }) };
}

/// The scopes of a thread. They have places of their own in memory, so that entering one moves nothing but a pointer.
#[allow(clippy::vec_box, reason = "they move between here and their calls")]
struct Scopes {
    /// Those that are entered, the innermost last.
    entered: Vec<Box<Scope>>,
    /// Those that no call needs any more: the next call has one of them, and so allocates nothing.
    free: Vec<Box<Scope>>,
}

/// How many scopes a thread keeps for the next calls.
const FREE: usize = 64;

/// An attempt, as the code that runs in it sees it.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// The number of the attempt.
    pub(crate) number: u64,
    /// The number of the call.
    pub(crate) call: u64,
    /// The task that polls it, if it is a task.
    task: Option<tokio::task::Id>,
    /// Where its exchanges are written down.
    pub(crate) recorder: Recorder,
    /// The time limits and keys imposed on its requests.
    pub(crate) outgoing: Outgoing,
    /// Whether an observer wants to know the hosts of its requests.
    pub(crate) is_observed: bool,
    /// Whether the hint of any answer counts, as `retry_if` may want any outcome retried.
    pub(crate) hints: Hints,
    /// The address of the upstream that has admitted it.
    pub(crate) upstream: Option<NonZeroUsize>,
    /// The renewals that had ended when this attempt read its credentials, if the function renews any.
    pub(crate) renewals: Option<SoFar>,
    /// Names the type of a sender that is not known.
    pub(crate) unknown_sender: Option<fn() -> &'static str>,
}

/// The scope of a call.
pub(crate) struct OwnScope(Option<Box<Scope>>);

impl OwnScope {
    /// Makes the scope of a call that begins and imposes `outgoing`. Returns as well the attempt that the call is part of, if
    /// it is part of one: what that imposes holds for the call.
    #[inline]
    pub(crate) fn begin(outgoing: Outgoing, idempotent: Option<bool>) -> (Self, Option<Around>) {
        let begun = SCOPES.try_with(|scopes| {
            let mut scopes = scopes.borrow_mut();
            let mut scope = scopes.free.pop().unwrap_or_default();
            (scope.call, scope.outgoing) = (next_number(), outgoing);
            let around = scopes.find(|_| true, |around| scope.inherit(around, idempotent));
            (Self(Some(scope)), around)
        });
        // Where the thread is about to end.
        begun.unwrap_or_else(|_| (Self(Some(Box::default())), None))
    }
}

const HELD: &str = "a scope is away only while its attempt is polled";

impl Deref for OwnScope {
    type Target = Scope;

    #[inline]
    fn deref(&self) -> &Scope {
        self.0.as_deref().expect(HELD)
    }
}

impl DerefMut for OwnScope {
    #[inline]
    fn deref_mut(&mut self) -> &mut Scope {
        self.0.as_deref_mut().expect(HELD)
    }
}

/// The scope is kept for another call.
impl Drop for OwnScope {
    #[inline]
    fn drop(&mut self) {
        let Some(mut scope) = self.0.take() else { return };
        scope.empty();
        // On a thread that is about to end it is dropped.
        _ = SCOPES.try_with(|scopes| {
            let free = &mut scopes.borrow_mut().free;
            if free.len() < FREE {
                free.push(scope);
            }
        });
    }
}

/// A scope that is entered. It is left when this is dropped, also where what runs in it panics.
pub(crate) struct Entered<'s> {
    scope: &'s mut OwnScope,
}

/// Enters a scope.
#[inline]
pub(crate) fn enter(scope: &mut OwnScope) -> Entered<'_> {
    scope.task = tokio::task::try_id();
    // Where the thread is about to end there is nothing to enter, and nothing is recorded.
    _ = SCOPES.try_with(|scopes| {
        if let Some(scope) = scope.0.take() {
            scopes.borrow_mut().entered.push(scope);
        }
    });
    Entered { scope }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.scope.0.is_none() {
            self.scope.0 = SCOPES.try_with(|scopes| scopes.borrow_mut().entered.pop()).ok().flatten();
        }
    }
}

/// Calls `with` with the scope that the running code is part of, if there is one.
#[inline]
pub(crate) fn current<T>(with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    find(|_| true, with)
}

/// Calls `with` with the scope of the attempt with this number, if the running code is part of that.
#[inline]
pub(crate) fn attempt<T>(number: u64, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    find(|scope| scope.number == number, with)
}

/// Whether the running code is part of an attempt that has been admitted by the upstream at this address.
pub(crate) fn is_admitted_by(upstream: NonZeroUsize) -> bool {
    find(|scope| scope.upstream == Some(upstream), |_| ()).is_some()
}

#[inline]
fn find<T>(wanted: impl Fn(&Scope) -> bool, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    SCOPES.try_with(|scopes| scopes.borrow_mut().find(wanted, with)).ok().flatten()
}

impl Scopes {
    /// Calls `with` with the innermost scope of this task that is `wanted`. Behind one of another task, the running code
    /// is part of nothing.
    #[inline]
    fn find<T>(&mut self, wanted: impl Fn(&Scope) -> bool, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
        if self.entered.is_empty() {
            return None;
        }
        let task = tokio::task::try_id();
        for scope in self.entered.iter_mut().rev() {
            if scope.task != task {
                return None;
            }
            if wanted(scope) {
                return Some(with(scope));
            }
        }
        None
    }
}

/// Whether anything is imposed on requests.
#[inline]
pub(crate) fn is_imposing() -> bool {
    current(|scope| scope.outgoing.is_imposing()) == Some(true)
}

/// Returns the bound on a request that is about to be sent.
pub(crate) fn bound() -> Option<Duration> {
    current(|scope| scope.outgoing.bound()).flatten()
}

/// Gives a request that is about to be sent its idempotency key, where the calls around want that.
pub(crate) fn give_key(method: &Method, path: &str, headers: &mut HeaderMap) -> Option<Key> {
    let attempt = current(|scope| scope.outgoing.keys.is_some().then_some(scope.number)).flatten()?;
    let request = hash(&(method, path));
    let give = |scopes: &RefCell<Scopes>| {
        let scopes = &mut scopes.borrow_mut().entered;
        let number = key_number(scopes, attempt, request);
        let keys = scopes.last()?.outgoing.keys.as_ref()?;
        keys.write(request, number, headers);
        Some(Key { call: keys.owner, request })
    };
    SCOPES.try_with(give).ok().flatten()
}

/// Takes a number for a request of the attempt with this number, from the call that owns the keys.
fn key_number(scopes: &mut [Box<Scope>], attempt: u64, request: u64) -> u64 {
    let keys = |scopes: &mut [Box<Scope>]| {
        let scope = scopes.iter_mut().rev().find(|scope| scope.number == attempt)?;
        let keys = scope.outgoing.keys.as_mut()?;
        Some((keys.known(request), keys.next(request), keys.around))
    };
    let number = match keys(scopes) {
        Some((Some(known), ..)) => return known,
        Some((None, next, None)) => next,
        Some((None, _, Some(around))) => key_number(scopes, around, request),
        // A call that has left the attempt around shares no numbers with it.
        None => return next_number() | (1 << 63),
    };
    if let Some(scope) = scopes.iter_mut().rev().find(|scope| scope.number == attempt) {
        if let Some(keys) = &mut scope.outgoing.keys {
            keys.give(request, number);
        }
    }
    number
}

impl Scope {
    /// Takes over what the attempt around imposes, and returns that attempt.
    #[cold]
    fn inherit(&mut self, around: &mut Self, idempotent: Option<bool>) -> Around {
        self.outgoing.inherit(&around.outgoing);
        self.outgoing.keys = around.outgoing.keys.as_ref().map(|keys| Box::new(keys.inside(around.number)));
        (self.is_observed, self.hints) = (around.is_observed, around.hints);
        let skipped = around.outgoing.skipped.of_call();
        Around { attempt: around.number, number: around.recorder.begin_call(idempotent), skipped }
    }

    /// Forgets all of a call that has ended.
    #[inline]
    fn empty(&mut self) {
        self.recorder.clear();
        self.outgoing.keys = None;
        (self.is_observed, self.hints) = (false, Hints::OfRetryable);
        (self.task, self.upstream, self.renewals, self.unknown_sender) = (None, None, None, None);
    }

    /// Makes the scope of a renewal for a call. What is sent in it ends with the call, and is no part of any attempt.
    pub(crate) fn for_renewal(&self) -> OwnScope {
        let mut outgoing = Outgoing::default();
        outgoing.inherit(&self.outgoing);
        let mut scope = OwnScope(Some(Box::default()));
        (scope.call, scope.number, scope.renewals) = (self.call, next_number(), self.renewals);
        scope.outgoing = outgoing;
        scope
    }

    /// The next attempt begins.
    #[inline]
    pub(crate) fn begin_attempt(&mut self) {
        self.number = next_number();
        self.unknown_sender = None;
        if let Some(keys) = &mut self.outgoing.keys {
            keys.restart();
        }
        if self.renewals.is_some() {
            self.renewals = Some(renewal::so_far());
        }
    }
}

/// The attempt that a call is part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// The number of the attempt.
    pub(crate) attempt: u64,
    /// The number by which the attempt knows of the call.
    pub(crate) number: u64,
    /// The waits that tests had skipped in it.
    pub(crate) skipped: Duration,
}
