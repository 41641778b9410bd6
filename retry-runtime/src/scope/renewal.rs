//! Renewing credentials once, however many calls find at the same time that they have expired.
//!
//! Renewals are numbered, in the order in which they end. An attempt knows the number of the last one before it, so a
//! 401 says nothing about a renewal that has ended since: whoever meets one then has only to try again. No clock is
//! needed for that. The attempt is known by what is being polled, as in `scope`.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scope::{self, OwnScope};

/// How many renewals have ended in this process.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many had before the attempt whose credentials are being renewed.
    static BEFORE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Renews credentials once for all calls that find at the same time that they have expired.
///
/// Give it to `reauth`, and keep it beside what it renews. Calls that meet a 401 while a renewal is under way wait for
/// it and share how it ends; those that had sent their request before it ended try again without another one.
///
/// ```
/// use retry_runtime::Renewal;
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
    /// The numbers of the last one that succeeded, and of the last one that failed.
    succeeded: AtomicU64,
    failed: AtomicU64,
    turn: tokio::sync::Mutex<()>,
    #[cfg(feature = "blocking")]
    turn_blocking: std::sync::Mutex<()>,
}

impl Renewal {
    /// Before the first renewal.
    pub const fn new() -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            turn: tokio::sync::Mutex::const_new(()),
            #[cfg(feature = "blocking")]
            turn_blocking: std::sync::Mutex::new(()),
        }
    }

    /// Awaits `renewal`, unless another call has done so in time; whether there are fresh credentials.
    ///
    /// It is within the deadline of the call that it runs for: where that passes it is dropped half way, and the next call
    /// in turn begins anew. Called by anything else than `reauth` it takes turns, and shares only failures.
    pub async fn once<F>(&self, renewal: F) -> bool
    where
        F: Future,
        F::Output: Renewed,
    {
        let (before, entered) = (BEFORE.get(), so_far().get());
        let _turn = self.turn.lock().await;
        match self.known(before, entered) {
            Some(renewed) => renewed,
            None => self.ended(renewal.await.renewed()),
        }
    }

    /// [`once`](Self::once) for sync functions, which take turns with each other and not with async ones.
    #[cfg(feature = "blocking")]
    pub fn once_blocking<R: Renewed>(&self, renewal: impl FnOnce() -> R) -> bool {
        let (before, entered) = (BEFORE.get(), so_far().get());
        // Whoever panicked in its turn has left nothing half done here.
        let _turn = self.turn_blocking.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.known(before, entered) {
            Some(renewed) => renewed,
            None => self.ended(renewal().renewed()),
        }
    }

    /// How a renewal ended that serves whoever sent its request after `before` and came here after `entered` others.
    fn known(&self, before: Option<u64>, entered: u64) -> Option<bool> {
        let (succeeded, failed) = (self.succeeded.load(Ordering::SeqCst), self.failed.load(Ordering::SeqCst));
        if before.is_some_and(|before| before < succeeded) {
            Some(true)
        } else {
            // Only who was waiting for it shares a failure: another may do better.
            (entered < failed).then_some(false)
        }
    }

    fn ended(&self, renewed: bool) -> bool {
        let number = ENDED.fetch_add(1, Ordering::SeqCst) + 1;
        let last = if renewed { &self.succeeded } else { &self.failed };
        // Async and sync calls may end at once.
        last.fetch_max(number, Ordering::SeqCst);
        renewed
    }
}

/// How a renewal can end: `()` has succeeded; `bool`, `Option` and `Result` say whether.
#[diagnostic::on_unimplemented(
    message = "`reauth` must say whether it succeeded, and `{Self}` does not",
    label = "neither `()`, `bool`, `Option` nor `Result`",
    note = "in an async function a future of one of these is awaited"
)]
pub trait Renewed {
    /// Whether there are fresh credentials.
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

/// How many renewals have ended so far, plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SoFar(NonZeroU64);

/// Returns how many renewals have ended so far.
pub(crate) fn so_far() -> SoFar {
    SoFar(NonZeroU64::MIN.saturating_add(ENDED.load(Ordering::SeqCst)))
}

impl SoFar {
    fn get(self) -> u64 {
        self.0.get() - 1
    }
}

/// Whether what runs is part of a renewal: a 401 in that is no reason for another one, which would wait for itself.
pub(crate) fn is_under_way() -> bool {
    BEFORE.get().is_some()
}

/// Runs a part of a renewal, in a scope of its own: what it sends and gives up is no part of the attempt around.
pub(crate) fn during<T>(scope: &mut OwnScope, part: impl FnOnce() -> T) -> T {
    /// Also where the part panics.
    struct Leave(Option<u64>);

    impl Drop for Leave {
        fn drop(&mut self) {
            BEFORE.set(self.0);
        }
    }

    let _leave = Leave(BEFORE.replace(Some(scope.renewals.map_or(0, SoFar::get))));
    let _entered = scope::enter(scope);
    part()
}

/// [`during`], each time that it is polled.
pub(crate) async fn during_polls<F: Future>(mut scope: OwnScope, renewal: F) -> F::Output {
    let mut renewal = pin!(renewal);
    poll_fn(|context| during(&mut scope, || renewal.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::outgoing::Outgoing;
    use std::sync::atomic::AtomicU32;

    /// What an attempt that began now will find.
    fn attempt() -> SoFar {
        so_far()
    }

    async fn renew(renewal: &Renewal, before: SoFar, runs: &AtomicU32, succeeds: bool) -> bool {
        let (mut scope, _) = OwnScope::begin(Outgoing::default(), None);
        scope.renewals = Some(before);
        during_polls(scope, async {
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
    async fn who_waits_shares_the_end_and_who_was_late_needs_none() {
        for succeeds in [true, false] {
            let (renewal, runs) = (Renewal::new(), AtomicU32::new(0));
            let before = attempt();
            let (one, other) = tokio::join!(
                renew(&renewal, before, &runs, succeeds),
                renew(&renewal, before, &runs, succeeds)
            );
            assert_eq!((one, other, runs.load(Ordering::SeqCst)), (succeeds, succeeds, 1));
            // It had sent its request before that ended: with success it need not renew, with failure it may.
            assert!(renew(&renewal, before, &runs, true).await);
            assert_eq!(runs.load(Ordering::SeqCst), if succeeds { 1 } else { 2 });
            // The fresh credentials are refused as well.
            assert!(renew(&renewal, attempt(), &runs, true).await);
            assert_eq!(runs.load(Ordering::SeqCst), if succeeds { 2 } else { 3 });
        }
    }
}
