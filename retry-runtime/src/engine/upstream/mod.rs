//! Shares between all calls to one service a budget of retries and the waits that it asked for.
//!
//! `now` is the time since any fixed moment on a monotonic clock, the same moment for all uses of
//! one upstream. Wakers are collected under the lock and woken after it, since they may run
//! anything, the drop of a call that holds a ticket included.

mod budget;
mod cooldown;
mod lane;
mod pace;
mod queue;
mod ticket;
mod wakers;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::time::Duration;

use crate::engine::recorder::hash;
use budget::{Budget, Rates};
use cooldown::Cooldown;
use sync::{AtomicBool, Mutex, Ordering, PoisonError};
pub use ticket::{Admission, Ticket};
use wakers::Wakers;

/// The longest wait that is believed, unless the upstream says otherwise.
const LONGEST: Duration = Duration::from_secs(300);
/// The number of scopes whose cooldowns are kept.
const MOST_SCOPES: usize = 1024;
/// The interval in which the cooldowns of scopes that are over are swept out.
const SWEEP: Duration = Duration::from_secs(1);

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
///   (see [`Ticket::on_attempt`]). The budget starts with ten tokens and holds no more. Each
///   success adds 0.1 token, and each second adds 0.05. If there is no token for a retry, the call
///   ends with its last outcome. A failing server therefore gets few retries, whatever the policies
///   of its callers say.
/// * **Cooldown:** if the server refuses a request and says how long to wait (a *hint*), all calls
///   wait for that long, first attempts included. After that they are sent one after the other, at
///   a rate that is learned from how many requests the server answers between its refusals. In
///   terms of a circuit breaker: closed while all calls are sent, open while none is, half-open
///   while they are sent one after the other.
///
/// Put the upstream into a `static`, or into a field of a value that all calls share. Do not use a
/// `const`, since each use of a `const` is another upstream. Give each test an upstream of its own.
/// While the upstream is idle, a call takes no lock: it reads one atomic
/// ([`is_idle`](Self::is_idle)).
///
/// ```
/// use retry_http::{HttpFailure, Upstream, retry_http};
///
/// static GITHUB: Upstream = Upstream::new("github");
/// # struct ApiError;
/// # impl HttpFailure for ApiError {}
///
/// #[retry_http(upstream = GITHUB)]
/// async fn user(id: u64) -> Result<String, ApiError> {
///     // Send a request to GitHub.
///     # _ = id;
///     # Err(ApiError)
/// }
/// ```
///
/// # Without the attribute
///
/// A call asks its [`Ticket`] before each attempt, and reports the result after it. `now` is the
/// time since a fixed moment, by a monotonic clock. All uses of one upstream must count from the
/// same moment.
///
/// ```
/// use http::StatusCode;
/// use retry_http::{Admission, Upstream};
/// use std::time::Duration;
///
/// static GITHUB: Upstream = Upstream::new("github");
/// let (now, patience) = (Duration::ZERO, Duration::from_secs(60));
///
/// // No call waits until the server asks for it.
/// assert!(GITHUB.is_idle());
/// GITHUB.ticket().on_refusal(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(9), now, 0.5);
///
/// // From then on a call waits, and asks again with its ticket, until it may go.
/// let (mut ticket, mut later) = (GITHUB.ticket(), now);
/// while let Admission::Wait(wait) = ticket.admit(later, patience) {
///     later += wait;
/// }
/// assert!(later >= Duration::from_secs(9));
///
/// // A retry that the server did not ask for needs a token.
/// assert!(ticket.withdraw(later));
/// ```
#[derive(Debug)]
pub struct Upstream {
    name: &'static str,
    rates: Option<Rates>,
    has_cooldown: bool,
    longest: Duration,
    answers_locally: bool,
    /// `true` if `state` is idle: without a cooldown, and with a full bucket. Written only under
    /// the lock, and so never behind `state`.
    is_idle: AtomicBool,
    state: Mutex<State>,
    hook: OnceLock<Hook>,
}

/// A function that is called with each word of the server that counts.
struct Hook(Box<dyn Fn(Word) + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// The last hint or success of a server, which says when it takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The time at which it said so.
    pub(crate) now: Duration,
    /// The wait from then on, zero if it takes requests.
    pub(crate) left: Duration,
}

