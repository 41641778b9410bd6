//! Whose turn it is to renew: what all calls know of one [`Renewal`](super::Renewal).

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::engine::exchange::Exchange;
use crate::engine::recorder::next_number;
use crate::env::{self, Clock, Moment};
use crate::scope;
use crate::scope::renewal::{Asker, RenewalCount, Renewed};

/// A call that begins during a renewal waits for it this long at most, or
/// [`LATE_FACTOR`] times the duration of the last renewal, whichever is longer.
const LATE_WAIT: Duration = Duration::from_secs(3);
const LATE_FACTOR: u32 = 4;
/// The first pause after a renewal that was of no use, and the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The number of functions whose refusals are remembered.
const REMEMBERED: usize = 64;

thread_local! {
    /// The addresses of the [`Turns`] whose renewals the running code is part of.
    static RUNNING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The turns of a [`Renewal`](super::Renewal).
#[derive(Debug, Default)]
pub(crate) struct Turns {
    progress: Mutex<State>,
    ended: Notify,
    ended_blocking: Condvar,
}

#[derive(Debug)]
struct State {
    /// The number at which the renewal began that is under way.
    running: Option<u64>,
    /// The last renewal that succeeded.
    succeeded: RenewalCount,
    /// The last renewal that failed.
    failed: RenewalCount,
    /// The time that the last successful renewal took.
    took: Duration,
    /// The functions whose fresh credentials were refused.
    refused: Vec<Refused>,
    /// The renewals that were dropped half way, since the last one that ended.
    cut_off: Option<CutOff>,
}

/// A function whose fresh credentials were refused.
#[derive(Debug)]
struct Refused {
    function: usize,
    /// The renewal that was of no use.
    renewal: RenewalCount,
    pause: Pause,
}

/// Renewals that were dropped half way.
#[derive(Clone, Copy, Debug)]
struct CutOff {
    /// The longest time that one of them had.
    after: Duration,
    pause: Pause,
}

/// The time in which no renewal begins, after several that were of no use.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    times: u32,
    /// Counted as [`Moment::since_start`] does.
    until: Duration,
}

/// A call that asks whether to renew.
pub(super) struct Asking {
    pub(super) turns: Arc<Turns>,
    pub(super) asker: Option<Asker>,
    /// The renewals that had ended when it began to ask.
    pub(super) entered: RenewalCount,
}

/// The decision about a call that asks.
pub(super) enum Decision {
    /// Another call knows whether there are fresh credentials, or none would be of use.
    Known(bool),
    /// It is this call's turn.
    Run(RunningRenewal),
}

/// The next thing that a call does.
enum Next {
    Decided(bool),
    Run,
    /// Wait for the renewal that is under way, for this long at most.
    Wait(Option<Duration>),
}

/// A renewal that is under way.
pub(super) struct RunningRenewal {
    turns: Arc<Turns>,
    /// The beginning, by the clock of the call that it runs for.
    start: Option<Moment>,
    has_ended: bool,
}

impl Default for State {
    fn default() -> Self {
        let none = RenewalCount::NONE;
        Self {
            running: None,
            succeeded: none,
            failed: none,
            took: Duration::ZERO,
            refused: Vec::new(),
            cut_off: None,
        }
    }
}

impl Pause {
    /// Begins a pause that is longer than the last one.
    fn lengthen(&mut self, now: Duration) {
        let longer = SHORTEST_PAUSE.saturating_mul(1_u32.checked_shl(self.times).unwrap_or(u32::MAX));
        self.times = self.times.saturating_add(1);
        self.until = now.saturating_add(longer.min(LONGEST_PAUSE));
    }
}

impl Asking {
    /// Waits until it is known whether there are fresh credentials, or it is this call's turn.
    pub(super) async fn decide(&self) -> Decision {
        loop {
            // Made before it is asked, so that it hears of a renewal that ends in between.
            let ended = self.turns.ended.notified();
            let step = self.next(&mut self.turns.lock());
            match step {
                Next::Decided(renewed) => return Decision::Known(renewed),
                Next::Run => return Decision::Run(self.begin()),
                Next::Wait(None) => ended.await,
                Next::Wait(Some(limit)) => {
                    if env::timeout(limit, ended).await.is_none() {
                        return Decision::Known(false);
                    }
                }
            }
        }
    }

