//! The only file that reads the clock and entropy, and that sleeps.

use std::future::{Future, poll_fn};
use std::mem::replace;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use rand::distr::{Distribution, StandardUniform};

#[cfg(feature = "testing")]
use crate::testing;
#[cfg(feature = "testing")]
pub(crate) use crate::testing::Skipped;

/// The client's clock, for hints that are dates and come without a date of the server's.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// A point in time of the clock that a call waits on: tokio's, which tests can stop, or the system's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    Async(tokio::time::Instant),
    #[cfg(feature = "blocking")]
    Blocking(std::time::Instant),
}

impl Moment {
    /// Since a moment that is the same for all calls of the process, of either clock. It lies far back, as the clock of a
    /// test may be behind the one that is asked first.
    pub(crate) fn since_start(self) -> Duration {
        const FAR_BACK: Duration = Duration::from_secs(1 << 32);
        static FIRST: OnceLock<std::time::Instant> = OnceLock::new();
        let moment = match self {
            Self::Async(moment) => moment.into_std(),
            #[cfg(feature = "blocking")]
            Self::Blocking(moment) => moment,
        };
        let first = *FIRST.get_or_init(|| moment);
        match moment.checked_duration_since(first) {
            Some(later) => FAR_BACK.saturating_add(later),
            None => FAR_BACK.saturating_sub(first.saturating_duration_since(moment)),
        }
    }

    /// The moment this much later; `None` where that is beyond all time.
    pub(crate) fn after(self, time: Duration) -> Option<Self> {
        match self {
            Self::Async(moment) => moment.checked_add(time).map(Self::Async),
            #[cfg(feature = "blocking")]
            Self::Blocking(moment) => moment.checked_add(time).map(Self::Blocking),
        }
    }

    /// The moment this much earlier; `None` where that is before all time.
    pub(crate) fn before(self, time: Duration) -> Option<Self> {
        match self {
            Self::Async(moment) => moment.checked_sub(time).map(Self::Async),
            #[cfg(feature = "blocking")]
            Self::Blocking(moment) => moment.checked_sub(time).map(Self::Blocking),
        }
    }

    /// How long it is until then; zero where that is past.
    pub(crate) fn left(self) -> Duration {
        match self {
            Self::Async(moment) => moment.saturating_duration_since(tokio::time::Instant::now()),
            #[cfg(feature = "blocking")]
            Self::Blocking(moment) => moment.saturating_duration_since(std::time::Instant::now()),
        }
    }

    pub(crate) fn elapsed(self) -> Duration {
        match self {
            Self::Async(moment) => moment.elapsed(),
            #[cfg(feature = "blocking")]
            Self::Blocking(moment) => moment.elapsed(),
        }
    }
}

/// Where async functions are.
pub(crate) fn moment() -> Moment {
    Moment::Async(tokio::time::Instant::now())
}

/// 128 random bits for a call, different in every call, thread and process, where no test has seeded them.
pub(crate) fn random_bits() -> u128 {
    unless_seeded()
}

/// Uniform in `[0, 1)`, for a call, from the thread's generator: different in every call, thread and process, where no
/// test has seeded it.
pub(crate) fn random() -> f64 {
    unless_seeded()
}

/// The same for what is of no call, and in no test's hands.
pub(crate) fn entropy<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    rand::random()
}

fn unless_seeded<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    #[cfg(feature = "testing")]
    if let Some(random) = testing::draw() {
        return random;
    }
    entropy()
}

/// Without tests that skip waits there is nothing to count.
#[cfg(not(feature = "testing"))]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped {}

#[cfg(not(feature = "testing"))]
#[allow(clippy::unused_self, reason = "as where there is")]
impl Skipped {
    pub(crate) const fn begin(&mut self) {}

    pub(crate) const fn of_call(self) -> Duration {
        Duration::ZERO
    }

    pub(crate) const fn reach(&mut self, _: Duration) {}

    pub(crate) const fn of_start(self) -> Duration {
        Duration::ZERO
    }

    const fn skip(&mut self, _: Duration) -> bool {
        false
    }
}

/// The wait of a call: [`sleep`], where no test skips it.
pub(crate) fn wait(wait: Duration, skipped: &mut Skipped) -> impl Future<Output = ()> + use<> {
    let sleep = (!skipped.skip(wait)).then(|| sleep(wait));
    async {
        match sleep {
            Some(sleep) => sleep.await,
            None => give_way().await,
        }
    }
}

/// Lets others run, as a wait does.
fn give_way() -> impl Future<Output = ()> {
    let mut given = false;
    poll_fn(move |context| {
        if replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Waits on tokio's clock, counted from this call and not from the first poll.
///
/// # Panics
///
/// Outside of a tokio runtime with time enabled, as reqwest's own timeouts do.
pub(crate) fn sleep(wait: Duration) -> impl Future<Output = ()> {
    tokio::time::sleep(wait)
}

/// Runs `future` for at most `limit`, then drops it; `None` where it did not end.
pub(crate) async fn at_most<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Blocks the thread.
#[cfg(feature = "blocking")]
pub(crate) mod blocking {
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{Moment, Skipped};

    /// Where sync functions are.
    pub(crate) fn moment() -> Moment {
        Moment::Blocking(Instant::now())
    }

    /// The wait of a call: blocks until `wait` has passed since `start`, where no test skips it.
    pub(crate) fn wait(start: Instant, wait: Duration, skipped: &mut Skipped) {
        if !skipped.skip(wait) {
            thread::sleep(wait.saturating_sub(start.elapsed()));
        }
    }

    pub(crate) fn now() -> Instant {
        Instant::now()
    }

    /// Runs `work` on a thread of its own and waits for it at most `limit`: a blocking read cannot be
    /// interrupted. What takes longer ends by itself, at the latest with the client's read timeout.
    pub(crate) fn at_most(limit: Duration, work: impl FnOnce() + Send + 'static) {
        let (done, wait) = mpsc::sync_channel(1);
        let spawned = thread::Builder::new().name("retry-http drain".into()).spawn(move || {
            work();
            // Nobody listens any more where the limit has passed.
            let _: Result<(), _> = done.send(());
        });
        // Without a thread to be had, `work` is dropped undone: all that is lost is a connection.
        if spawned.is_ok() {
            let _: Result<(), _> = wait.recv_timeout(limit);
        }
    }
}
