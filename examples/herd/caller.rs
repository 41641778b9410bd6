//! One call, as the generated loop makes it: everything it decides is decided by the library.

use std::time::Duration;

use http::StatusCode;
use retry_http::{Exchange, Failure, Policy, Retry, Stop, Ticket, Upstream, Verdict};

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
    retry: Retry<'u>,
    ticket: Ticket,
    policy: &'u Policy,
    shared: Shared<'u>,
}

impl<'u> Caller<'u> {
    pub fn new(policy: &'u Policy, shared: Shared<'u>) -> Self {
        Self { retry: Retry::new(policy), ticket: Ticket::default(), policy, shared }
    }

    /// Before an attempt: how long to wait and ask again, or `None` to go.
    pub fn before(&mut self, now: Duration) -> Option<Duration> {
        match self.shared {
            Shared::Nothing => None,
            Shared::Naive(upstream) => upstream.remaining_cooldown(now),
            Shared::Upstream(upstream) => {
                upstream.admit(&mut self.ticket, now, self.policy.max_retry_after())
            }
        }
    }

    /// After an attempt.
    pub fn after(&mut self, now: Duration, answer: Answer, chance: &mut Chance) -> Step {
        let exchange = exchange(answer);
        let mut verdict = self.retry.next(&exchange, Duration::ZERO, || chance.unit());
        match self.shared {
            Shared::Nothing => {}
            // It holds back, and nothing else.
            Shared::Naive(upstream) => {
                if let Some(hint) = exchange.hint() {
                    upstream.on_refusal(now, hint, chance.unit());
                }
            }
            Shared::Upstream(upstream) => {
                verdict = upstream.on_attempt(&exchange, verdict, now, chance.unit());
                self.ticket = Ticket::default();
            }
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
    let mut exchange = Exchange::default();
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