/// A part of an [`Upstream`] with a cooldown of its own, from [`Upstream::scope`].
#[derive(Clone, Copy, Debug)]
pub struct Scope<'u> {
    upstream: &'u Upstream,
    /// A hash of the name. `None` for what is in no scope.
    key: Option<NonZeroU64>,
}

#[derive(Debug)]
pub(crate) struct State {
    budget: Budget,
    cooldown: Cooldown,
    /// The cooldowns of scopes that are not closed.
    scopes: BTreeMap<NonZeroU64, Cooldown>,
    swept_at: Duration,
    /// The time of the last admission.
    admitted_at: Duration,
    /// A number that no call has got in a queue of a scope that was forgotten.
    next_number: u64,
    /// The wakers that have left a queue, until the lock is free.
    calls: Wakers,
}

impl Upstream {
    unless_loom! {
        /// Creates an upstream with the default budget and with a cooldown. The processes of a
        /// `Fleet` share the cooldowns of upstreams with the same name.
        pub fn new(name: &'static str) -> Self {
            Self {
                name,
                rates: Some(Rates::new(0.1, 0.05, 10)),
                has_cooldown: true,
                longest: LONGEST,
                answers_locally: false,
                is_idle: AtomicBool::new(true),
                state: Mutex::new(State::IDLE),
                hook: OnceLock::new(),
            }
        }
    }

    /// Sets the budget, in tokens. Each retry takes one token. Each success adds `per_success`
    /// tokens (0.1 by default), and each second adds `per_second` (0.05 by default). The budget
    /// holds up to `burst` tokens (10 by default), and 0 counts as 1.
    ///
    /// A negative rate or NaN counts as 0.
    #[must_use]
    pub const fn budget(mut self, per_success: f64, per_second: f64, burst: u32) -> Self {
        self.rates = Some(Rates::new(per_success, per_second, burst));
        self
    }

    /// Turns the budget off. Retries then need no tokens.
    #[must_use]
    pub const fn without_budget(mut self) -> Self {
        self.rates = None;
        self
    }

    /// Turns the cooldown off. A hint then delays only the call that got it, and the retry after a
    /// hint needs a token.
    #[must_use]
    pub const fn without_cooldown(mut self) -> Self {
        self.has_cooldown = false;
        self
    }

    /// Sets the longest time for which a hint holds calls back. The default is 5 minutes. After
    /// that time calls are sent again, even if the server has asked for more. The limit also
    /// applies to hints from other processes of a fleet.
    #[must_use]
    pub const fn longest(mut self, wait: Duration) -> Self {
        self.longest = wait;
        self
    }

    /// Answers a call with the server's last refusal, and sends nothing, if the call may not wait
    /// as long as the server has asked for. By default such calls are sent one at a time, at the
    /// learned rate. The requests of a call that gets no turn in its time fail with a timeout.
    ///
    /// The answer has the status of the refusal (429 if that was below 400), a `Retry-After` with
    /// the rest of the wait, the URL of the request, no body, and the header
    /// `retry-http-answer: local`. A web service that forwards the answer thus responds at once,
    /// and the server gets no request.
    #[must_use]
    pub const fn answer_locally(mut self) -> Self {
        self.answers_locally = true;
        self
    }

    /// Returns the name of the upstream.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns `true` if no cooldown is on and the budget is full. This is one atomic read.
    ///
    /// A call that begins while the upstream is idle need not call [`admit`](Ticket::admit), nor
    /// [`on_success`](Ticket::on_success) if its first attempt succeeds.
    #[inline]
    pub fn is_idle(&self) -> bool {
        // The state itself is read under the lock, so no order is needed.
        self.is_idle.load(Ordering::Relaxed)
    }

