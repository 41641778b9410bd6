//! Keeps the calls that wait in the order in which they came, also when any of them leaves.
//!
//! A call asks how many are before it each time it wakes, so that must be cheap in a queue of many
//! thousands from whose middle calls leave: the queue counts those that still wait in a binary
//! indexed tree, and every question takes O(log n). Calls that have left are swept out when they
//! are the larger part, so memory is bounded by the number of calls that wait.

use std::task::Waker;

/// The entries of calls that have left to keep besides as many as there are calls that wait.
const SLACK: usize = 32;

/// The waiting calls.
#[derive(Debug)]
pub(super) struct Queue {
    /// In the order in which the calls came, those that have left among them.
    entries: Vec<Entry>,
    /// The binary indexed tree: at `i`, how many calls wait among the entries up to and with `i`,
    /// as many back as the lowest bit of `i + 1` says.
    counts: Vec<u32>,
    waiting: usize,
    next_number: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    state: Waiting,
}

/// The state of a call that may wait.
#[derive(Debug)]
enum Waiting {
    /// It waits. The waker is there once it sleeps in a task or thread.
    Asleep(Option<Waker>),
    /// It is called to ask again, and has not yet.
    Called,
    /// It has left.
    Gone,
}

impl Queue {
    /// A new queue is empty.
    pub(super) const EMPTY: Self = Self::numbered_from(0);

    /// Makes an empty queue whose first call gets this number.
    pub(super) const fn numbered_from(next_number: u64) -> Self {
        Self { entries: Vec::new(), counts: Vec::new(), waiting: 0, next_number }
    }

    /// Returns the number that the next call gets.
    pub(super) const fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Returns `true` if a call waits.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.find(number).is_some()
    }

    /// Returns the number of calls that wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Adds a call behind all others. Returns its number, which no other call gets.
    pub(super) fn push(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.push_entry(Entry { number, state: Waiting::Asleep(None) });
        number
    }

    /// Removes a call. Returns its waker, which must not be dropped under a lock.
    pub(super) fn remove(&mut self, number: u64) -> Option<Waker> {
        let at = self.find(number)?;
        let state = std::mem::replace(&mut self.entries[at].state, Waiting::Gone);
        let mut node = at + 1;
        while let Some(count) = self.counts.get_mut(node - 1) {
            *count -= 1;
            node += lowest_bit(node);
        }
        self.waiting -= 1;
        if self.entries.len() > 2 * self.waiting + SLACK {
            self.sweep();
        }
        match state {
            Waiting::Asleep(waker) => waker,
            Waiting::Called | Waiting::Gone => None,
        }
    }

    /// Returns how many calls wait before this one.
    pub(super) fn rank(&self, number: u64) -> Option<usize> {
        let mut node = self.find(number)?;
        let mut before = 0;
        while node > 0 {
            before += self.counts[node - 1] as usize;
            node -= lowest_bit(node);
        }
        Some(before)
    }

    /// Sets the waker of a call that sleeps. Returns the one that is of no use, which must not be
    /// dropped under a lock.
    pub(super) fn set_waker(&mut self, number: u64, waker: Waker) -> Option<Waker> {
        let Some(at) = self.find(number) else { return Some(waker) };
        match &mut self.entries[at].state {
            Waiting::Asleep(present) => present.replace(waker),
            Waiting::Called | Waiting::Gone => Some(waker),
        }
    }

    /// Returns `true` if a call is to ask again.
    pub(super) fn is_called(&self, number: u64) -> bool {
        self.find(number).is_none_or(|at| matches!(self.entries[at].state, Waiting::Called))
    }

    /// Records that a call has asked, so that it can be called again.
    pub(super) fn rest(&mut self, number: u64) {
        if let Some(at) = self.find(number) {
            if let Waiting::Called = self.entries[at].state {
                self.entries[at].state = Waiting::Asleep(None);
            }
        }
    }

    /// Calls the call with so many before it to ask again. Returns its waker, to be woken when no
    /// lock is held.
    pub(super) fn call(&mut self, rank: usize) -> Option<Waker> {
        let at = self.at_rank(rank)?;
        match std::mem::replace(&mut self.entries[at].state, Waiting::Called) {
            Waiting::Asleep(waker) => waker,
            Waiting::Called | Waiting::Gone => None,
        }
    }

    /// Returns the index of a call that waits.
    fn find(&self, number: u64) -> Option<usize> {
        let at = self.entries.binary_search_by_key(&number, |entry| entry.number).ok()?;
        (!matches!(self.entries[at].state, Waiting::Gone)).then_some(at)
    }

    /// Returns the index of the call with so many before it.
    fn at_rank(&self, rank: usize) -> Option<usize> {
        if rank >= self.waiting {
            return None;
        }
        let (mut at, mut left) = (0, rank);
        let mut step = self.counts.len().next_power_of_two();
        while step > 0 {
            if let Some(count) = self.counts.get(at + step - 1) {
                if *count as usize <= left {
                    at += step;
                    left -= *count as usize;
                }
            }
            step /= 2;
        }
        Some(at)
    }

    fn push_entry(&mut self, entry: Entry) {
        self.entries.push(entry);
        let node = self.entries.len();
        let (mut count, mut below) = (1, node - 1);
        while below > node - lowest_bit(node) {
            count += self.counts[below - 1];
            below -= lowest_bit(below);
        }
        self.counts.push(count);
        self.waiting += 1;
    }

    /// Removes the entries of calls that have left.
    fn sweep(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        self.counts = Vec::new();
        self.waiting = 0;
        for entry in entries {
            if !matches!(entry.state, Waiting::Gone) {
                self.push_entry(entry);
            }
        }
    }
}

