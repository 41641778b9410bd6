//! Many callers, some machines, one server.

use std::time::Duration;

use retry_http::{Admission, Policy};

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

/// Each but the first names the caller and its call, which may be over.
enum Event {
    Begin(usize),
    /// It may be time to send.
    Ask(usize, u64),
    Answered(usize, u64, Answer),
    /// The caller has waited for long enough, and drops its call.
    Leave(usize, u64),
}

/// Runs for so many seconds. The callers are spread over the machines, each with what its callers
/// share.
pub fn run(
    load: Load,
    seconds: usize,
    policy: &Policy,
    machines: &[Shared<'_>],
    server: &mut impl Server,
    chance: &mut Chance,
) -> Tally {
    run_impatient(None, load, seconds, policy, machines, server, chance)
}

/// Runs as [`run`] does, with callers that drop their calls after so long.
pub fn run_impatient(
    patience: Option<Duration>,
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
    let mut callers: Vec<Option<Caller<'_>>> = Vec::new();
    let mut call = 0;
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
                call += 1;
                if id >= callers.len() {
                    callers.resize_with(id + 1, || None);
                }
                callers[id] = Some(Caller::new(call, policy, machines[machine]));
                events.at(now, Event::Ask(id, call));
                if let Some(patience) = patience {
                    events.at(now + patience, Event::Leave(id, call));
                }
                if let Load::Offered(rate) = load {
                    events.at(now + chance.pause(rate), Event::Begin(callers.len()));
                }
            }
            Event::Ask(id, call) => {
                let Some(caller) = callers[id].as_mut().filter(|caller| caller.call == call) else {
                    continue;
                };
                match caller.before(now) {
                    Admission::Send => {
                        tally.sent[second] += 1;
                        let (when, answer) = server.answer(now, chance);
                        tally.refused[second] += u32::from(answer != Answer::Ok);
                        events.at(when, Event::Answered(id, call, answer));
                    }
                    Admission::Wait(wait) => events.at(now + wait, Event::Ask(id, call)),
                    _ => {
                        tally.failed[second] += 1;
                        callers[id] = None;
                        if let Load::Clients(_) = load {
                            events.at(now + Duration::from_secs(1), Event::Begin(id));
                        }
                    }
                }
            }
            Event::Leave(id, call) => {
                // Whatever it waits for, its ticket is dropped.
                if callers[id].as_ref().is_some_and(|caller| caller.call == call) {
                    tally.failed[second] += 1;
                    callers[id] = None;
                }
            }
            Event::Answered(id, call, answer) => {
                let Some(caller) = callers[id].as_mut().filter(|caller| caller.call == call) else {
                    continue;
                };
                let again = match caller.after(now, answer, chance) {
                    Step::Wait(wait) => {
                        events.at(now + wait, Event::Ask(id, call));
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
                callers[id] = None;
                if let Load::Clients(_) = load {
                    events.at(again, Event::Begin(id));
                }
            }
        }
    }
    tally
}
