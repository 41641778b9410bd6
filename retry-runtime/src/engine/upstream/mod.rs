//! What all calls to one service share: a budget of retries, and the waits that it asked for.
//!
//! No I/O, no clock, no randomness of its own, as the rest of the core. `now` is the time since any fixed moment on a
//! monotonic clock, the same moment for all uses of one upstream.

mod budget;
mod cooldown;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;

use crate::engine::exchange::Exchange;
use crate::engine::retry::{Stop, Verdict};
use budget::{Budget, Funding};
use cooldown::Cooldown;
pub use cooldown::Turn;
use sync::{AtomicBool, Mutex, MutexGuard, Ordering, PoisonError};

/// A `const fn`, but for loom, whose atomics are not made in a `const`.
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

/// What all calls to one service share, so that their retries together are no attack on it.
///
/// * **Budget:** each retry that the server did not ask for pays a token, and each success brings in a tenth of one. A
///   call that cannot pay ends.
///   So a server that fails is sent little more than what callers ask for, whatever their policies say.
/// * **Cooldown:** after a 429 or 503 with a hint all calls wait it out, first attempts too, and then come back one
///   after the other, at a pace that is learned from what the server lets through.
///
/// It is for a `static`, or a field of what all calls share, and not for a `const`, of which each use is another one. Tests that
/// run at the same time need one each. While all is well, it costs a call one atomic read ([`is_calm`](Self::is_calm)).
///
/// ```
/// use retry_runtime::{Turn, Upstream};
/// use std::time::Duration;
///
/// static GITHUB: Upstream = Upstream::new("github");
/// let (now, patience) = (Duration::ZERO, Duration::from_secs(60));
///
/// // Nobody waits, until the server asks for it.
/// assert!(GITHUB.is_calm());
/// GITHUB.refused(now, Duration::from_secs(9), 0.5);
///
/// // From then on a call waits, and asks again with the same turn, until it may go.
/// let (mut turn, mut later) = (Turn::default(), now);
/// while let Some(wait) = GITHUB.admit(&mut turn, later, patience) {
///     later += wait;
/// }
/// assert!(later >= Duration::from_secs(9));
///
/// // A call that may not wait that long goes, and gets the server's own answer.
/// assert_eq!(GITHUB.admit(&mut Turn::default(), now, Duration::from_secs(1)), None);
/// // A retry that the server did not ask for has to be paid for.
/// assert!(GITHUB.pay(now));
/// ```
#[derive(Debug)]
pub struct Upstream {
    name: &'static str,
    funding: Option<Funding>,
    cools: bool,
    /// Whether there is nothing in `state` to look at: it is open, with a full bucket. Written under the lock alone,
    /// and so never behind it.
    calm: AtomicBool,
    state: Mutex<State>,
    /// Is called with each refusal.
    on_refusal: OnceLock<OnRefusal>,
}

/// A function that is called with a refusal.
struct OnRefusal(Box<dyn Fn(Duration, Duration) + Send + Sync>);

impl fmt::Debug for OnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefusal")
    }
}

#[derive(Debug)]
struct State {
    budget: Budget,
    cooldown: Cooldown,
}

impl Upstream {
    unless_loom! {
        /// A service by the name under which logs and metrics show it, with the defaults: a tenth of a token for a
        /// success, one each twenty seconds in any case, at most ten; with cooldown.
        pub fn new(name: &'static str) -> Self {
            Self {
                name,
                funding: Some(Funding::new(0.1, 0.05, 10)),
                cools: true,
                calm: AtomicBool::new(true),
                state: Mutex::new(State { budget: Budget::FULL, cooldown: Cooldown::OPEN }),
                on_refusal: OnceLock::new(),
            }
        }
    }

    /// What pays for retries, in retries: the share that each success brings in (default 0.1), what comes in each
    /// second in any case (default 0.05), and how many can be saved up, at least 1 (default 10).
    ///
    /// Values that make no sense saturate: a negative share or NaN is 0.
    #[must_use]
    pub const fn budget(mut self, per_success: f64, per_second: f64, burst: u32) -> Self {
        self.funding = Some(Funding::new(per_success, per_second, burst));
        self
    }

