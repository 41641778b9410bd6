//! Renewing credentials once, however many calls find at the same time that they have expired.
//!
//! Renewals are numbered, in the order in which they end. An attempt knows the number of the last
//! renewal before it, so its 401 says nothing about a renewal that has ended since: the call only
//! has to try again. The attempt is that of the running code, as in `scope`. What calls share is in
//! [`turn`].

mod turn;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem::swap;
use std::num::NonZeroU64;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::JoinError;

use crate::env::Clock;
use crate::scope::{self, CallScope};
pub(crate) use turn::Turns;
use turn::{Asking, Decision};

/// The number of renewals that have ended in this process.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The call whose credentials the running code renews.
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// The call whose credentials are renewed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The number of renewals that had ended before its attempt.
    pub(crate) before: Option<RenewalCount>,
    /// The number of its attempt.
    pub(crate) attempt: u64,
    /// The address of its function.
    pub(crate) function: usize,
    pub(crate) clock: Clock,
}

/// The renewal that the running code is part of.
pub(crate) struct Context {
    asker: Asker,
    /// The turns of the [`Renewal`] that it has asked.
    turns: Option<Arc<Turns>>,
}

impl Context {
    /// Makes the context of a renewal for this call.
    pub(crate) const fn new(asker: Asker) -> Self {
        Self { asker, turns: None }
    }

    /// Returns the turns of the [`Renewal`] that was asked, if one was.
    pub(crate) fn into_turns(self) -> Option<Arc<Turns>> {
        self.turns
    }
}

/// Renews credentials once for all calls whose credentials are refused at the same time.
///
/// Keep a `Renewal` beside the credentials, and use it in `reauth`. Calls that get a 401 while a
/// renewal is running wait for the renewal and share its result. Calls that sent their requests
/// before the renewal ended try again without another one.
///
/// ```
/// use retry_http::{HttpFailure, Renewal, retry_http};
///
/// struct Api {
///     renewal: Renewal,
/// }
/// # struct ApiError;
/// # impl HttpFailure for ApiError {}
///
/// impl Api {
///     async fn login(&self) -> Result<(), ApiError> {
///         Ok(()) // and keep the new token for the next requests
///     }
///
///     #[retry_http(reauth = self.renewal.once(self.login()))]
///     async fn user(&self, id: u64) -> Result<String, ApiError> {
///         // Send a request with the token.
///         # _ = id;
///         # Err(ApiError)
///     }
/// }
/// ```
///
/// # Fresh credentials that are refused
///
/// If the attempt after a renewal is refused as well, the annotated function begins no renewal for
/// a second, and its calls end with their 401. This pause doubles with each further renewal that is
/// of no use, up to five minutes. Other functions are not affected.
///
/// # Renewals that reach the deadline
///
/// A renewal is dropped at the deadline of the call that runs it. For a second after that, calls
/// that have no more time than that call had begin no renewal, and end with their 401. This pause
/// doubles with each further renewal that is dropped, up to five minutes. To let the renewal
/// continue after the deadline instead, use [`once_spawned`](Self::once_spawned).
///
/// # Requests of the renewal itself
///
/// A 401 that answers a request of the renewal starts no further renewal. A renewal that calls
/// [`once`](Self::once) on the same `Renewal` gets `false` at once.
///
/// A task that the renewal spawns looks like any other caller. Therefore a call that begins
/// during a renewal waits for it for at most three seconds, or four times the duration of the last
/// successful renewal if that is longer, and then ends with its 401. Do not call
/// [`once`](Self::once) in such a task outside of `reauth`: it would wait for the renewal without a
/// time limit.
#[derive(Debug, Default)]
pub struct Renewal {
    turns: OnceLock<Arc<Turns>>,
}

impl Renewal {
    /// Creates a renewal that has not run yet.
    pub const fn new() -> Self {
        Self { turns: OnceLock::new() }
    }

