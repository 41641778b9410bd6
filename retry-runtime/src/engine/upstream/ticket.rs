//! What one call holds of an upstream, and gives back when it leaves.

use std::task::Waker;
use std::time::Duration;

use http::StatusCode;

use super::budget::Rates;
use super::cooldown::{Answer, Impatient, Place, Refusal};
use super::{Scope, Word};
use crate::engine::exchange::Exchange;
use crate::engine::retry::{Stop, Verdict};

/// Holds the place of one call in the queue of an [`Upstream`](crate::Upstream), and the token of a
/// retry that is not sent yet.
///
/// [`Upstream::ticket`](crate::Upstream::ticket) and [`Scope::ticket`] return a ticket. Dropping the
/// ticket gives both back, and the calls behind it move up.
///
/// Call [`admit`](Self::admit) before each attempt, and [`on_attempt`](Self::on_attempt) after it:
///
/// ```
/// use http::{HeaderMap, Method, StatusCode};
/// use retry_http::{Admission, Exchange, Policy, Retry, Upstream, Verdict};
/// use std::time::Duration;
///
/// let (policy, upstream) = (Policy::DEFAULT, Upstream::new("github"));
/// let (mut retry, mut ticket) = (Retry::new(&policy), upstream.ticket());
/// let (now, patience) = (Duration::ZERO, Duration::from_secs(60));
/// assert_eq!(ticket.admit(now, patience), Admission::Send);
///
/// // Send a request, and describe what came of it.
/// let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
/// exchange.on_response(StatusCode::BAD_GATEWAY);
///
/// let elapsed = Duration::ZERO;
/// let verdict = retry.next(&exchange, elapsed, || 0.5);
/// let verdict = ticket.on_attempt(&exchange, verdict, now, 0.5);
/// assert_eq!(verdict, Verdict::Wait(Duration::from_millis(1250)));
/// ```
#[derive(Debug)]
#[must_use = "dropping it gives its place away"]
pub struct Ticket<'u> {
    scope: Scope<'u>,
    /// State that few calls need, so that all others stay small.
    held: Option<Box<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    place: Option<Place>,
    has_token: bool,
    is_probe: bool,
    /// The time at which the attempt was admitted. Its requests are sent then or later.
    admitted_at: Duration,
}

/// Tells a call whether it may send its next attempt: see [`Ticket::admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the attempt may have to wait"]
#[non_exhaustive]
pub enum Admission {
    /// Send the attempt.
    Send,
    /// Wait for this long, then call [`Ticket::admit`] again.
    Wait(Duration),
    /// Send nothing, and fail with a timeout: the call got no turn for as long as it may wait.
    Expired,
    /// Send nothing, and answer with the server's last refusal. Only an upstream with
    /// [`answer_locally`](crate::Upstream::answer_locally) returns this.
    Refused {
        /// The status of the last refusal, or 429 if that status was below 400.
        status: StatusCode,
        /// The rest of the wait that the server asked for, at least a second.
        retry_after: Duration,
    },
}

impl<'u> Ticket<'u> {
    #[inline]
    pub(super) const fn new(scope: Scope<'u>) -> Self {
        Self { scope, held: None }
    }