    /// Retries need not be paid for.
    #[must_use]
    pub const fn without_budget(mut self) -> Self {
        self.funding = None;
        self
    }

    /// A hint holds back the call that got it, and no other.
    #[must_use]
    pub const fn without_cooldown(mut self) -> Self {
        self.cools = false;
        self
    }

    /// The name it was given.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is open, with nothing to wait for and nothing to pay in. One atomic read.
    ///
    /// A call for which this is so at its beginning needs no [`admit`](Self::admit), and if its first attempt succeeds
    /// no [`succeeded`](Self::succeeded) either: that alone is all that an upstream costs while all is well.
    #[inline]
    pub fn is_calm(&self) -> bool {
        // Nothing is read on the strength of it without the lock, so no order is needed.
        self.calm.load(Ordering::Relaxed)
    }

    /// Before each attempt: `None` is to go now, and otherwise how long to wait before asking again, with the same
    /// `turn`. A call keeps its place in the queue by its `turn`; one that is given up leaves a gap.
    ///
    /// `at_most` is the longest that the call may wait, counted from when it first asks. When that is over it goes,
    /// and gets the server's own answer; at once, where it is already less than the wait the server asked for.
    #[inline]
    #[must_use = "it may have to wait"]
    pub fn admit(&self, turn: &mut Turn, now: Duration, at_most: Duration) -> Option<Duration> {
        if self.is_calm() {
            return None;
        }
        let mut state = self.lock();
        if let Some(funding) = &self.funding {
            state.budget.refill(funding, now);
        }
        state.cooldown.admit(turn, now, at_most)
    }

    /// After each attempt, which `succeeded` or not: what the upstream has to learn of it, and what becomes of the verdict.
    ///
    /// A retry has to be paid for, or the call ends ([`Stop::Budget`]). Free are those that the server has asked for: a
    /// retry after a hint on 429 or 503 goes when its turn comes, unless nothing comes through at all; and a job that is not
    /// done yet (202) is only polled.
    pub fn after(
        &self,
        exchange: &Exchange,
        succeeded: bool,
        verdict: Verdict,
        now: Duration,
        random: f64,
    ) -> Verdict {
        let told = exchange.hint().filter(|hint| is_refused(exchange) && !hint.is_zero());
        if let Some(hint) = told {
            self.refused(now, hint, random);
        }
        let well = succeeded && !exchange.is_error() && exchange.failures().is_empty();
        let served = well || is_served(exchange);
        // A server that lets nothing through is not limited but down, and its hints do not pay for what it is sent.
        let free = (told.is_some() && self.cools && !self.lock().cooldown.is_down())
            || exchange.status() == Some(StatusCode::ACCEPTED);
        match verdict {
            Verdict::Wait(_) if !free && !self.pay(now) => return Verdict::Stop(Stop::Budget),
            Verdict::Stop(_) if served => self.succeeded(now),
            _ => {}
        }
        verdict
    }

    /// The server answered, and did not ask for a retry.
    #[inline]
    pub fn succeeded(&self, now: Duration) {
        if self.is_calm() {
            return;
        }
        let mut state = self.lock();
        if let Some(funding) = &self.funding {
            state.budget.fund(funding, now);
        }
        state.cooldown.succeeded(now);
    }

    /// Pays for a retry; where it cannot be paid for, the call is to end.
    #[must_use = "a retry that is not paid for is not to be made"]
    pub fn pay(&self, now: Duration) -> bool {
        self.funding.as_ref().is_none_or(|funding| self.lock().budget.pay(funding, now))
    }

