//! Innermost wins: where an annotated function calls another, a failure that the inner one has given up
//! retrying is not retried by the outer one. Otherwise three levels of 5 retries make 216 requests.
//!
//! Each attempt is a scope. An inner call that gives up marks the scope that it ends in. Which scope that is, is
//! known by what is being polled: a scope is entered only while its attempt is, so the mark of one task can
//! never be seen by another, nor by a task that the attempt spawned.

use std::cell::Cell;

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

/// The scope of an attempt, while a part of it runs.
pub(crate) struct Scope {
    /// The mark of the scope around it.
    outside: bool,
}

impl Scope {
    #[inline]
    pub(crate) fn enter(marked: bool) -> Self {
        Self { outside: MARKED.replace(marked) }
    }

    /// Leaves it, and returns whether it is marked.
    #[inline]
    pub(crate) fn leave(self) -> bool {
        let marked = MARKED.get();
        drop(self);
        marked
    }
}

/// Also where what runs panics.
impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        MARKED.set(self.outside);
    }
}
