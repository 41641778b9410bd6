//! What the generated loop calls: one call of an annotated function, which joins the core to the world.

use std::future::Future;
use std::time::Duration;

use http::StatusCode;

use crate::ambient;
use crate::nesting;
use crate::policy::Policy;
use crate::renewal;
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
    /// Before the first attempt of an async function.
    #[inline]
    pub fn start(policy: &'p Policy) -> Self {
        Self { retry: Retry::new(policy), seen: Seen::new(policy, ambient::moment), pause: None }
    }

    /// Before the first attempt of a sync function.
    #[cfg(feature = "blocking")]
    #[inline]
    pub fn start_blocking(policy: &'p Policy) -> Self {
        let seen = Seen::new(policy, ambient::blocking::moment);
        Self { retry: Retry::new(policy), seen, pause: None }
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
        let mut exchange = self.seen.take();
        if retried_below {
            exchange.was_retried_below();
        }
        match self.retry.next(&exchange, self.seen.elapsed(), ambient::random) {
            Verdict::Wait(wait) => Some(wait),
            Verdict::Stop(stop) => {
                let renewed =
                    || exchange.status() == Some(StatusCode::UNAUTHORIZED) && self.retry.has_renewed();
                if stop.gave_up() || renewed() {
                    nesting::mark();
                }
                None
            }
        }
    }

    /// After an attempt of a function that can renew credentials: whether to do so.
    pub(crate) fn renews(&mut self, retried_below: bool) -> bool {
        !retried_below && self.retry.renews(self.seen.exchange())
    }

    /// Renews credentials, within what is left of the call. Where that fails the outcome is to be returned.
    pub async fn renewing(&mut self, renewal: impl Future<Output = bool>) -> bool {
        let renewal = renewal::during_polls(self.seen.renewals, renewal);
        let renewed = match self.seen.left() {
            Some(left) => ambient::at_most(left, renewal).await.unwrap_or(false),
            None => renewal.await,
        };
        self.renewed(renewed)
    }

    /// The same in a sync function, where what takes too long cannot be interrupted.
    #[cfg(feature = "blocking")]
    pub fn renewing_blocking(&mut self, renewal: impl FnOnce() -> bool) -> bool {
        let renewed = renewal::during(self.seen.renewals, renewal);
        self.renewed(renewed)
    }

    fn renewed(&mut self, renewed: bool) -> bool {
        let again = renewed && self.seen.left().is_none_or(|left| !left.is_zero());
        if again {
            self.seen.take();
        } else {
            nesting::mark();
        }
        again
    }
}