    /// The server refused, with 429 or 503, and asked to wait for `hint`: until then nobody goes, and for an hour at
    /// most. What it asked for before is not shortened.
    ///
    /// `random`, uniform in `[0, 1)`, spreads the return of a fleet that was told the same.
    pub fn refused(&self, now: Duration, hint: Duration, random: f64) {
        if self.cools {
            self.lock().cooldown.refused(now, now.saturating_add(hint), random);
            if let Some(OnRefusal(call)) = self.on_refusal.get() {
                call(now, hint.min(cooldown::LONGEST));
            }
        }
    }

    /// Has `call` called with each refusal: the time, and the wait that the server asked for. Returns `false` if something
    /// else is called already.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "of a fleet"))]
    pub(crate) fn on_refusal(&self, call: Box<dyn Fn(Duration, Duration) + Send + Sync>) -> bool {
        self.on_refusal.set(OnRefusal(call)).is_ok()
    }

    /// Nobody goes before `until`, for what others of a fleet were told; an hour at most. Otherwise as
    /// [`refused`](Self::refused).
    pub fn cool_until(&self, now: Duration, until: Duration, random: f64) {
        if self.cools {
            self.lock().cooldown.close(now, until, random);
        }
    }

    /// How long it is still closed, because of a hint; calls may come back later than that.
    pub fn cooling(&self, now: Duration) -> Option<Duration> {
        if self.is_calm() { None } else { self.lock().cooldown.closed(now) }
    }

    fn lock(&self) -> Locked<'_> {
        // Nothing panics under the lock; and what it guards is whole after each step.
        Locked { calm: &self.calm, state: self.state.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// The statuses by which a server says that it has too much to do (RFC 6585 §4, RFC 9110 §15.6.4).
fn is_refused(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE))
}

/// Whether the server did its part, although the caller may have an error: a 404 is an answer.
fn is_served(exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| !status.is_server_error())
        && !is_refused(exchange)
        && exchange.failures().is_empty()
}

/// The state, for as long as nobody else looks at it. In the end `calm` says what has become of it.
struct Locked<'u> {
    calm: &'u AtomicBool,
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
        let calm = self.state.budget.is_full() && self.state.cooldown.is_open();
        self.calm.store(calm, Ordering::Relaxed);
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

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn it_is_calm_until_a_retry_is_paid_for_and_again_when_that_is_paid_in() {
        static UPSTREAM: Upstream = Upstream::new("a service").budget(0.5, 0.0, 2);
        assert_eq!(UPSTREAM.name(), "a service");
        assert!(UPSTREAM.is_calm());
        assert_eq!([(); 3].map(|()| UPSTREAM.pay(NOW)), [true, true, false]);
        for _ in 0..4 {
            assert!(!UPSTREAM.is_calm());
            UPSTREAM.succeeded(NOW);
        }
        assert!(UPSTREAM.is_calm());
    }

    #[test]
    fn the_floor_makes_it_calm_without_a_success() {
        let upstream = Upstream::new("a service").budget(0.0, 1.0, 2);
        assert!(upstream.pay(NOW));
        assert_eq!(upstream.admit(&mut Turn::default(), NOW * 2, PATIENCE), None);
        assert!(upstream.is_calm());
    }

    #[test]
    fn each_half_can_be_turned_off() {
        let upstream = Upstream::new("a service").without_budget().without_cooldown();
        upstream.refused(NOW, NOW, 0.0);
        upstream.cool_until(NOW, NOW * 2, 0.0);
        assert!((0..1000).all(|_| upstream.pay(NOW)));
        assert!(upstream.is_calm());
        assert_eq!(upstream.cooling(NOW), None);
    }

    #[test]
    fn what_a_fleet_was_told_holds_too() {
        let upstream = Upstream::new("a service");
        upstream.cool_until(NOW, NOW * 4, 0.0);
        assert_eq!(upstream.cooling(NOW), Some(NOW * 3));
        assert!(upstream.admit(&mut Turn::default(), NOW, PATIENCE).is_some());
        assert_eq!(upstream.cooling(NOW * 4), None);
    }
}