const fn lowest_bit(node: usize) -> usize {
    node & node.wrapping_neg()
}

#[cfg(all(test, not(retry_loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn those_behind_move_up() {
        let mut queue = Queue::EMPTY;
        let [first, second, third] = [(); 3].map(|()| queue.push());
        assert_eq!([first, second, third].map(|call| queue.rank(call)), [Some(0), Some(1), Some(2)]);
        assert!(queue.remove(first).is_none() && queue.remove(first).is_none());
        assert_eq!([first, second, third].map(|call| queue.rank(call)), [None, Some(0), Some(1)]);
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn a_call_is_called_by_its_rank_and_its_waker_is_returned_once() {
        let mut queue = Queue::EMPTY;
        let [first, second] = [(); 2].map(|()| queue.push());
        let count = Arc::new(Count::default());
        assert!(queue.set_waker(second, Waker::from(Arc::clone(&count))).is_none());
        queue.remove(first);
        queue.call(0).unwrap().wake();
        assert!(queue.is_called(second) && queue.call(0).is_none());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        queue.rest(second);
        assert!(!queue.is_called(second));
        assert!(queue.is_called(first), "who has left need not wait");
        assert!(queue.call(1).is_none());
    }

    #[test]
    fn those_that_have_left_are_swept_out_once_they_are_the_larger_part_and_no_earlier() {
        for (calls, left) in [(SLACK, SLACK), (SLACK + 1, 0)] {
            let mut queue = Queue::EMPTY;
            let numbers: Vec<_> = (0..calls).map(|_| queue.push()).collect();
            for number in numbers {
                assert_eq!(queue.entries.len(), calls);
                queue.remove(number);
            }
            assert_eq!(queue.entries.len(), left, "{calls}");
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list(script in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (mut queue, mut list) = (Queue::EMPTY, Vec::new());
            for step in script {
                if step % 3 == 0 || list.is_empty() {
                    list.push(queue.push());
                } else {
                    queue.remove(list.remove(usize::from(step) % list.len()));
                }
                prop_assert_eq!(queue.len(), list.len());
                prop_assert_eq!(queue.is_empty(), list.is_empty());
                prop_assert!(queue.entries.len() <= 2 * list.len() + SLACK);
                for (rank, number) in list.iter().enumerate() {
                    prop_assert_eq!(queue.rank(*number), Some(rank));
                    prop_assert_eq!(queue.at_rank(rank).map(|at| queue.entries[at].number), Some(*number));
                }
                prop_assert_eq!(queue.at_rank(list.len()), None);
            }
        }
    }
}
