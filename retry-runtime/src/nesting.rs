//! Innermost wins: where an annotated function calls another, a failure that the inner one has given up
//! retrying is not retried by the outer one. Otherwise three levels of 5 retries make 216 requests.
//!
//! Each attempt is a scope. An inner call that gives up marks the scope that it ends in. Which scope that is, is
//! known by what is being polled: a scope is entered only while its attempt is, so the mark of one task can
//! never be seen by another, nor by a task that the attempt spawned.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

thread_local! {
    /// Whether the scope that is being polled is marked.
    static MARKED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the scope that is being polled, if any: what failed in it has been retried enough.
pub(crate) fn mark() {
    MARKED.set(true);
}

/// Takes the mark back: something else is sent, and how that ends is another matter.
pub(crate) fn unmark() {
    MARKED.set(false);
}

/// What the body of an annotated function must return.
#[diagnostic::on_unimplemented(
    message = "`#[retry_http]` needs a function that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "whether an attempt failed, and how, is read from the `Result` that the function returns"
)]
pub trait Outcome {}

#[diagnostic::do_not_recommend]
impl<T, E> Outcome for Result<T, E> {}

/// What came of one attempt.
#[derive(Debug)]
pub struct Attempted<R> {
    /// What the body returned.
    pub outcome: R,
    /// Whether an annotated function that the body called gave up retrying what failed.
    pub marked: bool,
}

pin_project! {
    /// One attempt of an async function.
    pub struct Attempt<F> {
        #[pin]
        body: F,
        marked: bool,
    }
}

/// Runs the body of an async function once.
#[inline]
pub fn attempt<R: Outcome, F: Future<Output = R>>(body: F) -> Attempt<F> {
    Attempt { body, marked: false }
}

impl<F: Future> Future for Attempt<F> {
    type Output = Attempted<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let body = this.body;
        let outcome = enter(this.marked, || body.poll(context));
        outcome.map(|outcome| Attempted { outcome, marked: *this.marked })
    }
}

/// Runs the body of a sync function once.
#[cfg(feature = "blocking")]
#[inline]
pub fn attempt_blocking<R: Outcome>(body: impl FnOnce() -> R) -> Attempted<R> {
    let mut marked = false;
    let outcome = enter(&mut marked, body);
    Attempted { outcome, marked }
}

/// Runs `part` of the attempt whose mark is `marked`.
#[inline]
fn enter<T>(marked: &mut bool, part: impl FnOnce() -> T) -> T {
    /// Leaves the scope, also where `part` panics.
    struct Leave<'m> {
        marked: &'m mut bool,
        outside: bool,
    }

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            *self.marked = MARKED.replace(self.outside);
        }
    }

    let outside = MARKED.replace(*marked);
    let _leave = Leave { marked, outside };
    part()
}
