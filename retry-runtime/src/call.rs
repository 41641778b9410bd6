//! What the generated loop calls: one call of an annotated function, which joins the core to the world.

use std::time::Duration;

use crate::ambient;
use crate::nesting;
use crate::policy::Policy;
use crate::retry::{Retry, Verdict};
use crate::seen::Seen;
use crate::transport::Work;

/// One call of an annotated function.
pub struct Call<'p> {
    retry: Retry<'p>,
    /// What the attempt has seen so far.
    pub seen: Seen,
    /// What is to be awaited before the next attempt of an async function.
    pause: Option<Work>,
}

impl<'p> Call<'p> {
    /// Before the first attempt.
    #[inline]
    pub fn start(policy: &'p Policy) -> Self {
        Self { retry: Retry::new(policy), seen: Seen::default(), pause: None }
    }

    /// The next attempt begins with `pause`.
    pub(crate) fn pause_for(&mut self, pause: Work) {
        self.pause = Some(pause);
    }

    /// What the attempt that follows begins with.
    #[inline]
    pub fn pause(&mut self) -> Option<Work> {
        self.pause.take()
    }

    /// After each attempt: the wait before the next one, or `None` where the outcome is to be returned.
    #[inline]
    pub fn after(&mut self, retried_below: bool) -> Option<Duration> {
        let mut exchange = std::mem::take(&mut self.seen).into_exchange();
        if retried_below {
            exchange.was_retried_below();
        }
        match self.retry.next(&exchange, ambient::random) {
            Verdict::Wait(wait) => Some(wait),
            Verdict::Stop(stop) => {
                if stop.gave_up() {
                    nesting::mark();
                }
                None
            }
        }
    }
}
