//! Waits before the next attempt, and drains what the last one has left meanwhile.

use std::future::Future;
use std::mem::take;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::call::Call;
use crate::env::{self, Clock, Wait};
use crate::scope::drain::Drain;

/// The bounds of the time to drain failed responses. Within them they are drained for as long as
/// the wait is.
const SHORTEST_DRAIN: Duration = Duration::from_millis(250);
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

impl Call<'_, '_> {
    /// Begins the wait before the next attempt, within which the outcome of the last one, and the
    /// responses that it has refused, are drained. The time counts from now. An async function
    /// waits when the next attempt is polled; a sync function waits in here.
    pub(super) fn drain_in_wait(&mut self, outcome: Option<Drain>) {
        let wait = self.scope.progress.planned_wait.get().unwrap_or_default();
        let longest_drain = self.longest_drain(wait);
        self.drain_and_wait(wait, outcome, longest_drain);
    }

    /// Does what [`drain_in_wait`](Self::drain_in_wait) does, after a renewal.
    pub(super) fn drain_after_renewal(&mut self, outcome: Option<Drain>) {
        let wait = self.scope.progress.planned_wait.get().unwrap_or_default();
        if outcome.is_some() || !self.scope.refused.is_empty() || !wait.is_zero() {
            let longest_drain = self.longest_drain(SHORTEST_DRAIN);
            self.drain_and_wait(wait, outcome, longest_drain);
        }
    }

    fn drain_and_wait(&mut self, wait: Duration, outcome: Option<Drain>, longest_drain: Duration) {
        let mut drains = take(&mut self.scope.refused);
        drains.extend(outcome);
        let clock = self.scope.progress.clock;
        let skipped = self.scope.skipped_mut();
        match clock {
            Clock::Tokio => {
                let wait = env::wait(wait, skipped);
                self.scope.progress.wait_before = Some(if drains.is_empty() {
                    Box::pin(wait)
                } else {
                    Box::pin(DrainThenWait { drain: Some(Box::pin(drain_all(drains, longest_drain))), wait })
                });
            }
            Clock::System => {
                let start = clock.now();
                let until = start.after(longest_drain).unwrap_or(start);
                for drain in drains {
                    if let Drain::Blocking { server, work } = drain {
                        env::drain_blocking(until, server, work);
                    }
                }
                env::wait_blocking(start, wait, skipped);
            }
        }
    }

    /// Returns how long to drain before or within `wait`. With a deadline: at most `wait`, and at
    /// most half of the time left.
    fn longest_drain(&self, wait: Duration) -> Duration {
        let longest = wait.clamp(SHORTEST_DRAIN, LONGEST_DRAIN);
        self.left().map_or(longest, |left| longest.min(wait).min(left / 2))
    }
}

pin_project! {
    /// Drains responses, then waits for what is left of the wait.
    struct DrainThenWait<D> {
        // In a box of its own, which is freed before the wait.
        drain: Option<Pin<Box<D>>>,
        #[pin]
        wait: Wait,
    }
}

impl<D: Future<Output = ()>> Future for DrainThenWait<D> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(drain) = this.drain {
            ready!(drain.as_mut().poll(context));
            *this.drain = None;
        }
        this.wait.poll(context)
    }
}

/// Drains responses one after the other, for at most this long.
async fn drain_all(drains: Vec<Drain>, longest: Duration) {
    let drained = async {
        for drain in drains {
            // An async function must not block on a blocking response.
            if let Drain::Async(work) = drain {
                work.await;
            }
        }
    };
    env::timeout(longest, drained).await;
}
