//! One attempt: the wait before it, the body in a scope of its own, and the outcome.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::scope;

/// What the body of an annotated function must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` needs a function that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "whether an attempt failed, and how, is read from the `Result` that the function returns"
)]
pub trait Outcome {
    /// The finished attempt. An associated type, so that a body that is not a `Result` produces one error, not several.
    type Attempted;

    /// Returns the attempt that ended in this outcome.
    fn attempted(self) -> Self::Attempted;
}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {
    type Attempted = Attempted<T, E>;

    #[inline]
    fn attempted(self) -> Attempted<T, E> {
        Attempted { outcome: self }
    }
}

/// Never runs. Returned in an `if false` branch, to fix the type of a body before inference.
///
/// # Panics
///
/// Always.
#[cold]
pub fn typed<R>() -> R {
    unreachable!("in a branch that is not taken")
}

/// A finished attempt.
#[derive(Debug)]
pub struct Attempted<T, E> {
    /// What the body returned.
    pub outcome: Result<T, E>,
}

/// How far an attempt is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Ended,
}

pin_project! {
    /// One attempt of an async function.
    pub struct Attempt<'c, 'p, F> {
        call: &'c mut Call<'p>,
        stage: Stage,
        #[pin]
        body: Option<F>,
    }

    impl<F> PinnedDrop for Attempt<'_, '_, F> {
        // What the body drops is recorded as dropped, so its scope is entered for that as well.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if *this.stage == Stage::Running {
                let _entered = scope::enter(&mut this.call.scope);
                this.body.set(None);
            }
        }
    }
}

/// Runs the body of an async function once, after the wait since the last time, if there is one.
///
/// One future instead of two to be awaited in the loop: each costs compile time, in every annotated function.
#[inline]
pub fn attempt<'c, 'p, R: Outcome, F: Future<Output = R>>(
    call: &'c mut Call<'p>,
    body: F,
) -> Attempt<'c, 'p, F> {
    Attempt { call, stage: Stage::Waiting, body: Some(body) }
}

impl<R: Outcome, F: Future<Output = R>> Future for Attempt<'_, '_, F> {
    type Output = R::Attempted;

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
        // An `async` block holds nothing any more.
        *this.stage = Stage::Ended;
        Poll::Ready(outcome.attempted())
    }
}

/// Runs the body of a sync function once.
#[cfg(feature = "blocking")]
#[inline]
pub fn attempt_blocking<R: Outcome>(call: &mut Call<'_>, body: impl FnOnce() -> R) -> R::Attempted {
    call.begin_attempt();
    let entered = scope::enter(&mut call.scope);
    let outcome = body();
    drop(entered);
    outcome.attempted()
}