    /// Does what [`decide`](Self::decide) does, and blocks the thread.
    pub(super) fn decide_blocking(&self) -> Decision {
        let mut progress = self.turns.lock();
        loop {
            let limit = match self.next(&mut progress) {
                Next::Decided(renewed) => return Decision::Known(renewed),
                Next::Run => return Decision::Run(self.begin()),
                Next::Wait(limit) => limit,
            };
            // Nobody interrupts this call at its deadline.
            let Some(limit) = limit.into_iter().chain(time_left()).min() else {
                let woken = self.turns.ended_blocking.wait(progress);
                progress = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let woken = self.turns.ended_blocking.wait_timeout(progress, limit);
            let (guard, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return Decision::Known(false);
            }
            progress = guard;
        }
    }

    fn next(&self, progress: &mut State) -> Next {
        if self.asker.and_then(|asker| asker.before).is_some_and(|before| before < progress.succeeded) {
            return Next::Decided(true);
        }
        // Only calls that waited for a renewal share its failure: another one may succeed.
        if self.entered < progress.failed {
            return Next::Decided(false);
        }
        if let Some(began) = progress.running {
            if self.turns.is_running_here() {
                return Next::Decided(false);
            }
            // It may be part of that renewal's work, which would wait for itself.
            let is_late = self.asker.is_some_and(|asker| asker.attempt > began);
            let longest = progress.took.saturating_mul(LATE_FACTOR).max(LATE_WAIT);
            return Next::Wait(is_late.then_some(longest));
        }
        if self.asker.is_some_and(|asker| progress.is_of_no_use(asker)) {
            return Next::Decided(false);
        }
        progress.running = Some(next_number());
        Next::Run
    }

    fn begin(&self) -> RunningRenewal {
        let start = self.asker.map(|asker| asker.clock.now());
        RunningRenewal { turns: Arc::clone(&self.turns), start, has_ended: false }
    }
}

/// Returns the time left for the call that the running code is part of.
fn time_left() -> Option<Duration> {
    scope::current(|scope| scope.terms().outgoing.left()).flatten()
}

impl State {
    /// Returns whether a renewal for this call would be of no use, by what is known of others.
    fn is_of_no_use(&self, asker: Asker) -> bool {
        if self.refused.is_empty() && self.cut_off.is_none() {
            return false;
        }
        let now = asker.clock.now().since_start();
        let is_refused = |refused: &Refused| refused.function == asker.function && now < refused.pause.until;
        let is_too_long = |cut_off: CutOff| {
            // Calls with the same deadline have a little more time, or a little less.
            let after = cut_off.after.saturating_add(cut_off.after / 4);
            now < cut_off.pause.until && time_left().is_some_and(|left| left <= after)
        };
        self.refused.iter().any(is_refused) || self.cut_off.is_some_and(is_too_long)
    }
}

impl Turns {
    /// Records what the server said to the attempt of `function` that followed a renewal.
    pub(crate) fn on_attempt(&self, function: usize, clock: Clock, exchange: &Exchange) {
        let mut progress = self.lock();
        let renewal = progress.succeeded;
        let refused = &mut progress.refused;
        let place = refused.iter().position(|refused| refused.function == function);
        if !exchange.has_expired_credentials() {
            if let (Some(place), true) = (place, exchange.status().is_some()) {
                refused.remove(place);
            }
            return;
        }
        let now = clock.now().since_start();
        let place = place.unwrap_or_else(|| {
            if refused.len() == REMEMBERED {
                refused.remove(0);
            }
            refused.push(Refused { function, renewal: RenewalCount::NONE, pause: Pause::default() });
            refused.len() - 1
        });
        // Many calls may share a renewal, which counts once.
        if refused[place].renewal != renewal {
            refused[place].renewal = renewal;
            refused[place].pause.lengthen(now);
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Returns whether the running code is part of the renewal that is under way.
    fn is_running_here(&self) -> bool {
        RUNNING.with_borrow(|running| running.contains(&self.address()))
    }

    /// Locks the progress. Poison is ignored, as no change of it can be half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        self.ended.notify_waiters();
        self.ended_blocking.notify_all();
    }
}

impl RunningRenewal {
    /// Awaits the renewal. Returns whether it succeeded.
    pub(super) async fn run<F>(self, renewal: F) -> bool
    where
        F: Future<Output: Renewed>,
    {
        let mut renewal = pin!(renewal);
        let renewed = poll_fn(|poll| self.run_part(|| renewal.as_mut().poll(poll))).await;
        self.end(renewed)
    }

    /// Does what [`run`](Self::run) does, and blocks the thread.
    pub(super) fn run_blocking<R: Renewed>(self, renewal: impl FnOnce() -> R) -> bool {
        let renewed = self.run_part(renewal);
        self.end(renewed)
    }

    /// Runs a part of the renewal.
    fn run_part<T>(&self, part: impl FnOnce() -> T) -> T {
        /// Leaves the renewal, also after a panic.
        struct Leave;

        impl Drop for Leave {
            fn drop(&mut self) {
                RUNNING.with_borrow_mut(|running| _ = running.pop());
            }
        }

        RUNNING.with_borrow_mut(|running| running.push(self.turns.address()));
        let _leave = Leave;
        part()
    }

    /// Records how the renewal ended, and returns whether it succeeded.
    fn end(mut self, renewed: impl Renewed) -> bool {
        let succeeded = renewed.renewed();
        self.has_ended = true;
        let took = self.start.map(Moment::elapsed);
        let mut progress = self.turns.lock();
        progress.running = None;
        progress.cut_off = None;
        let number = RenewalCount::end_one();
        if succeeded {
            progress.succeeded = number;
            progress.took = took.unwrap_or(progress.took);
        } else {
            progress.failed = number;
        }
        drop(progress);
        self.turns.wake_all();
        succeeded
    }
}

/// Gives up the turn of a renewal that is dropped half way.
impl Drop for RunningRenewal {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut progress = self.turns.lock();
        progress.running = None;
        if let (Some(start), false) = (self.start, std::thread::panicking()) {
            let mut cut_off =
                progress.cut_off.unwrap_or(CutOff { after: Duration::ZERO, pause: Pause::default() });
            cut_off.after = cut_off.after.max(start.elapsed());
            cut_off.pause.lengthen(start.now().since_start());
            progress.cut_off = Some(cut_off);
        }
        drop(progress);
        self.turns.wake_all();
    }
}