    /// Returns the scope of the call.
    #[inline]
    pub const fn scope(&self) -> Scope<'u> {
        self.scope
    }

    /// Decides whether the next attempt may be sent now. Call this method before each attempt, and
    /// again after each wait that it returns.
    ///
    /// `at_most` is the longest time that the call may wait for this attempt, counted from its
    /// first call of this method. Calls that may not wait as long as the server has asked for are
    /// sent one at a time, at the learned rate, unless the upstream has
    /// [`answer_locally`](crate::Upstream::answer_locally).
    #[inline]
    pub fn admit(&mut self, now: Duration, at_most: Duration) -> Admission {
        if self.held.is_none() && self.scope.upstream.is_idle() {
            return Admission::Send;
        }
        self.admit_slowly(now, at_most)
    }

    #[cold]
    fn admit_slowly(&mut self, now: Duration, at_most: Duration) -> Admission {
        let Scope { upstream, key } = self.scope;
        let impatient = if upstream.answers_locally { Impatient::Expire } else { Impatient::Probe };
        let held = self.held.get_or_insert_default();
        let (answer, refused) = upstream.with_state(|state| {
            state.pass(upstream.rates.as_ref(), now);
            let answer = |cooldown: &mut super::Cooldown, calls: &mut _| {
                let answer = cooldown.admit(&mut held.place, now, at_most, impatient, calls);
                let retry_after = cooldown.remaining(now).unwrap_or_default();
                (answer, Some((cooldown.refused(), retry_after)))
            };
            let (answer, refused) = state.with_cooldown(key, answer).unwrap_or((Answer::Go, None));
            if matches!(answer, Answer::Go | Answer::Probe) {
                state.admitted_at = state.admitted_at.max(now);
            }
            (answer, refused)
        });
        match answer {
            Answer::Wait(wait) => return Admission::Wait(wait),
            Answer::Expired if upstream.answers_locally => {
                let (status, retry_after) = refused.unwrap_or_default();
                let status = status.filter(|status| status.as_u16() >= 400);
                return Admission::Refused {
                    status: status.unwrap_or(StatusCode::TOO_MANY_REQUESTS),
                    retry_after: retry_after.max(Duration::from_secs(1)),
                };
            }
            Answer::Expired => return Admission::Expired,
            Answer::Go | Answer::Probe => {}
        }
        // The place is taken already, and the token is spent.
        **held = Held { is_probe: answer == Answer::Probe, admitted_at: now, ..Held::default() };
        Admission::Send
    }

    /// Makes a call that waits ask again when its turn comes earlier than it was told. Returns
    /// `true` if it is to ask now.
    pub(crate) fn set_waker(&self, waker: &Waker) -> bool {
        let Some(place) = self.held.as_ref().and_then(|held| held.place.as_ref()) else { return true };
        let Scope { upstream, key } = self.scope;
        // Cloned and dropped under no lock, as it may run anything.
        let waker = &mut Some(waker.clone());
        upstream
            .with_state(|state| {
                state.with_cooldown(key, |cooldown, calls| {
                    waker.take().is_none_or(|waker| cooldown.set_waker(place, waker, calls))
                })
            })
            .unwrap_or(true)
    }

    /// Records the end of an attempt. `exchange` describes the request that decides, and `verdict`
    /// is the result of [`Retry::next`](crate::Retry::next). Returns `verdict`, or [`Stop::Budget`]
    /// if the retry needs a token and there is none.
    ///
    /// Each retry withdraws a token, with two exceptions. A retry after a 202 is free. A retry
    /// after a refusal is free if the upstream has a cooldown, unless the server let no request
    /// through between its last two refusals. Refusals of requests that were sent before the
    /// current hint came do not count as one of these two.
    ///
    /// A *refusal* is a failure that the policy retries and that has a hint: a response with a
    /// status of 400 or above, or an error with
    /// [`HttpFailure::retry_after`](crate::HttpFailure::retry_after). If the hint is about a quota,
    /// the policy does not name its header, and no header says that nothing of the quota remains,
    /// only a 403, a 429 or a 503 is a refusal.
    ///
    /// `random` is a random number that is uniform in `[0, 1)`. It makes processes that got the
    /// same hint send again at different times.
    #[must_use = "the budget may have ended the call"]
    pub fn on_attempt(
        &mut self,
        exchange: &Exchange,
        verdict: Verdict,
        now: Duration,
        random: f64,
    ) -> Verdict {
        if exchange.is_unsent() {
            return verdict;
        }
        self.end_probe();
        let upstream = self.scope.upstream;
        let is_retried = !matches!(verdict, Verdict::Stop(Stop::NotRetryable | Stop::Never));
        let hint = exchange.refusal_hint().filter(|_| is_retried);
        if let Some(hint) = hint {
            self.refuse(exchange.status(), hint, now, random);
        }
        // A server that lets nothing through is not limited but down: its hints pay for nothing.
        let is_free = (hint.is_some() && upstream.has_cooldown && !self.is_down())
            || exchange.status() == Some(StatusCode::ACCEPTED);
        match verdict {
            Verdict::Wait(_) if !is_free && !self.withdraw(now) => return Verdict::Stop(Stop::Budget),
            Verdict::Stop(_) if hint.is_none() && is_served(exchange) => self.on_success(now),
            Verdict::Wait(_) if hint.is_none() && is_polled(exchange) => self.on_poll(now),
            _ => {}
        }
        verdict
    }

    /// Records that the server handled the request, which adds to the budget. Any response shows
    /// this, even a 404, except a 429, a 5xx or a refusal. If the request was sent after the
    /// current hint had come, the hint ends.
    ///
    /// [`on_attempt`](Self::on_attempt) does this itself.
    #[inline]
    pub fn on_success(&mut self, now: Duration) {
        if self.held.is_some() || !self.scope.upstream.is_idle() {
            self.succeed(self.scope.upstream.rates.as_ref(), now);
        }
    }

    /// Records that the server answered 202, and is asked again: it takes requests, but nothing is
    /// done yet that would deposit a token.
    fn on_poll(&mut self, now: Duration) {
        if self.held.is_some() || !self.scope.upstream.is_idle() {
            self.succeed(None, now);
        }
    }

    #[cold]
    fn succeed(&mut self, deposits: Option<&Rates>, now: Duration) {
        self.end_probe();
        let (Scope { upstream, key }, sent_at) = (self.scope, self.sent_at());
        let ends_hint = upstream.with_state(|state| {
            if let Some(rates) = deposits {
                state.budget.deposit(rates, now);
            }
            state.with_cooldown(key, |cooldown, calls| cooldown.on_success(sent_at, now, calls))
        });
        if ends_hint == Some(true) {
            upstream.tell(key, Word { now, left: Duration::ZERO });
        }
    }

    /// Records that the server refused the request and asked to wait for `hint`. All calls of the
    /// scope wait for that long, up to the upstream's [`longest`](crate::Upstream::longest) wait. A
    /// hint that ends before the current one counts only if the request was sent after the current
    /// one had come.
    ///
    /// `random` is as for [`on_attempt`](Self::on_attempt), which does this itself.
    pub fn on_refusal(&mut self, status: StatusCode, hint: Duration, now: Duration, random: f64) {
        self.end_probe();
        self.refuse(Some(status), hint, now, random);
    }

    fn refuse(&self, status: Option<StatusCode>, hint: Duration, now: Duration, random: f64) {
        let Scope { upstream, key } = self.scope;
        if !upstream.has_cooldown {
            return;
        }
        let left = hint.min(upstream.longest);
        let (sent_at, until) = (self.sent_at(), now.saturating_add(left));
        let counts = upstream.with_state(|state| {
            let refusal = Refusal { status, sent_at, told_at: state.told_at(now), until };
            state.with_new_cooldown(key, now, |cooldown, calls| {
                cooldown.on_refusal(refusal, now, random, calls)
            })
        });
        if counts {
            upstream.tell(key, Word { now, left });
        }
    }

    /// Records that the call begins at `now`, in an attempt that the upstream has admitted.
    pub(crate) fn begin_admitted(&mut self, now: Duration) {
        self.held.get_or_insert_default().admitted_at = now;
        self.scope.upstream.with_state(|state| state.admitted_at = state.admitted_at.max(now));
    }

    /// Withdraws a token for a retry. Returns `false` if there is none, and the call should then
    /// end. The token is put back if the ticket is dropped before the next attempt is admitted.
    ///
    /// [`on_attempt`](Self::on_attempt) does this itself.
    #[must_use = "a retry without a token is not to be made"]
    pub fn withdraw(&mut self, now: Duration) -> bool {
        let upstream = self.scope.upstream;
        let Some(rates) = &upstream.rates else { return true };
        let has_token = upstream.with_state(|state| state.budget.withdraw(rates, now));
        if has_token {
            self.held.get_or_insert_default().has_token = true;
        }
        has_token
    }

    /// Spends the token, as an admission does. That would take the lock once more.
    #[cfg(all(test, retry_loom))]
    pub(super) fn spend(&mut self) {
        self.held = None;
    }

    /// Returns a time before which no request of the attempt was sent.
    fn sent_at(&self) -> Duration {
        // A call that found the upstream idle was sent before any hint that is known now.
        self.held.as_ref().map_or(Duration::ZERO, |held| held.admitted_at)
    }

    fn is_down(&self) -> bool {
        let Scope { upstream, key } = self.scope;
        let is_down = |state: &mut super::State| state.with_cooldown(key, |cooldown, _| cooldown.is_down());
        upstream.with_state(is_down).unwrap_or(false)
    }

    /// Records that the attempt is over, whatever came of it.
    pub(crate) fn end_probe(&mut self) {
        let Some(held) = self.held.as_mut().filter(|held| held.is_probe) else { return };
        held.is_probe = false;
        let (Scope { upstream, key }, went_at) = (self.scope, held.admitted_at);
        upstream.with_state(|state| {
            state.with_cooldown(key, |cooldown, calls| cooldown.end_probe(went_at, calls))
        });
    }

    #[cold]
    fn give_back(&mut self) {
        self.end_probe();
        let Some(held) = self.held.take().filter(|held| held.has_token || held.place.is_some()) else {
            return;
        };
        let Scope { upstream, key } = self.scope;
        upstream.with_state(|state| {
            if held.has_token {
                state.budget.put_back();
            }
            if let Some(place) = &held.place {
                state.with_cooldown(key, |cooldown, calls| cooldown.leave(place, calls));
            }
        });
    }
}

impl Drop for Ticket<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.held.is_some() {
            self.give_back();
        }
    }
}

/// Returns `true` if the server has answered 202, which the call polls.
fn is_polled(exchange: &Exchange) -> bool {
    exchange.status() == Some(StatusCode::ACCEPTED) && is_served(exchange)
}

/// Returns `true` if the server did its part, even if the caller has an error: it did with a 404.
/// Without a status it did if the attempt succeeded.
fn is_served(exchange: &Exchange) -> bool {
    let is_good = match exchange.status() {
        Some(status) => !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS,
        None => exchange.has_succeeded(),
    };
    is_good && exchange.failures().is_empty() && !exchange.is_from_elsewhere()
}
