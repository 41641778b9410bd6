//! The scopes of a thread: those that are entered, and those that wait for the next call.

use std::cell::Cell;
use std::mem::{ManuallyDrop, forget, replace};
use std::ops::{Deref, DerefMut};

use retry_policy::Policy;

use crate::engine::recorder::next_number;
use crate::env::Clock;
use crate::scope::Scope;
use crate::scope::function::Function;
use crate::scope::progress::Stage;
use crate::scope::terms::{Change, Listeners};

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
pub(crate) fn recycle(mut scope: Box<Scope>) {
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
pub(super) fn with_entered<T>(with: impl FnOnce(&Cell<Option<ManuallyDrop<Box<Scope>>>>) -> T) -> Option<T> {
    ENTERED.try_with(with).ok()
}

#[inline]
fn take_entered() -> Option<Box<Scope>> {
    with_entered(|entered| entered.take().map(ManuallyDrop::into_inner)).flatten()
}

#[inline]
pub(super) fn put_entered(scope: Option<Box<Scope>>) {
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
pub(super) fn is_any_entered() -> bool {
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

/// Calls `with` on the scope of the attempt with this number, if the running code is part of that
/// attempt.
#[inline]
pub(crate) fn of_attempt<T>(number: u64, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    find(|scope| scope.number == number, with)
}

/// Calls `with` on the innermost scope of this task that `matches`. The scopes behind one of
/// another task are not those of the running code.
#[inline]
pub(super) fn find<T>(matches: impl Fn(&Scope) -> bool, with: impl FnOnce(&mut Scope) -> T) -> Option<T> {
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
