//! Reads the clock and entropy, and sleeps. Nothing else in the crate does.

use std::future::Future;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use pin_project_lite::pin_project;
use rand::RngExt;
use rand::distr::{Distribution, StandardUniform};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

#[cfg(feature = "testing")]
use crate::testing;
#[cfg(feature = "testing")]
pub(crate) use crate::testing::Skipped;

/// Returns the client's time, for hints that are dates and come without a date of the server.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The clock that a call waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// tokio's clock, which tests can pause. Async functions wait on it.
    Tokio,
    /// The system's clock. Sync functions wait on it.
    System,
}

impl Clock {
    /// Reads the clock.
    #[inline]
    pub(crate) fn now(self) -> Moment {
        Moment { clock: self, instant: self.instant() }
    }

    /// Reads the clock, for those who know which one it is.
    #[inline]
    pub(crate) fn instant(self) -> Instant {
        match self {
            Self::Tokio => tokio::time::Instant::now().into_std(),
            Self::System => Instant::now(),
        }
    }

    /// Returns the time from `start`, an instant of this clock, until now.
    #[inline]
    pub(crate) fn elapsed_since(self, start: Instant) -> Duration {
        self.instant().saturating_duration_since(start)
    }
}

/// A point in time of a clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    clock: Clock,
    instant: Instant,
}

impl Moment {
    /// Returns the time since a moment that is the same for all calls of the process, on either
    /// clock. That moment lies far back, as the clock of a test may be behind the clock that is
    /// read first.
    pub(crate) fn since_start(self) -> Duration {
        const FAR_BACK: Duration = Duration::from_secs(1 << 32);
        static FIRST: OnceLock<Instant> = OnceLock::new();
        let first = *FIRST.get_or_init(|| self.instant);
        match self.instant.checked_duration_since(first) {
            Some(later) => FAR_BACK.saturating_add(later),
            None => FAR_BACK.saturating_sub(first.saturating_duration_since(self.instant)),
        }
    }

    /// Returns the moment `time` later, or `None` if the clock cannot represent it.
    pub(crate) fn after(self, time: Duration) -> Option<Self> {
        let Self { clock, instant } = self;
        instant.checked_add(time).map(|instant| Self { clock, instant })
    }

    /// Returns the moment `time` earlier, or `None` if the clock cannot represent it.
    pub(crate) fn before(self, time: Duration) -> Option<Self> {
        let Self { clock, instant } = self;
        instant.checked_sub(time).map(|instant| Self { clock, instant })
    }

    /// Returns the time from now until this moment; zero if the moment is past.
    pub(crate) fn left(self) -> Duration {
        self.instant.saturating_duration_since(self.clock.now().instant)
    }

    /// Reads the same clock again.
    pub(crate) fn now(self) -> Self {
        self.clock.now()
    }

    /// Returns the time from this moment until now; zero if the moment is yet to come.
    pub(crate) fn elapsed(self) -> Duration {
        self.clock.elapsed_since(self.instant)
    }
}

/// Returns 128 random bits for a call. They differ in every call, thread and process, unless a test
/// has seeded them.
pub(crate) fn random_bits() -> u128 {
    draw()
}

/// Returns a uniform number in `[0, 1)` for a call. It differs in every call, thread and process,
/// unless a test has seeded it.
pub(crate) fn random() -> f64 {
    draw()
}

/// Draws a random value that belongs to no call, and that no test seeds.
///
/// The system is asked each time. Only retries and keys need a value, and a generator that is
/// seeded once would have to be seeded again after a `fork`.
///
/// # Panics
///
/// Panics if the system has no randomness, as the standard library's `HashMap` does.
pub(crate) fn entropy<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    UnwrapErr(SysRng).random()
}

fn draw<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    #[cfg(feature = "testing")]
    if let Some(random) = testing::draw() {
        return random;
    }
    entropy()
}

/// Stands in for the count of skipped waits where `testing` is off. Zero-sized.
#[cfg(not(feature = "testing"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {}

#[cfg(not(feature = "testing"))]
#[allow(clippy::unused_self, reason = "the signatures are those of `testing::Skipped`")]
impl Skipped {
    pub(crate) const fn begin(&mut self) {}

    pub(crate) const fn of_call(self) -> Duration {
        Duration::ZERO
    }

    pub(crate) const fn add_to(self, time: Duration) -> Duration {
        time
    }

    pub(crate) const fn reach(&mut self, _: Duration) {}

    pub(crate) const fn of_start(self) -> Duration {
        Duration::ZERO
    }

    const fn skip(&mut self, _: Duration) -> bool {
        false
    }
}