    /// Returns a ticket for one call, which is in no scope.
    #[inline]
    pub const fn ticket(&self) -> Ticket<'_> {
        Ticket::new(self.all())
    }

    /// Returns the scope with this name: a part of the upstream that shares its budget and has a
    /// cooldown of its own. Use scopes if the server limits each of its endpoints separately. A
    /// hint in answer to a call in a scope holds back the calls in that scope, and no others. A
    /// name may be any value that implements [`Hash`].
    ///
    /// Making a scope computes a hash and allocates nothing. The upstream keeps the state of a
    /// scope only during its cooldown, and of at most 1,024 scopes. If there are more, it forgets
    /// the scope with the shortest remaining wait, whose calls are then sent.
    ///
    /// ```
    /// use http::StatusCode;
    /// use retry_http::Upstream;
    /// use std::time::Duration;
    ///
    /// static DISCORD: Upstream = Upstream::new("discord");
    ///
    /// // As in `#[retry_http(upstream = DISCORD.scope(("messages", channel)))]`.
    /// let (hint, now) = (Duration::from_secs(9), Duration::ZERO);
    /// DISCORD.scope(("messages", 1)).ticket().on_refusal(StatusCode::TOO_MANY_REQUESTS, hint, now, 0.5);
    /// assert_eq!(DISCORD.scope(("messages", 1)).remaining_cooldown_at(now), Some(hint));
    /// assert_eq!(DISCORD.scope(("messages", 2)).remaining_cooldown_at(now), None);
    /// ```
    pub fn scope(&self, name: impl Hash) -> Scope<'_> {
        Scope { upstream: self, key: NonZeroU64::new(hash(&name)) }
    }

    /// Returns what is in no scope.
    #[inline]
    pub(crate) const fn all(&self) -> Scope<'_> {
        Scope { upstream: self, key: None }
    }

    /// Makes all calls wait until `left` from `now`, but at most for the longest wait, or not at
    /// all if that is zero, because another process of the fleet was told so last.
    ///
    /// `random` is as for [`Ticket::on_attempt`].
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet hears"))]
    pub(crate) fn hear(&self, word: Word, random: f64) {
        if !self.has_cooldown {
            return;
        }
        let Word { now, left } = word;
        let left = left.min(self.longest);
        self.with_state(|state| {
            if left.is_zero() {
                state.with_cooldown(None, |cooldown, calls| cooldown.end_hint(now, calls));
            } else {
                let (until, told_at) = (now.saturating_add(left), state.told_at(now));
                state.with_cooldown(None, |cooldown, calls| {
                    cooldown.open(now, told_at, until, random, calls);
                });
            }
        });
    }

    /// Returns the longest wait that is believed.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet asks"))]
    pub(crate) const fn longest_wait(&self) -> Duration {
        self.longest
    }

    /// Returns the rest of the wait that the server has asked for, or `None` if that wait is over.
    /// A call may have to wait longer, until its turn comes. `now` is of the clock by which the
    /// tickets are used; for an upstream of annotated functions, use
    /// [`remaining_cooldown`](Self::remaining_cooldown).
    pub fn remaining_cooldown_at(&self, now: Duration) -> Option<Duration> {
        self.all().remaining_cooldown_at(now)
    }

    /// Sets the function that is called with each word of the server that counts. Returns `false`
    /// if one is set already.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet sets a hook"))]
    pub(crate) fn set_hook(&self, call: Box<dyn Fn(Word) + Send + Sync>) -> bool {
        self.hook.set(Hook(call)).is_ok()
    }

    /// Tells the hook of a word. A scope is not shared.
    fn tell(&self, key: Option<NonZeroU64>, word: Word) {
        if let (None, Some(Hook(call))) = (key, self.hook.get()) {
            call(word);
        }
    }

    fn with_state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        // Nothing panics under the lock, and each step leaves the state whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = with(&mut state);
        self.is_idle.store(state.is_idle(), Ordering::Relaxed);
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        calls.release();
        result
    }
}

