//! A queue whose calls take turns.
//!
//! A turn belongs to no call: it goes to whoever is first when it is due, so a call that leaves
//! passes it on, and those behind move up. Turns that are due and not taken stay for a second while
//! calls wait, since a call may ask late; time in which none waits is not made up for. After that
//! second a turn goes to whoever asks, as the call that it was due to is not polled.
//!
//! Turns go to the oldest call, until one leaves without its turn. That shows that callers give up,
//! and the oldest is who gives up next: it would be sent only to be dropped before its answer, and
//! nothing would succeed. So from then on three of four turns go to the newest, until the queue is
//! empty once.

use std::task::Waker;
use std::time::Duration;

use super::queue::Queue;
use super::wakers::Wakers;

/// The turns of the newest calls for each of the oldest.
const NEWEST: u64 = 3;

/// The time after its interval for which a turn is kept for the call that it is due to. A future
/// that nobody polls holds back no other for longer.
const KEPT: Duration = Duration::from_secs(1);

/// A queue and its turns.
#[derive(Debug)]
pub(super) struct Lane {
    queue: Queue,
    /// The time at which the next turn is due.
    pub(super) due_at: Duration,
    /// `true` if a call has left without its turn since the queue was last empty.
    is_deserted: bool,
    /// The turns of the newest calls until one is the oldest's, where the lane is deserted.
    until_oldest: u64,
}

/// The answer to a call that asks for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has the turn, and is no longer in the queue.
    Now,
    /// At the present pace it has a turn after this wait, with so many turns of others before.
    In { wait: Duration, turns: u64 },
}

impl Lane {
    /// A new lane is empty, and its first turn is due.
    pub(super) const EMPTY: Self =
        Self { queue: Queue::EMPTY, due_at: Duration::ZERO, is_deserted: false, until_oldest: 0 };

    /// Makes an empty lane whose first call gets this number.
    pub(super) fn numbered_from(number: u64) -> Self {
        Self { queue: Queue::numbered_from(number), ..Self::EMPTY }
    }

    /// Returns the number that the next call gets.
    pub(super) const fn next_number(&self) -> u64 {
        self.queue.next_number()
    }

    /// Returns `true` if a call waits here.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.queue.contains(number)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds a call behind all others. Returns its number.
    pub(super) fn join(&mut self, now: Duration) -> u64 {
        if self.queue.is_empty() {
            self.due_at = self.due_at.max(now);
            self.is_deserted = false;
        }
        self.queue.push()
    }

    /// Takes the turn of a call, if it is due. No turn is due before `from`, and the next one is
    /// due an `interval` later.
    pub(super) fn ask(
        &mut self,
        number: u64,
        now: Duration,
        from: Duration,
        interval: Duration,
        calls: &mut Wakers,
    ) -> Turn {
        self.queue.rest(number);
        // What holds back until then may end earlier, so only a turn that is taken counts.
        let mut first = self.due_at.max(from);
        let (turns, is_newest) = self.turns_before(number);
        let oldest_kept = now.saturating_sub(interval).saturating_sub(KEPT);
        if first <= oldest_kept {
            // Those before it are not polled. What they missed is not made up for.
            first = oldest_kept;
        } else {
            let due_at = first.saturating_add(times(interval, turns));
            if due_at > now {
                return Turn::In { wait: due_at.saturating_sub(now), turns };
            }
        }
        self.due_at = first.saturating_add(interval);
        self.until_oldest = if is_newest { self.until_oldest.saturating_sub(1) } else { NEWEST };
        self.remove(number, calls);
        Turn::Now
    }

    /// Removes a call that leaves without its turn.
    pub(super) fn leave(&mut self, number: u64, calls: &mut Wakers) {
        if !self.is_deserted {
            (self.is_deserted, self.until_oldest) = (true, NEWEST);
        }
        self.remove(number, calls);
    }