pin_project! {
    /// The wait of an async call. No `async` block, which would hold the sleep twice.
    #[project = WaitProjection]
    pub(crate) enum Wait {
        Sleep {
            #[pin]
            sleep: tokio::time::Sleep,
        },
        /// The wait is skipped, but other tasks run once, as they do in a wait.
        Skipped,
        /// Other tasks have run.
        Yielded,
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.as_mut().project() {
            WaitProjection::Sleep { sleep } => sleep.poll(context),
            WaitProjection::Skipped => {
                self.set(Self::Yielded);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            WaitProjection::Yielded => Poll::Ready(()),
        }
    }
}

/// Waits in an async call, on tokio's clock and counted from now. Yields once instead if a test
/// skips the wait.
///
/// # Panics
///
/// Panics outside of a tokio runtime with time enabled, as reqwest's own timeouts do.
pub(crate) fn wait(wait: Duration, skipped: &mut Skipped) -> Wait {
    if skipped.skip(wait) { Wait::Skipped } else { Wait::Sleep { sleep: tokio::time::sleep(wait) } }
}

/// Blocks the thread of a sync call until `wait` has passed since `start`. Returns at once if a
/// test skips the wait.
pub(crate) fn wait_blocking(start: Moment, wait: Duration, skipped: &mut Skipped) {
    if !skipped.skip(wait) {
        thread::sleep(wait.saturating_sub(start.elapsed()));
    }
}

/// Wakes a thread that waits for its turn.
pub(crate) struct Signal(Arc<Wakeup>);

struct Wakeup {
    is_woken: Mutex<bool>,
    condition: Condvar,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Wakeup { is_woken: Mutex::new(false), condition: Condvar::new() }))
    }

    /// Returns a waker that ends the wait.
    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }
}

/// Blocks the thread of a sync call until `wait` has passed or the signal comes. Returns at once if
/// a test skips the wait.
pub(crate) fn wait_for_signal(signal: &Signal, wait: Duration, skipped: &mut Skipped) {
    if !skipped.skip(wait) {
        let is_woken = signal.0.is_woken.lock().unwrap_or_else(PoisonError::into_inner);
        // The end of the wait is as good as the signal.
        _ = signal.0.condition.wait_timeout_while(is_woken, wait, |is_woken| !*is_woken);
    }
}

/// Waits on tokio's clock, counted from this call and not from the first poll.
///
/// # Panics
///
/// Panics outside of a tokio runtime with time enabled, as reqwest's own timeouts do.
#[cfg(feature = "redis")]
pub(crate) fn sleep(wait: Duration) -> impl Future<Output = ()> {
    tokio::time::sleep(wait)
}

/// Runs `future` for at most `limit`, then drops it. Returns `None` if it did not end.
pub(crate) async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// The drains that run on threads of their own.
static DRAINS: Mutex<Vec<RunningDrain>> = Mutex::new(Vec::new());

/// The number of drains that run at once. Others are dropped undone, which costs a connection each.
const MOST_DRAINS: usize = 16;
/// The number of drains of one server that run at once. All of them may turn out to stall.
const MOST_DRAINS_OF_SERVER: usize = 4;

struct RunningDrain {
    number: u64,
    server: NonZeroU64,
    until: Moment,
}

/// Runs `work`, which reads a response of `server`, on a thread of its own, and waits for it until
/// `until` at most.
///
/// A blocking read cannot be interrupted. One that gets no byte lasts beyond `until`, up to the
/// client's read timeout; as long as it does, no other response of that server is drained, so that
/// neither threads nor connections pile up.
pub(crate) fn drain_blocking(until: Moment, server: NonZeroU64, work: impl FnOnce(Moment) + Send + 'static) {
    let Some(running) = begin_drain(until, server) else { return };
    let (done, wait) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("retry-http drain".into()).spawn(move || {
        work(until);
        drop(running);
        // Nobody receives this once the time is over.
        let _: Result<(), _> = done.send(());
    });
    // If the system has no thread left, `work` is dropped undone: only a connection is lost.
    if spawned.is_ok() {
        let _: Result<(), _> = wait.recv_timeout(until.left());
    }
}

/// Removes a drain from those that run, also after a panic.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        running_drains().retain(|drain| drain.number != self.0);
    }
}

/// Adds a drain to those that run, unless there are too many, of all servers or of this one, or one
/// of this server is overdue.
fn begin_drain(until: Moment, server: NonZeroU64) -> Option<Running> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut drains = running_drains();
    let of_server = drains.iter().filter(|drain| drain.server == server);
    let is_server_busy = of_server.clone().count() >= MOST_DRAINS_OF_SERVER
        || of_server.clone().any(|drain| drain.until.left().is_zero());
    if drains.len() >= MOST_DRAINS || is_server_busy {
        return None;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    drains.push(RunningDrain { number, server, until });
    Some(Running(number))
}

/// Locks the running drains. Poison is ignored, as no change of them can be half done.
fn running_drains() -> MutexGuard<'static, Vec<RunningDrain>> {
    DRAINS.lock().unwrap_or_else(PoisonError::into_inner)
}
