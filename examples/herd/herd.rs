//! Many callers, some machines, one server.

use std::time::Duration;

use retry_http::Policy;

use crate::caller::{Answer, Caller, Shared, Step};
use crate::world::{Chance, Events};

/// Who calls.
#[derive(Clone, Copy)]
pub enum Load {
    /// So many new calls a second, whatever becomes of them.
    Offered(f64),
    /// So many clients that each call again when a call is over; a second later, where it failed.
    Clients(usize),
}

/// Counts by second.
#[derive(Clone, Default)]
pub struct Tally {
    /// Calls that began.
    pub calls: Vec<u32>,
    /// Requests that the server got.
    pub sent: Vec<u32>,
    /// Requests that it refused or failed.
    pub refused: Vec<u32>,
    /// Calls that succeeded.
    pub good: Vec<u32>,
    /// Calls that failed, those that could not pay among them.
    pub failed: Vec<u32>,
    pub not_paid: Vec<u32>,
}

impl Tally {
    fn new(seconds: usize) -> Self {
        let zeros = vec![0; seconds];
        Self {
            calls: zeros.clone(),
            sent: zeros.clone(),
            refused: zeros.clone(),
            good: zeros.clone(),
            failed: zeros.clone(),
            not_paid: zeros,
        }
    }
}

pub fn sum(counts: &[u32]) -> f64 {
    counts.iter().map(|&n| f64::from(n)).sum()
}

/// A server: when it answers a request that comes now, and what.
pub trait Server {
    fn answer(&mut self, now: Duration, chance: &mut Chance) -> (Duration, Answer);
}

enum Event {
    Begin(usize),
    /// It may be time to send.
    Ask(usize),
    Answered(usize, Answer),
}

/// Runs for so many seconds. The callers are spread over the machines, each with what its callers share.
pub fn run(
    load: Load,
    seconds: usize,
    policy: &Policy,
    machines: &[Shared<'_>],
    server: &mut impl Server,
    chance: &mut Chance,
) -> Tally {
    let end = Duration::from_secs(seconds as u64);
    let mut events = Events::new();
    let mut tally = Tally::new(seconds);
    let mut callers = Vec::new();
    match load {
        Load::Offered(_) => events.at(Duration::ZERO, Event::Begin(0)),
        Load::Clients(n) => {
            // At once, as after a deployment.
            (0..n).for_each(|id| events.at(Duration::from_secs_f64(0.01 * chance.unit()), Event::Begin(id)));
        }
    }
    while let Some((now, event)) = events.next() {
        if now >= end {
            break;
        }
        let second = now.as_secs() as usize;
        match event {
            Event::Begin(id) => {
                tally.calls[second] += 1;
                let machine = match load {
                    Load::Offered(_) => chance.below(machines.len()),
                    Load::Clients(_) => id % machines.len(),
                };
                let caller = Caller::new(policy, machines[machine]);
                if id < callers.len() {
                    callers[id] = caller;
                } else {
                    callers.resize_with(id, || Caller::new(policy, Shared::Nothing));
                    callers.push(caller);
                }
                events.at(now, Event::Ask(id));
                if let Load::Offered(rate) = load {
                    events.at(now + chance.pause(rate), Event::Begin(callers.len()));
                }
            }
            Event::Ask(id) => {
                if let Some(wait) = callers[id].before(now) {
                    events.at(now + wait, Event::Ask(id));
                } else {
                    tally.sent[second] += 1;
                    let (when, answer) = server.answer(now, chance);
                    tally.refused[second] += u32::from(answer != Answer::Ok);
                    events.at(when, Event::Answered(id, answer));
                }
            }
            Event::Answered(id, answer) => {
                let again = match callers[id].after(now, answer, chance) {
                    Step::Wait(wait) => {
                        events.at(now + wait, Event::Ask(id));
                        continue;
                    }
                    Step::Succeeded => {
                        tally.good[second] += 1;
                        now
                    }
                    step => {
                        tally.failed[second] += 1;
                        tally.not_paid[second] += u32::from(matches!(step, Step::NotPaid));
                        now + Duration::from_secs(1)
                    }
                };
                if let Load::Clients(_) = load {
                    events.at(again, Event::Begin(id));
                }
            }
        }
    }
    tally
}
