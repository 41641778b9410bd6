//! Tools for tests of annotated functions. A [`Kit`] skips and records waits, seeds jitter, and
//! turns retries off. A [`server`] answers and fails by script.
//!
//! A [`Kit`] applies to a thread ([`instant`], [`Kit::enter`]) or to a future ([`Kit::scope`]), and
//! to nothing else, so tests that run at the same time do not disturb each other. It neither stops
//! nor moves the clock of tokio or of the system: all other waits of a test take their usual time.
//!
//! ```
//! use retry_http::{HttpFailure, retry_http, testing};
//! use std::time::Duration;
//!
//! #[derive(Debug)]
//! struct ApiError(u16);
//!
//! impl HttpFailure for ApiError {
//!     fn status(&self) -> Option<u16> {
//!         Some(self.0)
//!     }
//! }
//!
//! #[retry_http(max = 2, jitter = none)]
//! async fn user() -> Result<String, ApiError> {
//!     Err(ApiError(429)) // in place of a request
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let kit = testing::instant();
//! user().await.unwrap_err();
//! assert_eq!(kit.waits(), [1, 2].map(Duration::from_secs));
//! assert_eq!(kit.attempts(), 3);
//! # });
//! ```

pub mod server;

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, StatusCode};
use pin_project_lite::pin_project;
use rand::distr::{Distribution, StandardUniform};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use retry_policy::FailureSet;

use crate::engine::retry::{Stop, Verdict};
use crate::observe::{Event, Step};

/// Records and skips the waits on this thread, until the returned guard is dropped.
///
/// Use this function in sync tests, and in async tests on a runtime with one thread
/// (`#[tokio::test]`), where it also applies to spawned tasks. Use [`Kit::scope`] in other async
/// tests.
///
/// ```
/// use retry_http::testing;
///
/// let kit = testing::instant();
/// // … call an annotated function, against a `testing::server` …
/// assert_eq!(kit.waits(), []);
/// ```
pub fn instant() -> Entered {
    Kit::new().enter()
}

/// Configures the calls of a test, and records their events. Clones share the recorded events.
///
/// By default waits are skipped, and jitter is random.
///
/// ```
/// use retry_http::testing::Kit;
///
/// let kit = Kit::new().seed(7).enter();
/// // … call an annotated function …
/// assert_eq!(kit.attempts(), 0);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is entered, or a future is in its scope"]
pub struct Kit {
    waiting: Waiting,
    retrying: Retrying,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Waiting {
    Skipped,
    Real,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Retrying {
    ByPolicy,
    Off,
}

#[derive(Debug, Default)]
struct State {
    random: Option<Box<Xoshiro256PlusPlus>>,
    events: Vec<RecordedEvent>,
    /// The time by which upstreams are ahead of the real clock.
    ahead: Duration,
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl Kit {
    /// Creates a kit that records and skips waits. A skipped wait still counts as time that has
    /// passed: for `deadline`, for `upstream`, and in [`Event::elapsed`].
    pub fn new() -> Self {
        Self { waiting: Waiting::Skipped, retrying: Retrying::ByPolicy, state: Arc::default() }
    }

    /// Seeds all randomness of calls: jitter, idempotency keys, and the spread after a cooldown.
    /// Every run of a test then gets the same values, but another version of this crate may give
    /// others.
    ///
    /// The waits for a turn of an upstream ([`Step::Held`]) also depend on the real clock. The
    /// values of calls that run at the same time depend on the order in which they run, which may
    /// differ between runs. Give each of these calls a kit of its own.
    pub fn seed(self, seed: u64) -> Self {
        self.state().random = Some(Box::new(Xoshiro256PlusPlus::seed_from_u64(seed)));
        self
    }

    /// Records waits without skipping them.
    pub fn real_time(mut self) -> Self {
        self.waiting = Waiting::Real;
        self
    }

    /// Turns retries off. A call that would retry ends with [`Stop::Exhausted`] instead.
    /// Credentials are still renewed.
    pub fn without_retries(mut self) -> Self {
        self.retrying = Retrying::Off;
        self
    }

    /// Applies the kit to this thread, until the returned guard is dropped. If several kits are
    /// entered, only the last one applies and records.
    pub fn enter(&self) -> Entered {
        ENTERED.with_borrow_mut(|kits| kits.push(self.clone()));
        Entered { kit: self.clone(), of_the_thread: PhantomData }
    }

    /// Applies the kit to `future`, on whatever thread it is polled, but not to the tasks that it
    /// spawns. To spawn a task with the kit, write `tokio::spawn(kit.scope(..))`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use retry_http::testing::Kit;
    ///
    /// let kit = Kit::new();
    /// kit.scope(async { /* call an annotated function */ }).await;
    /// assert_eq!(kit.waits(), []);
    /// # });
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { kits: vec![self.clone()], future }
    }

    /// Returns all waits, in the order in which they began: the waits after attempts, and the waits
    /// for an upstream, which depend on the real clock.
    pub fn waits(&self) -> Vec<Duration> {
        let wait = |event: &RecordedEvent| match event.step {
            Step::Retry { wait } | Step::Held { wait } => Some(wait),
            _ => None,
        };
        self.state().events.iter().filter_map(wait).collect()
    }

    /// Returns the number of attempts that have ended, in all calls.
    pub fn attempts(&self) -> usize {
        self.state().events.iter().filter(|event| !matches!(event.step, Step::Held { .. })).count()
    }

    /// Returns all events of all calls, in the order in which observers get them.
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.state().events.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recorded [`Event`] of a call. It has neither the host nor the time, which differ between runs
/// of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// The function, by its path: `crate::module::function`.
    pub function: &'static str,
    /// The number of the attempt within the call, from 1.
    pub attempt: u32,
    /// The method of the deciding request, if it is known.
    pub method: Option<Method>,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// The ways in which the request failed.
    pub failures: FailureSet,
    /// The longest wait that the server asked for, in answer to the deciding request or to another
    /// failed request of the attempt. The wait of another request counts only up to
    /// `max_retry_after`.
    pub hint: Option<Duration>,
    /// The name of the header with the hint of the deciding request: in lower case, or as the
    /// policy writes it if the policy names the header. `None` if that request has no hint, or if
    /// an error has given it ([`HttpFailure::retry_after`](crate::HttpFailure::retry_after)).
    pub hint_header: Option<&'static str>,
    /// The step of the call.
    pub step: Step,
}

/// Applies a [`Kit`] to this thread until it is dropped.
///
/// This guard is not `Send`: it cannot be moved to another thread, and a future that holds it
/// across an `.await` cannot be spawned on a runtime with several threads. This does not compile:
///
/// ```compile_fail
/// let kit = retry_http::testing::instant();
/// std::thread::spawn(move || drop(kit));
/// ```
#[derive(Debug)]
#[must_use = "the kit holds until this is dropped"]
pub struct Entered {
    kit: Kit,
    /// Makes the guard not `Send`.
    of_the_thread: PhantomData<*const ()>,
}

impl Deref for Entered {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        &self.kit
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Guards may be dropped in any order, so each removes its own kit.
        let leave = |kits: &mut Vec<Kit>| {
            if let Some(place) = kits.iter().rposition(|kit| Arc::ptr_eq(&kit.state, &self.kit.state)) {
                drop(kits.remove(place));
            }
        };
        // The kits are gone if the thread is about to end.
        _ = ENTERED.try_with(|kits| leave(&mut kits.borrow_mut()));
    }
}

pin_project! {
    /// A future to which a [`Kit`] applies, from [`Kit::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Scoped<F> {
        kits: Vec<Kit>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        /// Leaves the kits, also after a panic.
        struct Leave<'s>(&'s mut Vec<Kit>);

        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                ENTERED.with_borrow_mut(|kits| std::mem::swap(kits, self.0));
            }
        }

        let this = self.project();
        ENTERED.with_borrow_mut(|kits| std::mem::swap(kits, this.kits));
        let _leave = Leave(this.kits);
        this.future.poll(context)
    }
}