    /// Awaits `renewal`, and returns `true` if it succeeded. If another call is running a renewal,
    /// waits for it and returns its result instead. If another call has renewed the credentials
    /// since this call sent its request, returns `true` at once. In both cases `renewal` is
    /// dropped.
    ///
    /// Outside of `reauth` callers also take turns. They share only failed renewals: after a
    /// successful one the next caller runs its own.
    pub async fn once<F>(&self, renewal: F) -> bool
    where
        F: Future,
        F::Output: Renewed,
    {
        let asking = self.ask();
        match asking.decide().await {
            Decision::Known(renewed) => renewed,
            Decision::Run(running) => running.run(renewal).await,
        }
    }

    /// Like [`once`](Self::once), but runs the renewal in a task of its own. The renewal
    /// continues if its call is dropped or reaches its deadline, and all waiting calls get the
    /// result.
    ///
    /// The renewal has no deadline. Its future must be `'static`, so put the state that it needs
    /// into an `Arc`:
    ///
    /// ```
    /// use retry_http::{HttpFailure, Renewal, retry_http};
    /// use std::sync::Arc;
    ///
    /// struct Api {
    ///     renewal: Renewal,
    ///     session: Arc<Session>,
    /// }
    ///
    /// struct Session {
    ///     // A client, and the token.
    /// }
    /// # struct ApiError;
    /// # impl HttpFailure for ApiError {}
    ///
    /// impl Session {
    ///     async fn login(self: Arc<Self>) -> Result<(), ApiError> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Api {
    ///     #[retry_http(reauth = self.renewal.once_spawned(Arc::clone(&self.session).login()))]
    ///     async fn user(&self, id: u64) -> Result<String, ApiError> {
    ///         // Send a request with the token.
    ///         # _ = id;
    ///         # Err(ApiError)
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if it is called outside of a tokio runtime, or if `renewal` panics.
    pub async fn once_spawned<F>(&self, renewal: F) -> bool
    where
        F: Future + Send + 'static,
        F::Output: Renewed,
    {
        let asking = self.ask();
        match asking.decide().await {
            Decision::Known(renewed) => renewed,
            Decision::Run(running) => {
                let asker = asking.asker;
                let end = running.run(renewal);
                let task = async move {
                    match asker {
                        Some(asker) => run(CallScope::unbounded(), Context::new(asker), end).await.0,
                        None => end.await,
                    }
                };
                match tokio::spawn(task).await.map_err(JoinError::try_into_panic) {
                    Ok(renewed) => renewed,
                    Err(Ok(panic)) => resume_unwind(panic),
                    // The runtime has shut down.
                    Err(Err(_)) => false,
                }
            }
        }
    }

    /// Like [`once`](Self::once), but for sync functions. Blocks the thread.
    pub fn once_blocking<R: Renewed>(&self, renewal: impl FnOnce() -> R) -> bool {
        match self.ask().decide_blocking() {
            Decision::Known(renewed) => renewed,
            Decision::Run(running) => running.run_blocking(renewal),
        }
    }

    fn ask(&self) -> Asking {
        let turns = Arc::clone(self.turns.get_or_init(Arc::default));
        let asker = CONTEXT.with_borrow_mut(|context| {
            let context = context.as_mut()?;
            context.turns = Some(Arc::clone(&turns));
            Some(context.asker)
        });
        Asking { turns, asker, entered: RenewalCount::now() }
    }
}

/// The result of a renewal. `()` means that it succeeded. A `bool`, an `Option` or a `Result` says
/// whether it succeeded.
#[diagnostic::on_unimplemented(
    message = "`reauth` must say whether it succeeded, and `{Self}` does not",
    label = "neither `()`, `bool`, `Option` nor `Result`",
    note = "in an async function it may also be a future of one of these; in a sync function, use `Renewal::once_blocking(|| ..)`"
)]
pub trait Renewed {
    /// Returns `true` if the renewal succeeded.
    fn renewed(self) -> bool;
}

