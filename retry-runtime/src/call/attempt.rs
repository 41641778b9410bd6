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
use crate::scope::{self, Entered};

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
    pub struct AttemptFuture<'c, 'p, 'l, F> {
        // Dropped before the body, whose scope it enters.
        running: Running<'c, 'p, 'l>,
        #[pin]
        body: F,
    }
}

/// The state of an attempt beside its body. It does not depend on the type of the body, and so is
/// compiled once.
struct Running<'c, 'p, 'l> {
    call: &'c mut Call<'p, 'l>,
}

/// Runs the body in its scope, which the caller has entered. Leaves the scope unless the body has
/// ended: then `Call::leave` must follow.
#[cfg_attr(not(debug_assertions), inline(always))]
#[allow(clippy::inline_always, reason = "else the outcome is moved once more")]
fn poll_entered<R: Outcome, F>(
    call: &mut Call<'_, '_>,
    body: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<R::Itself>
where
    F: Future<Output = R> + ?Sized,
{
    let entered = Entered::new(&mut call.scope);
    let poll = R::poll_body(body, context);
    if poll.is_ready() {
        forget(entered);
    }
    poll
}

/// Enters the scope of the attempt, which the caller must leave. Waits and begins the attempt
/// first, if it has not begun.
#[inline(never)]
fn poll_enter(call: &mut Call<'_, '_>, context: &mut Context<'_>) -> Poll<()> {
    match call.scope.progress.stage {
        Stage::Running => {}
        Stage::Start if call.scope.change() != Change::Any => call.scope.progress.stage = Stage::Running,
        Stage::Start | Stage::Between => return poll_begin(call, context),
    }
    scope::push(&mut call.scope);
    Poll::Ready(())
}

/// Does what [`poll_enter`] does between two attempts, or before the first one of a call with
/// terms.
#[cold]
#[inline(never)]
fn poll_begin(call: &mut Call<'_, '_>, context: &mut Context<'_>) -> Poll<()> {
    if let Some(wait) = &mut call.scope.progress.wait_before {
        ready!(wait.as_mut().poll(context));
        call.scope.progress.wait_before = None;
    }
    call.begin_attempt();
    call.scope.progress.stage = Stage::Running;
    enter_again(call);
    Poll::Ready(())
}

/// Enters the scope of an attempt whose body has not ended and is dropped next: so its sends are
/// recorded as dropped. The call leaves the scope, which is dropped after the body.
impl Drop for Running<'_, '_, '_> {
    #[inline]
    fn drop(&mut self) {
        let scope = self.call.scope.present();
        if scope.is_some_and(|scope| scope.progress.stage == Stage::Running) {
            enter_again(self.call);
        }
    }
}

#[cold]
fn enter_again(call: &mut Call<'_, '_>) {
    scope::push(&mut call.scope);
}

/// Runs the body of an async function once, after the wait since the last attempt, if there is one.
///
/// The loop awaits one future instead of two, as each costs compile time in every annotated
/// function.
#[inline]
pub fn attempt<'c, 'p, 'l, R: Outcome, F: Future<Output = R>>(
    call: &'c mut Call<'p, 'l>,
    body: F,
) -> AttemptFuture<'c, 'p, 'l, F> {
    AttemptFuture { running: Running { call }, body }
}

impl<R: Outcome, F: Future<Output = R>> Future for AttemptFuture<'_, '_, '_, F> {
    type Output = R::Itself;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let AttemptProjection { running, body } = self.project();
        // In a debug build one function does the rest for all bodies that return an `R`.
        #[cfg(debug_assertions)]
        let body: Pin<&mut dyn Future<Output = R>> = body;
        if running.call.scope.is_present() {
            ready!(poll_enter(running.call, context));
        }
        poll_entered(running.call, body, context)
    }
}

/// Runs the body of a sync function once. `Call::leave` must follow.
#[inline]
pub fn attempt_blocking<R: Outcome>(call: &mut Call<'_, '_>, body: impl FnOnce() -> R) -> R::Itself {
    call.begin_attempt();
    let entered = scope::enter(&mut call.scope);
    let outcome = body();
    forget(entered);
    outcome.into_itself()
}
