//! Virtual time, and chance that is the same for the same seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A queue of events, soonest first. Those of the same moment keep the order in which they were
/// added.
pub struct Events<E> {
    heap: BinaryHeap<Reverse<(Duration, u64, Ordered<E>)>>,
    told: u64,
}

impl<E> Events<E> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), told: 0 }
    }

    pub fn at(&mut self, when: Duration, what: E) {
        self.told += 1;
        self.heap.push(Reverse((when, self.told, Ordered(what))));
    }

    pub fn next(&mut self) -> Option<(Duration, E)> {
        self.heap.pop().map(|Reverse((when, _, Ordered(what)))| (when, what))
    }
}

/// Two events are never compared by what they are: `told` is different.
struct Ordered<E>(E);

impl<E> PartialEq for Ordered<E> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<E> Eq for Ordered<E> {}

impl<E> PartialOrd for Ordered<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Ordered<E> {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// `SplitMix64`: small, and the same everywhere.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// The time between two events of which there are `rate` a second.
    pub fn pause(&mut self, rate: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.unit()).ln() / rate)
    }

    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}
