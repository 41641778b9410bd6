//! Wakers that leave a queue under a lock.

use std::task::Waker;

/// Collects wakers while a lock is held, which may run anything when they are woken or dropped.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    to_wake: Vec<Waker>,
    to_drop: Vec<Waker>,
}

impl Wakers {
    /// Collects nothing yet.
    pub(super) const NONE: Self = Self { to_wake: Vec::new(), to_drop: Vec::new() };

    /// Keeps wakers to wake.
    pub(super) fn wake(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.to_wake.extend(wakers);
    }

    /// Keeps wakers to drop.
    pub(super) fn discard(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.to_drop.extend(wakers);
    }

    /// Wakes and drops all of them. Call it when no lock is held.
    pub(super) fn release(self) {
        self.to_wake.into_iter().for_each(Waker::wake);
    }
}