thread_local! {
    /// The kits that hold for the running code, the innermost last.
    static ENTERED: RefCell<Vec<Kit>> = const { RefCell::new(Vec::new()) };
}

/// Calls `with` on the kit that holds for the running code, if there is one.
fn innermost<T>(with: impl FnOnce(&Kit) -> T) -> Option<T> {
    ENTERED.try_with(|kits| kits.borrow().last().map(with)).ok().flatten()
}

/// Returns whether events are recorded.
pub(crate) fn is_active() -> bool {
    innermost(|_| ()).is_some()
}

/// Draws a seeded value, if there is a seed.
pub(crate) fn draw<T>() -> Option<T>
where
    StandardUniform: Distribution<T>,
{
    innermost(|kit| kit.state().random.as_mut().map(RngExt::random)).flatten()
}

/// Returns the verdict, or [`Stop::Exhausted`] if retries are off.
pub(crate) fn override_verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Wait(_) if innermost(|kit| kit.retrying == Retrying::Off) == Some(true) => {
            Verdict::Stop(Stop::Exhausted)
        }
        _ => verdict,
    }
}

/// Records an event.
pub(crate) fn record(event: &Event<'_>) {
    innermost(|kit| {
        kit.state().events.push(RecordedEvent {
            function: event.function,
            attempt: event.attempt,
            method: event.method.cloned(),
            status: event.status,
            failures: event.failures,
            hint: event.hint,
            hint_header: event.hint_header,
            step: event.step,
        });
    });
}

/// Counts the skipped waits of a call, by which its time is ahead of the real one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    waits: Duration,
    /// The skipped waits of earlier calls. Those of calls at the same time do not add up.
    before: Duration,
}

impl Skipped {
    /// Begins to count in a call that has an upstream.
    pub(crate) fn begin(&mut self) {
        self.before = innermost(|kit| kit.state().ahead).unwrap_or_default();
    }

    /// Counts `wait` if it is to be skipped. Returns whether it is.
    pub(crate) fn skip(&mut self, wait: Duration) -> bool {
        innermost(|kit| {
            let skipped = kit.waiting == Waiting::Skipped;
            if skipped {
                self.waits = self.waits.saturating_add(wait);
                let mut state = kit.state();
                state.ahead = state.ahead.max(self.of_start());
            }
            skipped
        })
        .unwrap_or(false)
    }

    /// Counts the waits of an inner call, which ended after `waits` of this one.
    pub(crate) fn reach(&mut self, waits: Duration) {
        self.waits = self.waits.max(waits);
    }

    /// Returns the waits since the call began.
    pub(crate) const fn of_call(self) -> Duration {
        self.waits
    }

    /// Returns a time since the call began, with the waits added that were skipped in it.
    pub(crate) const fn add_to(self, time: Duration) -> Duration {
        time.saturating_add(self.waits)
    }

    /// Returns the waits since a moment that is the same for all calls in the kit.
    pub(crate) const fn of_start(self) -> Duration {
        self.before.saturating_add(self.waits)
    }
}
