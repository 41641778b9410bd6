//! Runs one attempt: the wait before it, then the body in a scope of its own.

use std::future::Future;
use std::mem::forget;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::call::outcome::Outcome;
use crate::scope::progress::Stage;
use crate::scope::terms::Change;
use crate::scope::{self, CallScope, Entered};

/// Never runs. The macro returns it in an `if false` branch, to fix the type of a body before
/// inference.
///
/// # Panics
///
/// Always panics.
#[cold]
pub fn unreachable_value<R>() -> R {
    unreachable!("in a branch that is not taken")
}

pin_project! {
    /// Runs one attempt of an async function.
    #[project = AttemptProjection]
    pub struct AttemptFuture<'c, F> {
        // Dropped before the body, whose scope it enters.
        running: Running<'c>,
        #[pin]
        body: F,
    }
}

/// The state of an attempt beside its body. It does not depend on the type of the body, and so is
/// compiled once.
///
/// It has the scope and not the call, since each lifetime costs compile time in every annotated
/// function.
struct Running<'c> {
    scope: &'c mut CallScope,
}

/// Runs the body in its scope, which the caller has entered. Leaves the scope unless the body has
/// ended: then `Call::leave` must follow.
#[cfg_attr(not(debug_assertions), inline(always))]
#[allow(clippy::inline_always, reason = "else the outcome is moved once more")]
fn poll_entered<R: Outcome, F>(
    scope: &mut CallScope,
    body: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<R::Itself>
where
    F: Future<Output = R> + ?Sized,
{
    let entered = Entered::new(scope);
    let poll = R::poll_body(body, context);
    if poll.is_ready() {
        forget(entered);
    }
    poll
}

/// Enters the scope of the attempt, which the caller must leave. Waits and begins the attempt
/// first, if it has not begun.
#[inline(never)]
fn poll_enter(scope: &mut CallScope, context: &mut Context<'_>) -> Poll<()> {
    match scope.progress.stage {
        Stage::Running => {}
        Stage::Start if scope.change() != Change::Any => scope.progress.stage = Stage::Running,
        Stage::Start | Stage::Between => return poll_begin(scope, context),
    }
    scope::push(scope);
    Poll::Ready(())
}

/// Does what [`poll_enter`] does between two attempts, or before the first one of a call with
/// terms.
#[cold]
#[inline(never)]
fn poll_begin(scope: &mut CallScope, context: &mut Context<'_>) -> Poll<()> {
    if let Some(wait) = &mut scope.progress.wait_before {
        ready!(wait.as_mut().poll(context));
        scope.progress.wait_before = None;
    }
    scope.begin_attempt();
    scope.progress.stage = Stage::Running;
    enter_again(scope);
    Poll::Ready(())
}

/// Enters the scope of an attempt whose body has not ended and is dropped next: so its sends are
/// recorded as dropped. The call leaves the scope, which is dropped after the body.
impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        let scope = self.scope.present();
        if scope.is_some_and(|scope| scope.progress.stage == Stage::Running) {
            enter_again(self.scope);
        }
    }
}

#[cold]
fn enter_again(scope: &mut CallScope) {
    scope::push(scope);
}

/// Runs the body of an async function once, after the wait since the last attempt, if there is one.
///
/// The loop awaits one future instead of two, as each costs compile time in every annotated
/// function.
#[inline]
pub fn attempt<'c, R: Outcome, F: Future<Output = R>>(
    call: &'c mut Call<'_, '_>,
    body: F,
) -> AttemptFuture<'c, F> {
    AttemptFuture { running: Running { scope: &mut call.scope }, body }
}

impl<R: Outcome, F: Future<Output = R>> Future for AttemptFuture<'_, F> {
    type Output = R::Itself;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let AttemptProjection { running, body } = self.project();
        // In a debug build one function does the rest for all bodies that return an `R`.
        #[cfg(debug_assertions)]
        let body: Pin<&mut dyn Future<Output = R>> = body;
        if running.scope.is_present() {
            ready!(poll_enter(running.scope, context));
        }
        poll_entered(running.scope, body, context)
    }
}

/// Runs the body of a sync function once. `Call::leave` must follow.
#[inline]
pub fn attempt_blocking<R: Outcome>(call: &mut Call<'_, '_>, body: impl FnOnce() -> R) -> R::Itself {
    call.scope.begin_attempt();
    let entered = scope::enter(&mut call.scope);
    let outcome = body();
    forget(entered);
    outcome.into_itself()
}