    /// Removes a call that goes on elsewhere.
    pub(super) fn remove(&mut self, number: u64, calls: &mut Wakers) {
        calls.discard(self.queue.remove(number));
        self.call_next(calls);
    }

    /// Makes the next turn due earlier: what is left of the wait from `from` on shrinks by
    /// `factor`.
    pub(super) fn hasten(&mut self, from: Duration, factor: f64, calls: &mut Wakers) {
        if self.due_at > from {
            let left = self.due_at.saturating_sub(from).mul_f64(factor);
            self.due_at = self.due_at.min(from.saturating_add(left));
            self.call_next(calls);
        }
    }

    /// Calls who has the next turn to ask again.
    pub(super) fn call_next(&mut self, calls: &mut Wakers) {
        calls.wake(self.queue.call(0));
        if self.is_deserted {
            calls.wake(self.queue.call(self.queue.len().saturating_sub(1)));
        }
    }

    /// Calls all calls to ask again.
    pub(super) fn call_all(&mut self, calls: &mut Wakers) {
        calls.wake((0..self.queue.len()).filter_map(|rank| self.queue.call(rank)));
    }

    /// Records that a call has asked, of which the lane is not to decide.
    pub(super) fn rest(&mut self, number: u64) {
        self.queue.rest(number);
    }

    /// Sets the waker of a call. Returns `true` if the call is to ask again instead.
    pub(super) fn set_waker(&mut self, number: u64, waker: Waker, calls: &mut Wakers) -> bool {
        let is_called = self.queue.is_called(number);
        calls.discard(self.queue.set_waker(number, waker));
        is_called
    }

    /// Returns how many turns of others come before that of a call, and whether it gets that turn
    /// as one of the newest.
    fn turns_before(&self, number: u64) -> (u64, bool) {
        let before = self.queue.rank(number).unwrap_or_default();
        if !self.is_deserted {
            return (before as u64, false);
        }
        let behind = self.queue.len().saturating_sub(before + 1) as u64;
        let as_oldest = self.until_oldest + (NEWEST + 1) * before as u64;
        let as_newest = match behind.checked_sub(self.until_oldest) {
            None => behind,
            Some(later) => self.until_oldest + 1 + later + later / NEWEST,
        };
        (as_oldest.min(as_newest), as_newest < as_oldest)
    }
}

