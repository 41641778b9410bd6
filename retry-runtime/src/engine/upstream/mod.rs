//! Shares between all calls to one service a budget of retries and the waits that it asked for.
//!
//! `now` is the time since any fixed moment on a monotonic clock, the same moment for all uses of
//! one upstream.

mod budget;
mod cooldown;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;

use crate::engine::exchange::Exchange;
use crate::engine::retry::{Stop, Verdict};
use budget::{Budget, Rates};
use cooldown::Cooldown;
pub use cooldown::Ticket;
use sync::{AtomicBool, Mutex, MutexGuard, Ordering, PoisonError};

/// Makes a `const fn`, except under loom, whose atomics cannot be made in a `const`.
macro_rules! unless_loom {
    ($(#[$attribute:meta])* pub fn $($rest:tt)*) => {
        $(#[$attribute])*
        #[cfg(not(all(test, retry_loom)))]
        pub const fn $($rest)*

        $(#[$attribute])*
        #[cfg(all(test, retry_loom))]
        pub fn $($rest)*
    };
}

/// Limits the retries of all calls to one service together, so that they do not overload it.
///
/// * **Budget:** each retry takes a token from the budget, unless the server asked for the retry
///   (see [`on_attempt`](Self::on_attempt)). Each success adds a tenth of a token, every twenty
///   seconds add one, and the budget holds ten. If a retry finds no token, the call ends with its
///   last outcome. So a server that fails gets few retries, whatever the policies of its callers
///   say.
/// * **Cooldown:** after a 429 or 503 with a hint all calls wait for that long, first attempts too.
///   Then they go one after the other. How fast depends on how many requests the server answers
///   between its refusals.
///
/// Put it into a `static`, or into a field of something that all calls share. Each use of a `const`
/// would be another upstream. Tests that run at the same time need one each. While the upstream is
/// idle, it costs a call one atomic read ([`is_idle`](Self::is_idle)).
///
/// ```
/// use retry_http::{Ticket, Upstream};
/// use std::time::Duration;
///
/// static GITHUB: Upstream = Upstream::new("github");
/// let (now, patience) = (Duration::ZERO, Duration::from_secs(60));
///
/// // No call waits until the server asks for it.
/// assert!(GITHUB.is_idle());
/// GITHUB.on_refusal(now, Duration::from_secs(9), 0.5);
///
/// // From then on a call waits, and asks again with its ticket, until it may go.
/// let (mut ticket, mut later) = (Ticket::default(), now);
/// while let Some(wait) = GITHUB.admit(&mut ticket, later, patience) {
///     later += wait;
/// }
/// assert!(later >= Duration::from_secs(9));
///
/// // A call that may not wait that long goes at once, and gets the server's own response.
/// assert_eq!(GITHUB.admit(&mut Ticket::default(), now, Duration::from_secs(1)), None);
/// // A retry that the server did not ask for needs a token.
/// assert!(GITHUB.withdraw(now));
/// ```
#[derive(Debug)]
pub struct Upstream {
    name: &'static str,
    rates: Option<Rates>,
    has_cooldown: bool,
    /// `true` if `state` is idle: without a cooldown, and with a full bucket. Written only under
    /// the lock, and so never behind `state`.
    is_idle: AtomicBool,
    state: Mutex<State>,
    refusal_hook: OnceLock<RefusalHook>,
}

/// A function that is called with each refusal: with the time, and the wait that the server asked
/// for.
struct RefusalHook(Box<dyn Fn(Duration, Duration) + Send + Sync>);

impl fmt::Debug for RefusalHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalHook")
    }
}

#[derive(Debug)]
struct State {
    budget: Budget,
    cooldown: Cooldown,
}

impl Upstream {
    unless_loom! {
        /// Makes an upstream with the name that logs and metrics show. Each success adds a tenth of
        /// a token to its budget, every twenty seconds add one, and the budget holds ten. Its
        /// cooldown is on.
        pub fn new(name: &'static str) -> Self {
            Self {
                name,
                rates: Some(Rates::new(0.1, 0.05, 10)),
                has_cooldown: true,
                is_idle: AtomicBool::new(true),
                state: Mutex::new(State { budget: Budget::FULL, cooldown: Cooldown::IDLE }),
                refusal_hook: OnceLock::new(),
            }
        }
    }

    /// Sets the budget in tokens: how many each success adds (default 0.1), how many each second
    /// adds (default 0.05), and how many the budget holds, at least 1 (default 10). A retry takes
    /// one.
    ///
    /// A negative number or NaN counts as 0.
    #[must_use]
    pub const fn budget(mut self, per_success: f64, per_second: f64, burst: u32) -> Self {
        self.rates = Some(Rates::new(per_success, per_second, burst));
        self
    }

    /// Turns the budget off, so that retries need no tokens.
    #[must_use]
    pub const fn without_budget(mut self) -> Self {
        self.rates = None;
        self
    }

    /// Turns the cooldown off, so that a hint delays only the call that got it. Retries after a
    /// hint then need a token too.
    #[must_use]
    pub const fn without_cooldown(mut self) -> Self {
        self.has_cooldown = false;
        self
    }

    /// Returns the name of the upstream.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns `true` if the upstream has no cooldown and a full budget. One atomic read.
    ///
    /// A call that begins while this is so needs no [`admit`](Self::admit), and if its first
    /// attempt succeeds, no [`on_success`](Self::on_success) either.
    #[inline]
    pub fn is_idle(&self) -> bool {
        // The state itself is read under the lock, so no order is needed.
        self.is_idle.load(Ordering::Relaxed)
    }

    /// Returns `None` if the attempt may be sent now. Otherwise returns how long to wait before
    /// calling this again with the same `ticket`, which keeps the call's place in the queue. Call
    /// it before each attempt.
    ///
    /// `at_most` is the longest time that the call may wait, counted from when it first asks. After
    /// that time the attempt may be sent. If the cooldown lasts longer than that, it may be sent at
    /// once: the caller then gets the server's own response. If a ticket is dropped while it waits,
    /// its turn passes unused.
    #[inline]
    #[must_use = "the attempt may have to wait"]
    pub fn admit(&self, ticket: &mut Ticket, now: Duration, at_most: Duration) -> Option<Duration> {
        if self.is_idle() {
            return None;
        }
        let mut state = self.lock();
        if let Some(rates) = &self.rates {
            state.budget.refill(rates, now);
        }
        state.cooldown.admit(ticket, now, at_most)
    }

    /// Records the end of an attempt. `exchange` is the request that counts, and `verdict` what
    /// [`Retry::next`](crate::Retry::next) returned. Returns `verdict`, or [`Stop::Budget`] if the
    /// retry needs a token and there is none.
    ///
    /// A retry withdraws a token. Two kinds of retry are free: after a 429 or 503 with a hint, if
    /// the cooldown is on and the server has let something through between its last two refusals;
    /// and after a 202. After the first refusal retries are free, too. A refusal during a cooldown
    /// answers an earlier request, and does not count as one of the two.
    ///
    /// `random` should be uniform in `[0, 1)`. It lets the processes of a fleet that got the same
    /// hint come back at different times.
    #[must_use = "the budget may have ended the call"]
    pub fn on_attempt(&self, exchange: &Exchange, verdict: Verdict, now: Duration, random: f64) -> Verdict {
        let refusal_hint = exchange.hint().filter(|hint| is_refusal(exchange) && !hint.is_zero());
        if let Some(hint) = refusal_hint {
            self.on_refusal(now, hint, random);
        }
        // A server that lets nothing through is not limited but down: its hints pay for nothing.
        let is_free = (refusal_hint.is_some() && self.has_cooldown && !self.lock().cooldown.is_down())
            || exchange.status() == Some(StatusCode::ACCEPTED);
        match verdict {
            Verdict::Wait(_) if !is_free && !self.withdraw(now) => return Verdict::Stop(Stop::Budget),
            Verdict::Stop(_) if is_served(exchange) => self.on_success(now),
            _ => {}
        }
        verdict
    }

    /// Records that the server handled a request: any response but 429 and 5xx, so also a 404.
    #[inline]
    pub fn on_success(&self, now: Duration) {
        if self.is_idle() {
            return;
        }
        let mut state = self.lock();
        if let Some(rates) = &self.rates {
            state.budget.deposit(rates, now);
        }
        state.cooldown.on_success(now);
    }

    /// Records that the server refused a request with 429 or 503 and asked to wait for `hint`. All
    /// calls wait for that long, but at most an hour. A longer cooldown is not shortened.
    ///
    /// `random` should be uniform in `[0, 1)`. It lets the processes of a fleet that got the same
    /// hint come back at different times.
    pub fn on_refusal(&self, now: Duration, hint: Duration, random: f64) {
        if self.has_cooldown {
            self.lock().cooldown.on_refusal(now, now.saturating_add(hint), random);
            if let Some(RefusalHook(call)) = self.refusal_hook.get() {
                call(now, hint.min(cooldown::LONGEST));
            }
        }
    }

    /// Takes a token for a retry from the budget. Returns `false` if there is none: then end the
    /// call.
    #[must_use = "a retry without a token is not to be made"]
    pub fn withdraw(&self, now: Duration) -> bool {
        self.rates.as_ref().is_none_or(|rates| self.lock().budget.withdraw(rates, now))
    }

    /// Makes all calls wait until `until`, but at most an hour from `now`, because another process
    /// of the fleet was asked to. A longer cooldown is not shortened.
    ///
    /// `random` is as for [`on_refusal`](Self::on_refusal).
    pub fn extend_cooldown(&self, now: Duration, until: Duration, random: f64) {
        if self.has_cooldown {
            self.lock().cooldown.extend(now, until, random);
        }
    }

    /// Returns how much longer the server wants no requests, or `None` if it takes them. A call may
    /// have to wait longer than that, until its turn comes.
    pub fn remaining_cooldown(&self, now: Duration) -> Option<Duration> {
        if self.is_idle() { None } else { self.lock().cooldown.remaining(now) }
    }

    /// Sets the function that is called with each refusal. Returns `false` if one is set already.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet sets a hook"))]
    pub(crate) fn set_refusal_hook(&self, call: Box<dyn Fn(Duration, Duration) + Send + Sync>) -> bool {
        self.refusal_hook.set(RefusalHook(call)).is_ok()
    }

    fn lock(&self) -> Locked<'_> {
        // Nothing panics under the lock, and each step leaves the state whole.
        Locked { is_idle: &self.is_idle, state: self.state.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// Returns `true` if the server says that it has too much to do (RFC 6585 §4, RFC 9110 §15.6.4).
fn is_refusal(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE))
}

/// Returns `true` if the server did its part, even if the caller has an error: it did with a 404.
/// Without a status it did if the attempt succeeded.
fn is_served(exchange: &Exchange) -> bool {
    let is_good = match exchange.status() {
        Some(status) => !status.is_server_error() && !is_refusal(exchange),
        None => exchange.has_succeeded(),
    };
    is_good && exchange.failures().is_empty()
}

/// The locked state. Dropping it updates `is_idle`.
struct Locked<'u> {
    is_idle: &'u AtomicBool,
    state: MutexGuard<'u, State>,
}

impl std::ops::Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let is_idle = self.state.budget.is_full() && self.state.cooldown.is_idle();
        self.is_idle.store(is_idle, Ordering::Relaxed);
    }
}

mod sync {
    #[cfg(all(test, retry_loom))]
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
    #[cfg(all(test, retry_loom))]
    pub(super) use loom::sync::{Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;
    #[cfg(not(all(test, retry_loom)))]
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
    #[cfg(not(all(test, retry_loom)))]
    pub(super) use std::sync::{Mutex, MutexGuard};
}

#[cfg(all(test, retry_loom))]
mod loom_tests;
#[cfg(all(test, not(retry_loom)))]
mod tests;
