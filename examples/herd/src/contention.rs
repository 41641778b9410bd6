//! AWS's experiment, after Marc Brooker's simulator: so many clients write the same row at once,
//! and a write counts only if nobody has written since the client's read. The network takes 10 ms ±
//! 2 ms a way.

use std::time::Duration;

use retry_http::{Condition, Jitter, Policy};

use crate::caller::{Answer, Caller, Shared, Step};
use crate::world::{Chance, Events};

/// Name, what is in the plots, and the base: the published simulator waits `base · 2¹` first, and
/// "decorrelated" `base`, with a base of 5 ms.
pub const SPREADS: [(&str, Jitter, u64); 5] = [
    ("none", Jitter::None, 10),
    ("full", Jitter::Full, 10),
    ("equal", Jitter::Equal, 10),
    ("decorrelated", Jitter::Decorrelated, 5),
    ("+0–50 % (default)", Jitter::Fraction(0.5), 10),
];

enum Event {
    Read,
    Write { version: u32 },
    Written { counts: bool },
}

fn at(now: Duration, chance: &mut Chance) -> Duration {
    now + Duration::from_secs_f64(chance.normal(0.010, 0.002).abs())
}

/// Seconds until all have written, and how many writes were sent.
pub fn run(clients: usize, jitter: Jitter, base: u64, chance: &mut Chance) -> (f64, f64) {
    let policy = Policy::builder()
        .max(u32::MAX)
        .on(&[Condition::Status(409)])
        .base(Duration::from_millis(base))
        .cap(Duration::from_secs(2))
        .jitter(jitter)
        .build()
        .expect("a policy");
    let mut callers: Vec<_> = (0..clients).map(|_| Caller::new(0, &policy, Shared::Nothing)).collect();
    let mut events = Events::new();
    (0..clients).for_each(|id| events.at(at(Duration::ZERO, chance), (id, Event::Read)));
    let (mut version, mut writes, mut last) = (0, 0.0, Duration::ZERO);
    while let Some((now, (id, event))) = events.next() {
        last = now;
        match event {
            // The answer travels to the client, and its write back.
            Event::Read => events.at(at(at(now, chance), chance), (id, Event::Write { version })),
            Event::Write { version: read } => {
                writes += 1.0;
                let counts = read == version;
                version += u32::from(counts);
                events.at(at(now, chance), (id, Event::Written { counts }));
            }
            Event::Written { counts } => {
                let answer = if counts { Answer::Ok } else { Answer::Status(409, None) };
                if let Step::Wait(wait) = callers[id].after(now, answer, chance) {
                    events.at(at(now + wait, chance), (id, Event::Read));
                }
            }
        }
    }
    (last.as_secs_f64(), writes)
}

/// The mean of so many runs.
pub fn mean(clients: usize, jitter: Jitter, base: u64, runs: u32, chance: &mut Chance) -> (f64, f64) {
    let (mut seconds, mut calls) = (0.0, 0.0);
    for _ in 0..runs {
        let (s, c) = run(clients, jitter, base, chance);
        seconds += s / f64::from(runs);
        calls += c / f64::from(runs);
    }
    (seconds, calls)
}