/// Returns `n` intervals. Saturates.
pub(super) fn times(interval: Duration, n: u64) -> Duration {
    let nanos = interval.as_nanos().saturating_mul(u128::from(n));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ask(lane: &mut Lane, number: u64, now: u32) -> bool {
        lane.ask(number, SECOND * now, Duration::ZERO, SECOND, &mut Wakers::default()) == Turn::Now
    }

    #[test]
    fn turns_go_to_the_oldest_at_the_pace() {
        let mut lane = Lane::EMPTY;
        let [a, b, c] = [(); 3].map(|()| lane.join(SECOND));
        assert_eq!([c, b, a].map(|call| ask(&mut lane, call, 1)), [false, false, true]);
        assert_eq!([c, b].map(|call| ask(&mut lane, call, 2)), [false, true]);
        assert_eq!(
            lane.ask(c, SECOND * 2, SECOND * 4, SECOND, &mut Wakers::default()),
            Turn::In { wait: SECOND * 2, turns: 0 }
        );
        assert!(ask(&mut lane, c, 4) && lane.is_empty());
        assert_eq!(lane.due_at, SECOND * 4, "what held back until then may end earlier");
    }

    #[test]
    fn a_turn_that_is_due_waits_for_a_call_that_asks_late_and_holds_nobody_else() {
        let mut lane = Lane::EMPTY;
        let [a, b, c] = [(); 3].map(|()| lane.join(SECOND));
        assert_eq!([b, c].map(|call| ask(&mut lane, call, 2)), [true, false]);
        assert_eq!([c, a].map(|call| ask(&mut lane, call, 3)), [true, true]);
    }

    #[test]
    fn calls_that_do_not_ask_hold_back_no_other_and_their_turns_are_not_made_up_for() {
        let mut lane = Lane::EMPTY;
        for _ in 0..100 {
            lane.join(SECOND);
        }
        let asking: Vec<_> = (0..20).map(|_| lane.join(SECOND)).collect();
        let mut went = asking.iter().filter(|call| ask(&mut lane, **call, 2));
        assert_eq!(went.next(), None, "the first turn is another's for a while");
        let at_once = asking.iter().filter(|call| ask(&mut lane, **call, 60)).count();
        assert!((1..=3).contains(&at_once), "{at_once} go at once, after a minute");
        assert!(ask(&mut lane, asking[19], 61));
    }

    #[test]
    fn time_in_which_no_call_waits_is_not_made_up_for() {
        let mut lane = Lane::EMPTY;
        let [a, b] = [(); 2].map(|()| lane.join(SECOND * 9));
        assert_eq!([a, b].map(|call| ask(&mut lane, call, 9)), [true, false]);
    }

    #[test]
    fn once_a_call_has_left_three_of_four_turns_are_the_newests() {
        let mut lane = Lane::EMPTY;
        let mut waiting: Vec<_> = (0..10).map(|_| lane.join(SECOND)).collect();
        lane.leave(waiting.remove(0), &mut Wakers::default());
        let mut order = Vec::new();
        for now in 1..10 {
            let goes = waiting.iter().position(|call| ask(&mut lane, *call, now)).unwrap();
            order.push(waiting.remove(goes));
        }
        assert_eq!(order, [9, 8, 7, 1, 6, 5, 4, 2, 3]);
        // An empty lane begins anew.
        let [a, b, c] = [(); 3].map(|()| lane.join(SECOND * 20));
        assert_eq!([c, b, a].map(|call| ask(&mut lane, call, 20)), [false, false, true]);
        assert_eq!([c, b].map(|call| ask(&mut lane, call, 21)), [false, true]);
    }

    #[test]
    fn a_call_knows_its_turn_among_those_of_the_oldest_and_the_newest() {
        for (callers, until_oldest) in (1..12).flat_map(|callers| (0..=NEWEST).map(move |n| (callers, n))) {
            let mut lane = Lane { is_deserted: true, until_oldest, ..Lane::EMPTY };
            let mut waiting: std::collections::VecDeque<_> =
                (0..callers).map(|_| lane.queue.push()).collect();
            let mut until = until_oldest;
            for turn in 0..callers {
                let is_newest = until > 0;
                until = if is_newest { until - 1 } else { NEWEST };
                let goes = if is_newest { waiting.pop_back() } else { waiting.pop_front() };
                assert_eq!(lane.turns_before(goes.unwrap()), (turn, is_newest), "{callers} {until_oldest}");
            }
        }
    }

    #[test]
    fn whoever_leaves_calls_the_next_one() {
        let mut lane = Lane::EMPTY;
        let [a, b, c] = [(); 3].map(|()| lane.join(SECOND));
        let mut calls = Wakers::NONE;
        let waker = || Waker::noop().clone();
        for call in [a, b, c] {
            assert!(!lane.set_waker(call, waker(), &mut calls));
        }
        lane.leave(a, &mut calls);
        assert!(lane.set_waker(b, waker(), &mut calls) && lane.set_waker(c, waker(), &mut calls));
        // Who is called asks, and may be called again.
        assert!(!ask(&mut lane, b, 0));
        assert!(!lane.set_waker(b, waker(), &mut calls));
        lane.hasten(SECOND, 0.5, &mut calls);
        assert!(!lane.set_waker(b, waker(), &mut calls), "its turn is due no earlier");
        lane.hasten(Duration::ZERO, 0.5, &mut calls);
        assert!(lane.set_waker(b, waker(), &mut calls));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(times(SECOND * 2, 3), SECOND * 6);
        assert_eq!(times(Duration::MAX, 2), Duration::from_nanos(u64::MAX));
    }
}
