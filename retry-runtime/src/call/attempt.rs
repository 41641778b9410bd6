//! Runs one attempt: the wait before it, then the body in a scope of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::call::conclude::Outcome;
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

/// The progress of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Ended,
}

pin_project! {
    /// Runs one attempt of an async function.
    pub struct AttemptFuture<'c, 'p, F> {
        call: &'c mut Call<'p>,
        stage: Stage,
        #[pin]
        body: Option<F>,
    }

    impl<F> PinnedDrop for AttemptFuture<'_, '_, F> {
        // The scope is entered to drop the body as well, so that its sends are recorded as dropped.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if *this.stage == Stage::Running {
                let _entered = scope::enter(&mut this.call.scope);
                this.body.set(None);
            }
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
    AttemptFuture { call, stage: Stage::Waiting, body: Some(body) }
}

impl<R: Outcome, F: Future<Output = R>> Future for AttemptFuture<'_, '_, F> {
    type Output = R::Attempt;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if *this.stage == Stage::Waiting {
            if let Some(wait) = this.call.wait.as_mut() {
                ready!(wait.as_mut().poll(context));
                this.call.wait = None;
            }
            *this.stage = Stage::Running;
            this.call.begin_attempt();
        }
        // No closures: each would be compiled again for every annotated function.
        let entered = scope::enter(&mut this.call.scope);
        let body = this.body.as_pin_mut().expect("an attempt that is dropped is not polled");
        let outcome = ready!(body.poll(context));
        drop(entered);
        // An `async` block that has ended holds nothing.
        *this.stage = Stage::Ended;
        Poll::Ready(outcome.into_attempt())
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
