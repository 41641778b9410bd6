//! One attempt: the pause before it, the body in a scope of its own, and what it ended in.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::nesting::Scope;
use crate::transport::Work;

/// What the body of an annotated function must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` needs a function that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "whether an attempt failed, and how, is read from the `Result` that the function returns"
)]
pub trait Outcome {
    /// The attempt that ended in it. One type, so that nothing is reported of it where there is none.
    type Attempted;

    /// The attempt that ended in it, and whether an annotated function that it called gave up.
    fn attempted(self, marked: bool) -> Self::Attempted;
}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {
    type Attempted = Attempted<T, E>;

    #[inline]
    fn attempted(self, marked: bool) -> Attempted<T, E> {
        Attempted { outcome: self, marked }
    }
}

/// Of the type of an outcome: where the type of a block must be known, this is returned in a branch not taken.
///
/// # Panics
///
/// Always.
#[cold]
pub fn typed<R>() -> R {
    unreachable!("in a branch that is not taken")
}

/// What came of one attempt.
#[derive(Debug)]
pub struct Attempted<T, E> {
    /// What the body returned.
    pub outcome: Result<T, E>,
    /// Whether an annotated function that the body called gave up retrying what failed.
    pub marked: bool,
}

pin_project! {
    /// One attempt of an async function.
    pub struct Attempt<F> {
        pause: Option<Work>,
        #[pin]
        body: F,
        marked: bool,
    }
}

/// Runs the body of an async function once, after the pause since the last time, if there is one.
///
/// One future instead of two to be awaited in the loop: each costs compile time, in every annotated function.
#[inline]
pub fn attempt<R: Outcome, F: Future<Output = R>>(pause: Option<Work>, body: F) -> Attempt<F> {
    Attempt { pause, body, marked: false }
}

impl<R: Outcome, F: Future<Output = R>> Future for Attempt<F> {
    type Output = R::Attempted;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(pause) = this.pause {
            ready!(pause.as_mut().poll(context));
            *this.pause = None;
        }
        // No closures: each would be compiled again for every annotated function.
        let scope = Scope::enter(*this.marked);
        let polled = this.body.poll(context);
        *this.marked = scope.leave();
        match polled {
            Poll::Ready(outcome) => Poll::Ready(outcome.attempted(*this.marked)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Runs the body of a sync function once.
#[cfg(feature = "blocking")]
#[inline]
pub fn attempt_blocking<R: Outcome>(body: impl FnOnce() -> R) -> R::Attempted {
    let scope = Scope::enter(false);
    let outcome = body();
    let marked = scope.leave();
    outcome.attempted(marked)
}
