//! For tests of annotated functions: what would be waited for is recorded and passes in no time, jitter has a seed,
//! retries are off. And a [`server`] that fails by script.
//!
//! A [`Kit`] is of the thread ([`instant`], [`Kit::enter`]) or of a future ([`Kit::scope`]). Whatever it is not of
//! knows nothing of it, so tests that run at the same time do not disturb each other. Neither tokio's nor the system's
//! clock is stopped or moved: what else a test waits for takes as long as ever.
//!
//! Which kit a call is in is known by what is being polled, as in `nesting`.

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
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::engine::retry::{Stop, Verdict};
use crate::observe::{Event, Step};
use retry_policy::FailureSet;

/// On this thread waits are recorded and pass in no time, until what is returned is dropped.
///
/// It is for sync tests, and for async ones on a runtime of one thread (`#[tokio::test]`), of which it includes
/// spawned tasks; for others there is [`Kit::scope`].
///
/// ```
/// use retry_runtime::testing;
///
/// let kit = testing::instant();
/// // … call what is annotated, against a `testing::server` …
/// assert_eq!(kit.waits(), []);
/// ```
pub fn instant() -> Entered {
    Kit::new().enter()
}

/// How calls are run in a test, and what became of them. Clones share their records.
///
/// By default waits pass in no time, and jitter is as random as ever.
///
/// ```
/// use retry_runtime::testing::Kit;
///
/// let kit = Kit::new().seed(7).enter();
/// // … call what is annotated …
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
    random: Option<Box<StdRng>>,
    events: Vec<Told>,
    /// What upstreams are told of the time: how far ahead of the real one it is.
    ahead: Duration,
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl Kit {
    /// Waits are recorded and pass in no time. To a `deadline`, an `upstream` and an `observer` they have passed.
    pub fn new() -> Self {
        Self { waiting: Waiting::Skipped, retrying: Retrying::ByPolicy, state: Arc::default() }
    }

    /// All randomness of calls (jitter, idempotency keys, the spread after a cooldown) is that of `seed`: the same in
    /// each run of a test, though not in each version of this crate. Each draw is another one.
    ///
    /// Calls that run at the same time draw from it in their order, which may not be the same in each run: give each a
    /// kit of its own.
    pub fn seed(self, seed: u64) -> Self {
        self.state().random = Some(Box::new(StdRng::seed_from_u64(seed)));
        self
    }

    /// Waits are recorded and waited for.
    pub fn real_time(mut self) -> Self {
        self.waiting = Waiting::Real;
        self
    }

    /// What would be retried ends the call instead, with [`Stop::Exhausted`]. A renewal of credentials is no retry.
    pub fn without_retries(mut self) -> Self {
        self.retrying = Retrying::Off;
        self
    }

    /// It holds on this thread until what is returned is dropped. Where kits are nested the innermost holds, and alone
    /// records.
    pub fn enter(&self) -> Entered {
        HERE.with_borrow_mut(|kits| kits.push(self.clone()));
        Entered { kit: self.clone(), of_the_thread: PhantomData }
    }

    /// It holds in `future`, whatever thread that is on, and not in what it spawns: `tokio::spawn(kit.scope(..))`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use retry_runtime::testing::Kit;
    ///
    /// let kit = Kit::new();
    /// kit.scope(async { /* call what is annotated */ }).await;
    /// assert_eq!(kit.waits(), []);
    /// # });
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { kits: vec![self.clone()], future }
    }

    /// All waits, in the order in which they began: those after an attempt, and those for an upstream.
    pub fn waits(&self) -> Vec<Duration> {
        let wait = |told: &Told| match told.step {
            Step::Retry { wait } | Step::Held { wait } => Some(wait),
            _ => None,
        };
        self.state().events.iter().filter_map(wait).collect()
    }

    /// How many attempts have ended, in all calls.
    pub fn attempts(&self) -> usize {
        self.state().events.iter().filter(|told| !matches!(told.step, Step::Held { .. })).count()
    }

    /// All that happened in calls, in the order in which it did: what an observer is told.
    pub fn events(&self) -> Vec<Told> {
        self.state().events.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An [`Event`] of a call, as it is recorded. What is not the same in each run of a test is not part of it: the host,
/// and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// The function, by its path: `crate::module::function`.
    pub function: &'static str,
    /// Which attempt of the call it is about, from 1.
    pub attempt: u32,
    /// The method of the last request of the attempt, where it is known.
    pub method: Option<Method>,
    /// The status of its answer, where there was one.
    pub status: Option<StatusCode>,
    /// The ways in which it failed.
    pub failures: FailureSet,
    /// The wait that the server asked for.
    pub hint: Option<Duration>,
    /// The header that says so, by its name in lower case; `None` where an error of the user's did.
    pub hint_header: Option<&'static str>,
    /// What happened.
    pub step: Step,
}

