//! One call, as the generated loop makes it: everything it decides is decided by the library.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use retry_http::{Admission, Exchange, Failure, Policy, Retry, Stop, Ticket, Upstream, Verdict};

use crate::world::Chance;

/// The answer of a server to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Ok,
    Status(u16, Option<Duration>),
    Timeout,
}

/// State that callers on one machine share.
#[derive(Clone, Copy)]
pub enum Shared<'u> {
    Nothing,
    /// A cooldown as one would write it first: wait until the hint is over, then go, everybody.
    Naive(&'u Upstream),
    Upstream(&'u Upstream),
}

/// The next step of a call.
pub enum Step {
    Wait(Duration),
    Succeeded,
    Failed,
    /// The budget could not pay for the next attempt.
    NotPaid,
}

pub struct Caller<'u> {
    /// The number of the call.
    pub call: u64,
    retry: Retry<'u>,
    /// `None` where nothing is shared.
    ticket: Option<Ticket<'u>>,
    policy: &'u Policy,
    shared: Shared<'u>,
}

impl<'u> Caller<'u> {
    pub fn new(call: u64, policy: &'u Policy, shared: Shared<'u>) -> Self {
        let ticket = match shared {
            Shared::Nothing => None,
            Shared::Naive(upstream) | Shared::Upstream(upstream) => Some(upstream.ticket()),
        };
        Self { call, retry: Retry::new(policy), ticket, policy, shared }
    }

    /// Before an attempt: whether it may be sent.
    pub fn before(&mut self, now: Duration) -> Admission {
        match (self.shared, &mut self.ticket) {
            (Shared::Naive(upstream), _) => {
                upstream.remaining_cooldown_at(now).map_or(Admission::Send, Admission::Wait)
            }
            (Shared::Upstream(_), Some(ticket)) => ticket.admit(now, self.policy.max_retry_after()),
            _ => Admission::Send,
        }
    }

    /// After an attempt.
    pub fn after(&mut self, now: Duration, answer: Answer, chance: &mut Chance) -> Step {
        let exchange = exchange(answer);
        let mut verdict = self.retry.next(&exchange, Duration::ZERO, || chance.unit());
        match (self.shared, &mut self.ticket) {
            // It holds back, and nothing else.
            (Shared::Naive(_), Some(ticket)) => {
                if let (Some(hint), Some(status)) = (exchange.hint(), exchange.status()) {
                    ticket.on_refusal(status, hint, now, chance.unit());
                }
            }
            (Shared::Upstream(_), Some(ticket)) => {
                verdict = ticket.on_attempt(&exchange, verdict, now, chance.unit());
            }
            _ => {}
        }
        match verdict {
            Verdict::Wait(wait) => Step::Wait(wait),
            Verdict::Stop(_) if answer == Answer::Ok => Step::Succeeded,
            Verdict::Stop(Stop::Budget) => Step::NotPaid,
            Verdict::Stop(_) => Step::Failed,
        }
    }
}

fn exchange(answer: Answer) -> Exchange {
    let mut exchange = Exchange::new(&Method::GET, &HeaderMap::new());
    match answer {
        Answer::Ok => exchange.on_response(StatusCode::OK),
        Answer::Status(status, hint) => {
            exchange.on_response(StatusCode::from_u16(status).expect("a status"));
            if let Some(hint) = hint {
                exchange.record_hint(hint);
            }
        }
        Answer::Timeout => exchange.on_error(Failure::Timeout),
    }
    exchange
}
