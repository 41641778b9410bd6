//! Servers that are in trouble, each in its own way.

use std::time::Duration;

use crate::caller::Answer;
use crate::herd::Server;
use crate::world::Chance;

/// One queue, first come, first served. It stands still for a while, and does not notice that a
/// client has long turned away: what waited longer than the client does was done for nothing.
pub struct Queue {
    pub per_second: f64,
    pub stands_still: (Duration, Duration),
    pub timeout: Duration,
    free_at: Duration,
}

impl Queue {
    pub fn new(per_second: f64, stands_still: (Duration, Duration), timeout: Duration) -> Self {
        Self { per_second, stands_still, timeout, free_at: Duration::ZERO }
    }
}

impl Server for Queue {
    fn answer(&mut self, now: Duration, _: &mut Chance) -> (Duration, Answer) {
        let (from, to) = self.stands_still;
        let mut begins = self.free_at.max(now);
        if begins >= from && begins < to {
            begins = to;
        }
        self.free_at = begins + Duration::from_secs_f64(1.0 / self.per_second);
        let gives_up = now + self.timeout;
        if self.free_at <= gives_up { (self.free_at, Answer::Ok) } else { (gives_up, Answer::Timeout) }
    }
}

/// Fails this share of all requests at once, with a hint or without.
pub struct Failing(pub f64, pub Option<Duration>);

impl Server for Failing {
    fn answer(&mut self, now: Duration, chance: &mut Chance) -> (Duration, Answer) {
        let fails = chance.unit() < self.0;
        (now + round_trip(chance), if fails { Answer::Status(503, self.1) } else { Answer::Ok })
    }
}

/// Refuses a single request, and is well otherwise.
pub struct Once {
    /// The number of the request, from 0.
    pub refuses: usize,
    pub retry_after: Duration,
    requests: usize,
}

impl Once {
    pub fn new(refuses: usize, retry_after: Duration) -> Self {
        Self { refuses, retry_after, requests: 0 }
    }
}

impl Server for Once {
    fn answer(&mut self, now: Duration, chance: &mut Chance) -> (Duration, Answer) {
        let is_refused = self.requests == self.refuses;
        self.requests += 1;
        let answer = if is_refused { Answer::Status(429, Some(self.retry_after)) } else { Answer::Ok };
        (now + round_trip(chance), answer)
    }
}

/// nginx's `limit_req rate=.. burst=.. nodelay`, which answers 429 with `Retry-After`.
pub struct Limited {
    pub per_second: f64,
    pub burst: f64,
    pub retry_after: Duration,
    excess: f64,
    last: Duration,
}

impl Limited {
    pub fn new(per_second: f64, burst: f64, retry_after: Duration) -> Self {
        Self { per_second, burst, retry_after, excess: 0.0, last: Duration::ZERO }
    }
}

impl Server for Limited {
    fn answer(&mut self, now: Duration, chance: &mut Chance) -> (Duration, Answer) {
        let drained = self.per_second * now.saturating_sub(self.last).as_secs_f64();
        let excess = (self.excess - drained + 1.0).max(0.0);
        let when = now + round_trip(chance);
        // As in nginx: the very first is no excess, and a refused one does not count.
        if excess > self.burst + 1.0 {
            return (when, Answer::Status(429, Some(self.retry_after)));
        }
        (self.excess, self.last) = (excess, now);
        (when, Answer::Ok)
    }
}

fn round_trip(chance: &mut Chance) -> Duration {
    Duration::from_secs_f64(0.005 + 0.01 * chance.unit())
}