impl<'u> Scope<'u> {
    /// Returns a ticket for one call in this scope.
    #[inline]
    pub const fn ticket(self) -> Ticket<'u> {
        Ticket::new(self)
    }

    /// Returns the upstream of which this scope is a part.
    #[inline]
    pub const fn upstream(self) -> &'u Upstream {
        self.upstream
    }

    /// Returns the rest of the wait that the server has asked for in this scope, or `None` if that
    /// wait is over. `now` is of the clock by which the tickets are used; for an upstream of
    /// annotated functions, use [`remaining_cooldown`](Self::remaining_cooldown).
    pub fn remaining_cooldown_at(self, now: Duration) -> Option<Duration> {
        if self.upstream.is_idle() {
            return None;
        }
        let remaining = |cooldown: &mut Cooldown, _: &mut _| cooldown.remaining(now);
        self.upstream.with_state(|state| state.with_cooldown(self.key, remaining)).flatten()
    }

    /// Returns the hash of the name.
    #[inline]
    pub(crate) const fn key(self) -> Option<NonZeroU64> {
        self.key
    }
}

impl State {
    const IDLE: Self = Self {
        budget: Budget::FULL,
        cooldown: Cooldown::CLOSED,
        scopes: BTreeMap::new(),
        swept_at: Duration::ZERO,
        admitted_at: Duration::ZERO,
        next_number: 0,
        calls: Wakers::NONE,
    };

    fn is_idle(&self) -> bool {
        self.budget.is_full() && self.cooldown.is_closed() && self.scopes.is_empty()
    }

    /// Lets time pass: it fills the budget, and ends the cooldowns of scopes.
    fn pass(&mut self, rates: Option<&Rates>, now: Duration) {
        if let Some(rates) = rates {
            self.budget.refill(rates, now);
        }
        self.cooldown.close_if_quiet(now);
        if !self.scopes.is_empty() && now >= self.swept_at.saturating_add(SWEEP) {
            self.swept_at = now;
            self.scopes.retain(|_, cooldown| !cooldown.close_if_quiet(now));
        }
    }

    /// Returns the time at which a hint that came at `now` counts as known. Another thread may have
    /// admitted a call since `now`: that call did not know of the hint, so its success shows
    /// nothing about it.
    fn told_at(&self, now: Duration) -> Duration {
        now.max(self.admitted_at)
    }

    /// Calls `with` on the cooldown of a scope, unless that is closed.
    fn with_cooldown<T>(
        &mut self,
        key: Option<NonZeroU64>,
        with: impl FnOnce(&mut Cooldown, &mut Wakers) -> T,
    ) -> Option<T> {
        let cooldown = match key {
            None => Some(&mut self.cooldown),
            Some(key) => self.scopes.get_mut(&key),
        };
        cooldown.map(|cooldown| with(cooldown, &mut self.calls))
    }

    /// Calls `with` on the cooldown of a scope, which may open it.
    fn with_new_cooldown<T>(
        &mut self,
        key: Option<NonZeroU64>,
        now: Duration,
        with: impl FnOnce(&mut Cooldown, &mut Wakers) -> T,
    ) -> T {
        let cooldown = match key {
            None => &mut self.cooldown,
            Some(key) => {
                if self.scopes.len() >= MOST_SCOPES && !self.scopes.contains_key(&key) {
                    self.forget_one(now);
                }
                let next_number = self.next_number;
                self.scopes.entry(key).or_insert_with(|| Cooldown::numbered_from(next_number))
            }
        };
        with(cooldown, &mut self.calls)
    }

    /// Forgets the scope that holds calls back for the shortest time. Its calls go when they ask
    /// again.
    fn forget_one(&mut self, now: Duration) {
        let shortest = self.scopes.iter().min_by_key(|(_, cooldown)| cooldown.remaining(now));
        if let Some(key) = shortest.map(|(key, _)| *key) {
            if let Some(mut cooldown) = self.scopes.remove(&key) {
                self.next_number = self.next_number.max(cooldown.next_number());
                cooldown.call_all(&mut self.calls);
            }
        }
    }
}

mod sync {
    #[cfg(all(test, retry_loom))]
    pub(super) use loom::sync::Mutex;
    #[cfg(all(test, retry_loom))]
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
    #[cfg(not(all(test, retry_loom)))]
    pub(super) use std::sync::Mutex;
    pub(super) use std::sync::PoisonError;
    #[cfg(not(all(test, retry_loom)))]
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
}

#[cfg(all(test, retry_loom))]
mod loom_tests;
#[cfg(all(test, not(retry_loom)))]
mod model_tests;
#[cfg(all(test, not(retry_loom)))]
mod tests;