/// A [`Kit`] that holds on this thread until it is dropped. It cannot leave the thread, and a future that keeps it
/// over an `.await` cannot be spawned on others.
///
/// ```compile_fail
/// let kit = retry_runtime::testing::instant();
/// std::thread::spawn(move || drop(kit));
/// ```
#[derive(Debug)]
#[must_use = "the kit holds until this is dropped"]
pub struct Entered {
    kit: Kit,
    /// Not `Send`.
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
        // In whatever order they are dropped, each takes its own.
        let leave = |kits: &mut Vec<Kit>| {
            if let Some(place) = kits.iter().rposition(|kit| Arc::ptr_eq(&kit.state, &self.kit.state)) {
                drop(kits.remove(place));
            }
        };
        // A thread that has ended has left them all.
        _ = HERE.try_with(|kits| leave(&mut kits.borrow_mut()));
    }
}

pin_project! {
    /// A future in the scope of a [`Kit`].
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
        /// Also where the future panics.
        struct Leave<'s>(&'s mut Vec<Kit>);

        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                HERE.with_borrow_mut(|kits| std::mem::swap(kits, self.0));
            }
        }

        let this = self.project();
        HERE.with_borrow_mut(|kits| std::mem::swap(kits, this.kits));
        let _leave = Leave(this.kits);
        this.future.poll(context)
    }
}

thread_local! {
    /// The kits that hold where this thread is, the innermost last.
    static HERE: RefCell<Vec<Kit>> = const { RefCell::new(Vec::new()) };
}

fn here<T>(with: impl FnOnce(&Kit) -> T) -> Option<T> {
    HERE.try_with(|kits| kits.borrow().last().map(with)).ok().flatten()
}

/// Whether calls are recorded.
pub(crate) fn is_active() -> bool {
    here(|_| ()).is_some()
}

/// A seeded draw.
pub(crate) fn draw<T>() -> Option<T>
where
    StandardUniform: Distribution<T>,
{
    here(|kit| kit.state().random.as_mut().map(RngExt::random)).flatten()
}

/// What becomes of a verdict.
pub(crate) fn override_verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Wait(_) if here(|kit| kit.retrying == Retrying::Off) == Some(true) => {
            Verdict::Stop(Stop::Exhausted)
        }
        _ => verdict,
    }
}

pub(crate) fn record(event: &Event<'_>) {
    here(|kit| {
        kit.state().events.push(Told {
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

/// The waits of a call that passed in no time: so far it is ahead of the real one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped {
    waits: Duration,
    /// Those of the calls before it. Calls at the same time do not add up.
    before: Duration,
}

impl Skipped {
    /// Of a call that begins, and has an upstream.
    pub(crate) fn begin(&mut self) {
        self.before = here(|kit| kit.state().ahead).unwrap_or_default();
    }

    /// Whether `wait` passes in no time. If so it is counted.
    pub(crate) fn skip(&mut self, wait: Duration) -> bool {
        here(|kit| {
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

    /// A call inside of this one ended, after `waits` of this one.
    pub(crate) fn reach(&mut self, waits: Duration) {
        self.waits = self.waits.max(waits);
    }

    /// Since the call began.
    pub(crate) const fn of_call(self) -> Duration {
        self.waits
    }

    /// Since a moment that is the same for all calls in the kit.
    pub(crate) const fn of_start(self) -> Duration {
        self.before.saturating_add(self.waits)
    }
}
