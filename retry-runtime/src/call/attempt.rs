//! Runs one attempt: the wait before it, then the body in a scope of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::call::outcome::Outcome;
use crate::scope;

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
    pub struct AttemptFuture<'c, 'p, F> {
        // Dropped before the body, whose scope it enters.
        running: Running<'c, 'p>,
        #[pin]
        body: F,
    }
}

/// The state of an attempt beside its body. It does not depend on the type of the body, and so is
/// compiled once.
struct Running<'c, 'p> {
    call: &'c mut Call<'p>,
}

impl Running<'_, '_> {
    /// Waits since the last attempt, begins this one, and runs its body.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::inline_always, reason = "else the outcome is moved once more")]
    fn poll<R: Outcome, F>(&mut self, context: &mut Context<'_>, body: Pin<&mut F>) -> Poll<R::Attempt>
    where
        F: Future<Output = R> + ?Sized,
    {
        ready!(self.poll_begin(context));
        // No closures: each would be compiled again for every annotated function.
        let entered = scope::enter(&mut self.call.scope);
        let poll = body.poll(context);
        // Before the outcome is taken out, which would move it once more.
        drop(entered);
        match poll {
            Poll::Ready(outcome) => {
                // An `async` block that has ended holds nothing.
                self.call.scope.progress.is_running = false;
                Poll::Ready(outcome.into_attempt())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Waits since the last attempt, and begins this one.
    #[inline]
    fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let progress = &mut self.call.scope.progress;
        if !progress.is_running {
            if progress.wait_before.is_some() {
                ready!(self.poll_wait(context));
            }
            self.call.begin_attempt();
            self.call.scope.progress.is_running = true;
        }
        Poll::Ready(())
    }

    #[cold]
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = self.call.scope.progress.wait_before.as_mut() {
            ready!(wait.as_mut().poll(context));
            self.call.scope.progress.wait_before = None;
        }
        Poll::Ready(())
    }
}

/// Enters the scope of an attempt whose body has not ended and is dropped next: so its sends are
/// recorded as dropped. The call leaves the scope, which is dropped after the body.
impl Drop for Running<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        let scope = self.call.scope.present();
        if scope.is_some_and(|scope| scope.progress.is_running) {
            scope::push(&mut self.call.scope);
        }
    }
}

/// Runs the body of an async function once, after the wait since the last attempt, if there is one.
///
/// The loop awaits one future instead of two, as each costs compile time in every annotated
/// function.
#[inline]
pub fn attempt<'c, 'p, R: Outcome, F: Future<Output = R>>(
    call: &'c mut Call<'p>,
    body: F,
) -> AttemptFuture<'c, 'p, F> {
    AttemptFuture { running: Running { call }, body }
}

impl<R: Outcome, F: Future<Output = R>> Future for AttemptFuture<'_, '_, F> {
    type Output = R::Attempt;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let AttemptProjection { running, body } = self.project();
        // In a debug build one function does the rest for all bodies that return an `R`.
        #[cfg(debug_assertions)]
        let body: Pin<&mut dyn Future<Output = R>> = body;
        running.poll(context, body)
    }
}

/// Runs the body of a sync function once.
#[inline]
pub fn attempt_blocking<R: Outcome>(call: &mut Call<'_>, body: impl FnOnce() -> R) -> R::Attempt {
    call.begin_attempt();
    let entered = scope::enter(&mut call.scope);
    let outcome = body();
    drop(entered);
    outcome.into_attempt()
}