/// Every interleaving of what calls on several threads do.
#[cfg(all(test, retry_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    const NOW: Duration = Duration::from_secs(1);
    const LATER: Duration = Duration::from_secs(100_000);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Runs all at once, in every order, then looks at what has become of the upstream.
    fn explore<const N: usize>(
        upstream: fn() -> Upstream,
        threads: [fn(&Upstream) -> u32; N],
        check: fn(&Upstream, u32),
    ) {
        loom::model(move || {
            let upstream = Arc::new(upstream());
            let running = threads.map(|run| {
                let upstream = Arc::clone(&upstream);
                thread::spawn(move || run(&upstream))
            });
            let sum = running.into_iter().map(|thread| thread.join().unwrap()).sum();
            // What `calm` tells is so. Not by `lock`, which would put it right.
            let calm = {
                let state = upstream.state.lock().unwrap();
                state.budget.is_full() && state.cooldown.is_open()
            };
            assert_eq!(upstream.is_calm(), calm);
            check(&upstream, sum);
            // Never stuck: in the end all are let go, and it is calm.
            assert_eq!(upstream.admit(&mut Turn::default(), LATER, PATIENCE), None);
            assert!(upstream.is_calm());
        });
    }

    fn two_tokens() -> Upstream {
        Upstream::new("loom").budget(1.0, 1.0, 2)
    }

    fn pay(upstream: &Upstream) -> u32 {
        u32::from(upstream.pay(NOW))
    }

    fn succeed(upstream: &Upstream) -> u32 {
        upstream.succeeded(NOW);
        0
    }

    #[test]
    fn loom_no_token_is_paid_twice() {
        explore(two_tokens, [pay, pay, pay], |upstream, paid| {
            assert_eq!(paid, 2);
            assert!(!upstream.pay(NOW));
        });
    }

    #[test]
    fn loom_no_payment_is_lost() {
        // A success is worth nothing while the bucket is full, so one or two are left; never more than it holds.
        explore(two_tokens, [pay, succeed, pay], |upstream, paid| {
            assert_eq!(paid, 2);
            let left = (0..3).filter(|_| upstream.pay(NOW)).count();
            assert!(left <= 1, "{left}");
        });
        let one_missing = || {
            let upstream = two_tokens();
            assert!(upstream.pay(NOW));
            upstream
        };
        explore(one_missing, [pay, succeed, succeed], |upstream, paid| {
            assert_eq!(paid, 1);
            let left = (0..3).filter(|_| upstream.pay(NOW)).count();
            assert!(left == 1 || left == 2, "{left}");
        });
        let empty = || {
            let upstream = two_tokens();
            assert!(upstream.pay(NOW) && upstream.pay(NOW));
            upstream
        };
        explore(empty, [succeed, succeed, |_| 0], |upstream, _| {
            assert_eq!((0..3).filter(|_| upstream.pay(NOW)).count(), 2);
        });
    }

    #[test]
    fn loom_a_wait_is_never_shortened() {
        explore(
            || Upstream::new("loom"),
            [
                |upstream| {
                    upstream.refused(NOW, NOW * 5, 0.5);
                    // From here on nobody goes, whatever the others do.
                    u32::from(upstream.admit(&mut Turn::default(), NOW * 5, PATIENCE).is_some())
                },
                |upstream| {
                    upstream.refused(NOW, NOW * 2, 0.5);
                    0
                },
                |upstream| {
                    upstream.cool_until(NOW, NOW * 3, 0.5);
                    0
                },
            ],
            |upstream, waits| {
                assert_eq!(waits, 1);
                assert_eq!(upstream.cooling(NOW), Some(NOW * 5));
            },
        );
    }

    #[test]
    fn loom_budget_and_wait_do_not_hide_each_other() {
        explore(
            two_tokens,
            [pay, succeed, |upstream| {
                upstream.refused(NOW, NOW, 0.0);
                u32::from(upstream.is_calm())
            }],
            |upstream, _| assert!(!upstream.is_calm()),
        );
    }
}
