//! Renewing credentials once, however many calls find at the same time that they have expired.
//!
//! Renewals are numbered, in the order in which they end. An attempt knows the number of the last
//! renewal before it, so its 401 says nothing about a renewal that has ended since: the call only
//! has to try again. That needs no clock. The attempt is that of the running code, as in `scope`.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scope::{self, CallScope};

/// The number of renewals that have ended in this process.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The number of renewals that had ended before the attempt whose credentials are being
    /// renewed.
    static BEFORE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Renews credentials once for all calls that find at the same time that they have expired.
///
/// Pass it to `reauth`, and keep it beside the credentials. Calls that get a 401 while a renewal is
/// under way wait for it and share its result. Calls that had sent their request before it ended
/// try again without another renewal.
///
/// ```
/// use retry_http::{Renewal, retry_http};
///
/// struct Api {
///     renewal: Renewal,
/// }
///
/// impl Api {
///     async fn login(&self) -> Result<(), std::io::Error> {
///         Ok(()) // and put the new token where the requests find it
///     }
///
///     // #[retry_http(reauth = self.renewal.once(self.login()))]
/// }
/// ```
#[derive(Debug, Default)]
pub struct Renewal {
    /// The number of the last renewal that succeeded.
    succeeded: AtomicU64,
    /// The number of the last renewal that failed.
    failed: AtomicU64,
    turn: tokio::sync::Mutex<()>,
    turn_blocking: std::sync::Mutex<()>,
}

impl Renewal {
    /// Makes a renewal that has not run yet.
    pub const fn new() -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            turn: tokio::sync::Mutex::const_new(()),
            turn_blocking: std::sync::Mutex::new(()),
        }
    }

    /// Awaits `renewal`, unless another call has done so in time. Returns whether there are fresh
    /// credentials.
    ///
    /// The renewal has the deadline of the call that it runs for. At the deadline it is dropped
    /// half way, and the next waiting call begins a new one. Outside of `reauth` renewals take
    /// turns as well, but share only failures.
    pub async fn once<F>(&self, renewal: F) -> bool
    where
        F: Future,
        F::Output: Renewed,
    {
        let (before, entered) = (BEFORE.get(), RenewalCount::now().get());
        let _turn = self.turn.lock().await;
        match self.shared_result(before, entered) {
            Some(renewed) => renewed,
            None => self.record_end(renewal.await),
        }
    }

    /// Does what [`once`](Self::once) does, in a sync function. Sync renewals take turns with each
    /// other, and not with async ones.
    pub fn once_blocking<R: Renewed>(&self, renewal: impl FnOnce() -> R) -> bool {
        let (before, entered) = (BEFORE.get(), RenewalCount::now().get());
        // A renewal that panicked has left no state of ours half done.
        let _turn = self.turn_blocking.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.shared_result(before, entered) {
            Some(renewed) => renewed,
            None => self.record_end(renewal()),
        }
    }

    /// Returns the result of another renewal, if a call can share it that sent its request after
    /// `before` renewals and came here after `entered`.
    fn shared_result(&self, before: Option<u64>, entered: u64) -> Option<bool> {
        let (succeeded, failed) = (self.succeeded.load(Ordering::SeqCst), self.failed.load(Ordering::SeqCst));
        if before.is_some_and(|before| before < succeeded) {
            Some(true)
        } else {
            // Only calls that waited for a renewal share its failure: another one may succeed.
            (entered < failed).then_some(false)
        }
    }

    /// Records how a renewal ended, and returns whether it succeeded.
    fn record_end(&self, result: impl Renewed) -> bool {
        let succeeded = result.renewed();
        let number = ENDED.fetch_add(1, Ordering::SeqCst) + 1;
        let last = if succeeded { &self.succeeded } else { &self.failed };
        // An async and a sync renewal may end at the same time.
        last.fetch_max(number, Ordering::SeqCst);
        succeeded
    }
}

/// The result of a renewal: `()` means success; `bool`, `Option` and `Result` say whether it
/// succeeded.
#[diagnostic::on_unimplemented(
    message = "`reauth` must say whether it succeeded, and `{Self}` does not",
    label = "neither `()`, `bool`, `Option` nor `Result`",
    note = "in an async function a future of one of these is awaited"
)]
pub trait Renewed {
    /// Returns whether there are fresh credentials.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RenewalCount(NonZeroU64);

impl RenewalCount {
    /// Counts the renewals that have ended by now.
    pub(crate) fn now() -> Self {
        Self(NonZeroU64::MIN.saturating_add(ENDED.load(Ordering::SeqCst)))
    }

    fn get(self) -> u64 {
        self.0.get() - 1
    }
}

/// Returns whether the running code is part of a renewal. A 401 in a renewal is no reason for
/// another one, which would wait for itself.
pub(crate) fn is_under_way() -> bool {
    BEFORE.get().is_some()
}

/// Runs a part of a renewal, in a scope of its own: its requests belong to no attempt.
pub(crate) fn run_part<T>(scope: &mut CallScope, part: impl FnOnce() -> T) -> T {
    /// Restores the count, also after a panic.
    struct Leave(Option<u64>);

    impl Drop for Leave {
        fn drop(&mut self) {
            BEFORE.set(self.0);
        }
    }

    let _leave = Leave(BEFORE.replace(Some(scope.renewals.map_or(0, RenewalCount::get))));
    let _entered = scope::enter(scope);
    part()
}

/// Runs a renewal, in a scope of its own.
pub(crate) async fn run<F: Future>(mut scope: CallScope, renewal: F) -> F::Output {
    let mut renewal = pin!(renewal);
    poll_fn(|context| run_part(&mut scope, || renewal.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::outgoing::Outgoing;
    use std::sync::atomic::AtomicU32;

    async fn renew(renewal: &Renewal, before: RenewalCount, runs: &AtomicU32, succeeds: bool) -> bool {
        let (mut scope, _) = CallScope::begin(Outgoing::default(), None);
        scope.renewals = Some(before);
        run(scope, async {
            let run = async {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::SeqCst);
                succeeds
            };
            renewal.once(run).await
        })
        .await
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