impl Renewed for () {
    fn renewed(self) -> bool {
        true
    }
}

impl Renewed for bool {
    fn renewed(self) -> bool {
        self
    }
}

impl<T> Renewed for Option<T> {
    fn renewed(self) -> bool {
        self.is_some()
    }
}

impl<T, E> Renewed for Result<T, E> {
    fn renewed(self) -> bool {
        self.is_ok()
    }
}

/// The number of renewals that have ended by some time. It is stored plus one, so that an `Option`
/// of it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RenewalCount(NonZeroU64);

impl RenewalCount {
    /// Before the first renewal.
    const NONE: Self = Self(NonZeroU64::MIN);

    /// Counts the renewals that have ended by now.
    pub(crate) fn now() -> Self {
        Self(NonZeroU64::MIN.saturating_add(ENDED.load(Ordering::SeqCst)))
    }

    /// Counts one more renewal, which ends now.
    fn end_one() -> Self {
        ENDED.fetch_add(1, Ordering::SeqCst);
        Self::now()
    }
}

/// Returns whether the running code is part of a renewal. A 401 in a renewal is no reason for
/// another one, which would wait for itself.
pub(crate) fn is_under_way() -> bool {
    CONTEXT.with_borrow(Option::is_some)
}

/// Runs a part of a renewal, in a scope of its own: its requests belong to no attempt.
pub(crate) fn run_part<T>(
    scope: &mut CallScope,
    context: &mut Option<Context>,
    part: impl FnOnce() -> T,
) -> T {
    /// Restores the context, also after a panic.
    struct Leave<'c>(&'c mut Option<Context>);

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            CONTEXT.with_borrow_mut(|context| swap(context, self.0));
        }
    }

    CONTEXT.with_borrow_mut(|entered| swap(entered, context));
    let _leave = Leave(context);
    let _entered = scope::enter(scope);
    part()
}

/// Runs a renewal, in a scope of its own. Also returns the turns of the [`Renewal`] that was asked.
pub(crate) async fn run<F: Future>(
    mut scope: CallScope,
    context: Context,
    renewal: F,
) -> (F::Output, Option<Arc<Turns>>) {
    let (mut renewal, mut context) = (pin!(renewal), Some(context));
    let output = poll_fn(|poll| run_part(&mut scope, &mut context, || renewal.as_mut().poll(poll))).await;
    (output, context.and_then(Context::into_turns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    async fn renew(renewal: &Renewal, before: RenewalCount, runs: &AtomicU32, succeeds: bool) -> bool {
        let mut scope = CallScope::unbounded();
        scope.terms_mut().renewals = Some(before);
        let asker = Asker { before: Some(before), attempt: 0, function: 0, clock: Clock::Tokio };
        let run = run(scope, Context::new(asker), async {
            let run = async {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::SeqCst);
                succeeds
            };
            renewal.once(run).await
        });
        run.await.0
    }

    #[tokio::test]
    async fn waiting_calls_share_the_result_and_late_ones_need_no_renewal() {
        for succeeds in [true, false] {
            let (renewal, runs) = (Renewal::new(), AtomicU32::new(0));
            let before = RenewalCount::now();
            let (one, other) = tokio::join!(
                renew(&renewal, before, &runs, succeeds),
                renew(&renewal, before, &runs, succeeds)
            );
            assert_eq!((one, other, runs.load(Ordering::SeqCst)), (succeeds, succeeds, 1));
            // A request from before the end: after a success it needs no renewal, after a failure
            // it may renew.
            assert!(renew(&renewal, before, &runs, true).await);
            assert_eq!(runs.load(Ordering::SeqCst), if succeeds { 1 } else { 2 });
            // The fresh credentials are refused as well.
            assert!(renew(&renewal, RenewalCount::now(), &runs, true).await);
            assert_eq!(runs.load(Ordering::SeqCst), if succeeds { 2 } else { 3 });
        }
    }
}
